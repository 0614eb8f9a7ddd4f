"""The release is removed and installed again on its kept volumes and Secrets."""

import demo
import pytest

pytestmark = pytest.mark.cluster


def test_a_new_installation_finds_the_data_and_passwords_of_the_old_one(installation, crawled, tags):
    count = installation.rows("SELECT COUNT(*) AS articles FROM articles")
    password = installation.secret("newscrawl-airflow", "admin-password")
    installation.uninstall()
    installation.install(*demo.demo_values(tags))
    assert installation.secret("newscrawl-airflow", "admin-password") == password
    assert installation.rows("SELECT COUNT(*) AS articles FROM articles") == count
    with installation.airflow() as airflow:
        assert airflow.runs("crawl_hanbit")
