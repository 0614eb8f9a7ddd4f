import pytest
from queue_scaler.resize import Claim, Plan, ResizeError, load, plan, resize

SMALL = Claim("data-w-0", "10Gi", bound=True)
OTHER = Claim("data-w2-0", "10Gi", bound=True)
LIVE = {"data": "10Gi"}


def yes(claim, size):
    return None


def no(claim, size):
    return "the storageclass must support resize"


def test_equal_sizes_need_nothing_however_written():
    assert not plan("w", LIVE, [SMALL], {"data": "10240Mi"}, no)


def test_claims_grow_and_the_statefulset_is_made_anew():
    done = Claim("data-w-1", "20Gi", bound=True)
    assert plan("w", LIVE, [SMALL, done, OTHER], {"data": "20Gi"}, yes) == Plan("w", ((SMALL, "20Gi"),), replace=True)


def test_without_claims_nobody_is_asked():
    assert plan("w", LIVE, [OTHER], {"data": "20Gi"}, no) == Plan("w", (), replace=True)


def test_kept_claims_of_an_absent_statefulset_grow():
    assert plan("w", None, [SMALL], {"data": "20Gi"}, yes) == Plan("w", ((SMALL, "20Gi"),), replace=False)


def test_an_interrupted_resize_goes_on():
    grown = Claim("data-w-0", "20Gi", bound=True)
    assert plan("w", LIVE, [grown], {"data": "20Gi"}, no) == Plan("w", (), replace=True)


def test_a_claim_that_is_larger_already_stays():
    large = Claim("data-w-0", "50Gi", bound=True)
    assert plan("w", LIVE, [large], {"data": "20Gi"}, no) == Plan("w", (), replace=True)


@pytest.mark.parametrize(
    ("claim", "size", "expandable", "words"),
    [
        (SMALL, "5Gi", yes, ["StatefulSet w", "10Gi", "5Gi", "shrink", "persistence size back to 10Gi"]),
        (SMALL, "20Gi", no, ["data-w-0", "the storageclass must support resize", "allowVolumeExpansion"]),
        (Claim("data-w-0", "10Gi", bound=False), "20Gi", yes, ["data-w-0", "no volume yet"]),
        (SMALL, "20 GB", yes, ["20 GB", "not a size"]),
    ],
)
def test_a_refusal_says_what_and_what_to_do(claim, size, expandable, words):
    with pytest.raises(ResizeError) as caught:
        plan("w", LIVE, [claim], {"data": size}, expandable)
    assert all(word in str(caught.value) for word in words)


class Recorded:
    """A namespace with two StatefulSets that writes down what is done to it."""

    def __init__(self):
        self.done = []

    def templates(self, name):
        return {"w": LIVE, "w2": LIVE}.get(name)

    def claims(self):
        return [SMALL, OTHER]

    def refusal(self, claim, size):
        return None

    def grow(self, claim, size):
        self.done.append(("grow", claim, size))

    def orphan(self, stateful_set):
        self.done.append(("orphan", stateful_set))


def test_one_refusal_leaves_everything_as_it_was():
    namespace = Recorded()
    with pytest.raises(ResizeError):
        resize(namespace, {"w": {"data": "20Gi"}, "w2": {"data": "5Gi"}}, print)
    assert namespace.done == []


def test_claims_come_before_their_statefulset(capsys):
    namespace = Recorded()
    resize(namespace, {"w": {"data": "20Gi"}, "w2": {"data": "10Gi"}, "new": {"data": "1Gi"}}, print)
    assert namespace.done == [("grow", "data-w-0", "20Gi"), ("orphan", "w")]
    assert "3 StatefulSets looked at, 1 to resize" in capsys.readouterr().out


def test_a_bad_file_is_named(tmp_path):
    file = tmp_path / "resize.yaml"
    file.write_text("namespace: n\nstatefulSets: {w: {data: 20}}")
    with pytest.raises(ResizeError, match=r"resize\.yaml: Expected `str`"):
        load(file)
    file.write_text("namespace: n\nstatefulSets: {w: {data: 20Gi}}")
    assert load(file).stateful_sets == {"w": {"data": "20Gi"}}
