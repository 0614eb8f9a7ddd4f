"""Which pods an upgrade replaces: those that what changed is for, and no other."""

from __future__ import annotations

import re
import shutil

import pytest
import yaml

CHANGES_OF_QUEUES = {
    "one more queue": ("--set", "workers.queues.more.concurrency=4"),
    "more workers": ("--set", "workers.queues.quick.autoscaling.maxReplicaCount=9"),
    "longer backlogs": ("--set", "workers.backlogPerSlot=20"),
    "sites of the image": ("--set", "crawler.publishers={bbc}"),
}


def templates(rendered):
    """The pod templates by what they belong to; the bootstrap Job's without the digest in its name."""
    pods = {re.sub(r"-bootstrap-\w+$", "-bootstrap", name): pod for name, pod in rendered.pods()}
    return {name: pod for name, pod in pods.items() if not name.startswith("Pod/")}


@pytest.mark.parametrize("change", CHANGES_OF_QUEUES)
def test_a_change_of_queues_or_sites_replaces_no_other_worker_and_no_server(render, change):
    queues = ("--set-json", 'workers.queues={"default":{},"quick":{}}')
    before = templates(render("existing-secrets", *queues))
    after = templates(render("existing-secrets", *queues, *CHANGES_OF_QUEUES[change]))
    after.pop("StatefulSet/newscrawl-worker-more", None)
    assert before.keys() == after.keys()
    changed = {name for name in before if before[name] != after[name]}
    assert changed
    assert changed <= {"Deployment/newscrawl-scheduler", "Deployment/newscrawl-dag-processor"}


def test_a_new_chart_with_the_same_images_and_values_replaces_nothing(render, helm, chart, tmp_path):
    shutil.copytree(chart, tmp_path / "chart")
    about = tmp_path / "chart" / "Chart.yaml"
    new = {"version": "9.9.9", "appVersion": "9.9.9"}
    about.write_text(yaml.safe_dump(yaml.safe_load(about.read_text()) | new))
    images = ("--set", "image.tag=v1", "--set", "scalerImage.tag=v1")
    before, after = render("existing-secrets", *images), render("existing-secrets", *images, chart=tmp_path / "chart")
    assert before.objects != after.objects
    assert templates(before) == templates(after)
    assert {item["metadata"]["name"] for item in before.of("Job")} == {
        item["metadata"]["name"] for item in after.of("Job")
    }
