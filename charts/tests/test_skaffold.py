"""skaffold.yaml, which no test can run: all that it names exists, and its releases render with its images."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonpatch
import jsonschema
import pytest
import yaml

ROOT = Path(__file__).parents[2]
CONFIG = yaml.safe_load((ROOT / "skaffold.yaml").read_text())
SCHEMA = ROOT.parent / "shared" / "schemas" / f"skaffold-{CONFIG['apiVersion'].rpartition('/')[2]}.json"
PROFILES = ("", "demo", "gke")


def applied(name: str) -> dict[str, Any]:
    """The configuration with a profile, as skaffold applies one: its sections replace, then its patches."""
    config = {key: value for key, value in CONFIG.items() if key != "profiles"}
    for profile in CONFIG["profiles"]:
        if profile["name"] == name:
            for section in ("build", "manifests"):
                config[section] = {**config.get(section, {}), **profile.get(section, {})}
            config = jsonpatch.apply_patch(config, profile.get("patches", []))
    return config


def test_profiles_are_those_of_the_tests():
    assert {profile["name"] for profile in CONFIG["profiles"]} == set(PROFILES) - {""}


@pytest.mark.skipif(not SCHEMA.exists(), reason=f"no schema of skaffold at {SCHEMA}")
@pytest.mark.parametrize("profile", PROFILES)
def test_is_what_skaffold_reads(profile):
    schema = json.loads(SCHEMA.read_text())
    jsonschema.validate(CONFIG, schema)
    jsonschema.validate(applied(profile), schema)


@pytest.mark.parametrize("profile", PROFILES)
def test_images_are_built_from_what_is_there(profile):
    for artifact in applied(profile)["build"]["artifacts"]:
        dockerfile = artifact.get("docker", {}).get("dockerfile", "Dockerfile")
        folder = ROOT if "/" in dockerfile else ROOT / artifact["context"]
        assert (folder / dockerfile).is_file(), artifact["image"]


@pytest.mark.parametrize("profile", PROFILES)
def test_release_renders_with_the_images_that_are_built(profile, helm):
    config = applied(profile)
    built = {artifact["image"] for artifact in config["build"]["artifacts"]}
    (release,) = config["deploy"]["helm"]["releases"]
    assert (ROOT / release["chartPath"]).resolve() == ROOT / "charts" / "newscrawl-airflow"
    arguments = [part for file in release["valuesFiles"] for part in ("-f", ROOT / file)]
    for key, file in release.get("setFiles", {}).items():
        arguments += ["--set-file", f"{key}={ROOT / file}"]
    names = {image.replace("/", "_").replace("-", "_"): image for image in built}
    for key, template in release["setValueTemplates"].items():
        kind, name = re.fullmatch(r"\{\{\.IMAGE_(REPO|TAG)_(\w+)}}", template).groups()
        arguments += ["--set", f"{key}={names[name] if kind == 'REPO' else 'built'}"]
    done = helm(*arguments)
    assert done.returncode == 0, done.stderr
    images = set(re.findall(r"image: \"?([\w./:-]+)", done.stdout))
    ours = {image for image in images if image.startswith("newscrawl-airflow/")}
    assert ours == {"newscrawl-airflow/crawler:built", "newscrawl-airflow/queue-scaler:built"}


def test_sites_of_the_demo_run_with_the_image_that_is_built():
    config = applied("demo")
    assert config["deploy"]["kubectl"] == {}
    built = {artifact["image"] for artifact in config["build"]["artifacts"]}
    for manifest in config["manifests"]["rawYaml"]:
        objects = list(yaml.safe_load_all((ROOT / manifest).read_text()))
        images = {
            container["image"].rpartition(":")[0]
            for item in objects
            if item["kind"] == "Deployment"
            for container in item["spec"]["template"]["spec"]["containers"]
        }
        assert images
        assert images <= built
    (release,) = config["deploy"]["helm"]["releases"]
    queues = yaml.safe_load((ROOT / "k8s-tests" / "values-demo.yaml").read_text())["workers"]["queues"]
    assert {key.removeprefix("sites.") for key in release["setFiles"]} | {"default"} == set(queues)


def test_dag_files_are_copied_to_where_the_image_has_them():
    artifact = next(one for one in CONFIG["build"]["artifacts"] if one["image"] == "newscrawl-airflow/crawler")
    (rule,) = artifact["sync"]["manual"]
    dockerfile = (ROOT / artifact["docker"]["dockerfile"]).read_text()
    assert list(ROOT.glob(rule["src"]))
    assert re.search(rf"^COPY .*{rule['strip'].rstrip('/')}/? {rule['dest']}/?$", dockerfile, re.MULTILINE)
