"""All four sites crawled through Airflow: MySQL holds the truth, and the workers came and went."""

import pytest
from newssite_in_cluster import SITES

pytestmark = pytest.mark.cluster

COOLDOWN_SECONDS = 10  # values-test.yaml
SLACK_SECONDS = 45  # a busy machine, on which a reading may fail


@pytest.mark.parametrize("site", SITES)
def test_every_article_in_mysql_is_the_truth(crawled, site):
    assert crawled.states[site] == "success"
    assert crawled.result["sites"][site]["expected"] > 50
    assert crawled.result["sites"][site]["wrong"] == []


@pytest.mark.parametrize("site", SITES)
def test_each_queue_went_from_zero_to_several_workers_and_back(crawled, site):
    replicas = [row[2] for row in crawled.result["queues"][site]]
    assert replicas[0] == 0
    assert max(replicas) > 1
    assert replicas[-1] == 0


@pytest.mark.parametrize("site", SITES)
def test_no_queue_holds_a_worker_after_the_cooldown(crawled, site):
    rows = crawled.result["queues"][site]
    busy = max(seconds for seconds, backlog, _ in rows if backlog)
    held = max(seconds for seconds, _, replicas in rows if replicas)
    assert held - busy < COOLDOWN_SECONDS + SLACK_SECONDS


def test_logs_are_readable_after_the_workers_are_gone(installation, crawled):
    with installation.airflow() as airflow:
        run = airflow.runs("crawl_dure")[0]["dag_run_id"]
        discover = next(task for task in airflow.tasks("crawl_dure", run) if task["task_id"] == "discover")
        assert "links" in airflow.log(discover)


def test_no_task_lost_a_try(installation, crawled):
    with installation.airflow() as airflow:
        for site in SITES:
            for run in airflow.runs(f"crawl_{site}"):
                tasks = airflow.tasks(f"crawl_{site}", run["dag_run_id"])
                assert {task["try_number"] for task in tasks} == {1}


def test_no_host_is_asked_faster_than_it_allows(crawled):
    """harbor's robots.txt asks for a quarter of a second between requests; all its workers share that."""
    times = [one["time"] for one in crawled.requests["harbor"] if not one["path"].startswith("/_")]
    # one request may be late and shorten the gap to the next one: what counts is how many there are in a while
    whiles = [later - earlier for earlier, later in zip(times, times[10:], strict=False)]
    assert min(whiles) >= 10 * 0.25 * 0.9
    assert times[-1] - times[0] >= (len(times) - 1) * 0.25 * 0.98


def test_nothing_is_fetched_twice_or_against_robots(crawled):
    for site in SITES:
        paths = [one["path"] for one in crawled.requests[site] if one["status"] == 200 and one["path"] != "/robots.txt"]
        assert len(paths) > 50
        assert len(paths) == len(set(paths))
    assert not [one for one in crawled.requests["harbor"] if one["path"].startswith("/print/")]
