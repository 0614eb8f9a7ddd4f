"""The release is removed and installed again on its kept volumes and Secrets, now with an HDFS of its own."""

import json
from collections import Counter

import demo
import pytest
from cluster import hdfs
from installation import until

pytestmark = pytest.mark.cluster

# What the lake holds of a day, from memory and in one thread: a thread of pyarrow that still holds a file of Python's
# as the interpreter ends aborts the process.
READ = """
import sys
from newscrawl import settings
from newscrawl.lake.filesystem import open_lake
from pyarrow import BufferReader
from pyarrow.parquet import ParquetFile
told = settings.load()
lake = open_lake(told.require_lake(), told.lake_options)
for path in lake.files.find(f"{lake.root}/articles"):
    if sys.argv[1] in path:
        table = ParquetFile(BufferReader(lake.files.cat_file(path))).read(["canonical_url"], use_threads=False)
        print(*table["canonical_url"].to_pylist())
"""


@pytest.fixture(scope="module")
def reinstalled(installation, crawled, tags):
    before = (
        installation.rows("SELECT COUNT(*) AS articles FROM articles"),
        installation.secret("newscrawl-airflow", "admin-password"),
    )
    values = hdfs.chart_values(installation.environment)
    installation.uninstall()
    installation.install(*demo.demo_values(tags), *values)
    return before


def test_a_new_installation_finds_the_data_and_passwords_of_the_old_one(installation, reinstalled):
    count, password = reinstalled
    assert installation.secret("newscrawl-airflow", "admin-password") == password
    assert installation.rows("SELECT COUNT(*) AS articles FROM articles") == count
    with installation.airflow() as airflow:
        assert airflow.runs("crawl_hanbit")


def test_the_articles_of_a_day_reach_the_hdfs_of_the_release(installation, reinstalled):
    query = "/jmx?qry=Hadoop:service=NameNode,name=FSNamesystemState"
    name_node = f"/api/v1/namespaces/{installation.namespace}/services/{installation.release}-namenode:http/proxy"

    def has_data_node() -> bool:
        beans = json.loads(installation.run("kubectl", "get", "--raw", name_node + query))["beans"]
        return bool(beans) and beans[0]["NumLiveDataNodes"] == 1

    until("the DataNode has reported", has_data_node, seconds=120)
    versions = installation.rows(
        "SELECT DATE(a.fetched) AS day, a.canonical_url AS url FROM articles a UNION ALL "
        "SELECT DATE(v.fetched), a.canonical_url FROM article_versions v JOIN articles a ON a.id = v.article_id"
    )
    day = max(row["day"] for row in versions)
    with installation.airflow() as airflow:
        run = airflow.trigger("load_lake", {"day": day.isoformat()})
        assert airflow.ended("load_lake", run, seconds=300) == "success"
    pod = ("exec", "deploy/newscrawl-dag-processor", "--", "python", "-c", READ, day.isoformat())
    loaded = Counter(installation.kubectl(*pod).split())
    assert loaded == Counter(row["url"] for row in versions if row["day"] == day)
