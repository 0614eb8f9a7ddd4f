"""The UI's defaults reach every HTML page and nothing else."""

import pytest
from newscrawl_airflow.ui_defaults import UiDefaults, script
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

PAGE = "<!doctype html><html><head><title>Airflow</title></head><body></body></html>"


@pytest.fixture
def client():
    routes = [Route("/", lambda _: HTMLResponse(PAGE)), Route("/api", lambda _: JSONResponse({"head": "<head>"}))]
    return TestClient(UiDefaults(Starlette(routes=routes), element=script("Asia/Seoul", "graph")))


def test_page_stores_the_defaults_where_the_user_has_chosen_nothing(client):
    page = client.get("/")
    assert '"timezone": "\\"Asia/Seoul\\""' in page.text
    assert '"default_dag_view": "\\"graph\\""' in page.text
    assert "getItem(k)===null" in page.text
    assert page.text.startswith("<!doctype html><html><head><script>")
    assert int(page.headers["content-length"]) == len(page.content)


def test_other_answers_stay_as_they_are(client):
    assert client.get("/api").json() == {"head": "<head>"}


def test_no_defaults_no_script():
    assert script("", "") == b""


def test_values_cannot_end_the_script():
    assert b"</script><b>" not in script("</script><b>", "")
