import asyncio
import gc
import weakref

import pytest
from lightkube.models.apps_v1 import StatefulSetSpec
from lightkube.models.autoscaling_v1 import ScaleSpec
from lightkube.models.core_v1 import PodTemplateSpec
from lightkube.models.meta_v1 import LabelSelector, ObjectMeta
from lightkube.resources.apps_v1 import StatefulSet, StatefulSetScale
from queue_scaler.decide import Workers
from queue_scaler.kube import PAUSED, PAUSED_REPLICAS, StatefulSets


def stateful_set(name, replicas, version, **annotations):
    spec = StatefulSetSpec(
        replicas=replicas, selector=LabelSelector(), serviceName="workers", template=PodTemplateSpec()
    )
    metadata = ObjectMeta(name=name, resourceVersion=str(version), annotations=annotations)
    return StatefulSet(metadata=metadata, spec=spec)


class Listed:
    """What lightkube gives for a list."""

    resourceVersion = "9"

    def __init__(self, items):
        self._items = items

    async def __aiter__(self):
        for make in self._items:
            yield make()


class Client:
    """An API server of one StatefulSet for each of `listed`, which tells `watched` and takes every new scale."""

    def __init__(self, listed, watched=()):
        self.listed = listed
        self.watched = watched

    def list(self, kind, chunk_size):
        return Listed(self.listed)

    async def watch(self, kind, resource_version):
        for event in self.watched:
            yield event

    async def patch(self, kind, name, body, patch_type):
        return StatefulSetScale(metadata=ObjectMeta(resourceVersion="20"), spec=ScaleSpec(body["spec"]["replicas"]))


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ({PAUSED_REPLICAS: "2"}, {"paused_at": 2}),
        ({PAUSED: "true"}, {"held": True}),
        ({PAUSED: "True"}, {"held": True}),
        ({PAUSED: "yes"}, {"held": True}),
        ({PAUSED: ""}, {"held": True}),
        ({PAUSED: "false"}, {}),
        *(
            ({PAUSED_REPLICAS: text}, {"problem": f"{PAUSED_REPLICAS} is {text!r}, not a number of replicas"})
            for text in ("two", "-1", "\u00b2", "")
        ),
    ],
)
def test_annotations_are_read_as_keda_reads_them_and_a_bad_one_holds(annotations, expected):
    sets = StatefulSets(Client([lambda: stateful_set("a", 3, 1, **annotations)]), lambda name: None, lambda known: None)
    asyncio.run(sets.refresh())
    assert sets.workers == {"a": Workers(3, **expected)}


def test_what_is_told_late_does_not_undo_what_was_scaled_from_here():
    changed = []
    late = ("MODIFIED", stateful_set("a", 1, 19))
    newer = ("MODIFIED", stateful_set("a", 7, 21))

    async def run():
        client = Client([lambda: stateful_set("a", 1, 10)])
        sets = StatefulSets(client, changed.append, lambda known: None)
        await sets.refresh()
        await sets.scale("a", 4)
        changed.clear()
        client.watched = [late]
        await sets._watch("10")
        await sets.refresh()
        assert (sets.workers["a"].replicas, changed) == (4, [])
        client.watched = [newer]
        await sets._watch("10")
        assert (sets.workers["a"].replicas, changed) == (7, ["a"])

    asyncio.run(run())


def test_a_long_list_is_never_in_memory_as_a_whole():
    alive = []

    def make():
        gc.collect()
        assert sum(item() is not None for item in alive) <= 1
        item = stateful_set(f"set-{len(alive)}", 1, 1)
        alive.append(weakref.ref(item))
        return item

    sets = StatefulSets(Client([make] * 20), lambda name: None, lambda known: None)
    asyncio.run(sets.refresh())
    assert len(sets.workers) == 20
