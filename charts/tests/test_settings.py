"""Values become the text of configuration files as each server reads it, whatever YAML makes of them."""

from __future__ import annotations

import pytest
import yaml

# a number above 999,999 is a float with an exponent to Helm, when it comes from a file
GIVEN = {"big": 104857600, "small": 0.5, "yes": True, "no": False, "word": "on", "zero": 0}
FILES = {
    "mysql.config": ("newscrawl-mysql", "my.cnf", "{} = {}\n", ("ON", "OFF"), "innodb_redo_log_capacity"),
    "redis.config": ("newscrawl-redis", "redis.conf", "{} {}\n", ("yes", "no"), "tcp-keepalive"),
    "hdfs.config": ("newscrawl-hdfs", "hdfs-site.xml", "<name>{}</name><value>{}</value>", ("true", "false"),
                    "dfs.datanode.hostname"),
    "config.core": ("newscrawl-airflow-cfg", "airflow.cfg", "{} = {}\n", ("True", "False"), "default_timezone"),
}  # fmt: skip


@pytest.mark.parametrize("key", FILES)
def test_numbers_booleans_and_nulls_of_a_values_file(render, tmp_path, key):
    name, file, line, (yes, no), dropped = FILES[key]
    part, section = key.split(".")
    values = {"hdfs": {"enabled": True}}
    values.setdefault(part, {})[section] = {**GIVEN, dropped: None}
    (tmp_path / "values.yaml").write_text(yaml.safe_dump(values))
    text = render("default", "-f", str(tmp_path / "values.yaml")).one("ConfigMap", name)["data"][file]
    wanted = {"big": "104857600", "small": "0.5", "yes": yes, "no": no, "word": "on", "zero": "0"}
    assert not [key for key, value in wanted.items() if line.format(key, value) not in text], text
    assert f"\n{dropped}" not in text
    assert f">{dropped}<" not in text
