"""What the images promise and no build has to show: the same servers everywhere, and Spark only on top."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from cluster import versions

CRAWLER = Path(__file__).parents[2] / "crawler_image"


def locked(name: str) -> set[str]:
    """The requirements of a lock file, each with its version, its marker and its hashes."""
    return set(re.findall(r"^\w.*?[^\\]$", (CRAWLER / name).read_text(), re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize(("part", "image"), [("mysql", versions.MYSQL_IMAGE), ("redis", versions.REDIS_IMAGE)])
def test_tests_run_on_the_server_that_the_chart_installs(chart, part, image):
    named = yaml.safe_load((chart / "values.yaml").read_text())[part]["image"]
    assert f"{named['repository']}:{named['tag']}" == image


def test_lock_with_spark_has_the_provider_beside_all_that_the_other_has():
    usual, with_spark = locked("requirements.txt"), locked("requirements-spark.txt")
    assert len(usual) > 200
    assert sorted(usual - with_spark) == []
    extras = tomllib.loads((CRAWLER / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    added = {requirement.split(" ")[0] for requirement in with_spark - usual}
    assert set(extras["spark"]) <= added
