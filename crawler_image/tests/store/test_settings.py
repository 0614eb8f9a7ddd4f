"""Settings name the variable that is wrong, and keep passwords to themselves."""

from pathlib import Path

import pytest
from newscrawl.settings import SettingsError, load


def test_everything_can_be_told() -> None:
    settings = load(
        {
            "NEWSCRAWL_MYSQL_URL": "mysql+pymysql://newscrawl:s%40cret@db:3306/articles",
            "NEWSCRAWL_REDIS_URL": "redis://:s3cret@redis:6379/1",
            "NEWSCRAWL_USER_AGENT": "ours/1",
            "NEWSCRAWL_DATA_DIR": "/data",
            "NEWSCRAWL_SITES": "/etc/newscrawl/sites:/other",
            "NEWSCRAWL_QUEUES": "default, harbor,",
            "NEWSCRAWL_QUEUE": "harbor",
            "NEWSCRAWL_MYSQL_PATIENCE": "10",
            "NEWSCRAWL_LEASE": "2.5",
            "NEWSCRAWL_LAKE_URL": "gs://bucket/news",
            "NEWSCRAWL_LAKE_OPTIONS": '{"token": {"private_key": "s3cret"}}',
            "HOME": "/nowhere",
        }
    )
    assert settings.warc_dir == Path("/data/warc")
    assert settings.sites[1:] == (Path("/etc/newscrawl/sites"), Path("/other"))
    assert settings.sites[0].name == "sites"
    assert settings.queues == {"default", "harbor"}
    assert (settings.queue, settings.user_agent) == ("harbor", "ours/1")
    assert (settings.mysql_patience, settings.lease) == (10.0, 2.5)
    assert (settings.require_lake(), settings.lake_options["token"]) == ("gs://bucket/news", {"private_key": "s3cret"})
    assert "cret" not in repr(settings)


def test_publishers_are_all_some_or_none() -> None:
    assert load({}).publishers is None
    assert load({"NEWSCRAWL_PUBLISHERS": "*"}).publishers is None
    assert load({"NEWSCRAWL_PUBLISHERS": "bbc, asahi"}).publishers == {"asahi", "bbc"}
    assert load({"NEWSCRAWL_PUBLISHERS": ""}).publishers == frozenset()


def test_what_is_needed_is_named_only_when_it_is_needed() -> None:
    settings = load({"NEWSCRAWL_MYSQL_URL": "  "})
    with pytest.raises(SettingsError, match=r"^NEWSCRAWL_MYSQL_URL is not set: .*mysql\+pymysql://"):
        settings.require_mysql()
    with pytest.raises(SettingsError, match=r"^NEWSCRAWL_REDIS_URL is not set"):
        settings.require_redis()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NEWSCRAWL_MYSQL_URL", "mysql://u:hidden@db/articles"),
        ("NEWSCRAWL_MYSQL_URL", "mysql+pymysql://u:hid/den@db:3306/articles"),
        ("NEWSCRAWL_MYSQL_URL", "mysql+pymysql://u:hidden@[db/articles"),
        ("NEWSCRAWL_MYSQL_URL", "mysql+pymysql://u:hidden@db"),
        ("NEWSCRAWL_REDIS_URL", "u:hidden@redis"),
        ("NEWSCRAWL_REDIS_URL", "redis://"),
        ("NEWSCRAWL_MYSQL_PATIENCE", "soon"),
        ("NEWSCRAWL_LEASE", "0"),
        ("NEWSCRAWL_LEASE", "nan"),
    ],
)
def test_a_wrong_value_names_its_variable_and_shows_no_password(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name}: ") as refused:
        load({name: value})
    assert "hid" not in str(refused.value)
