from queue_scaler.lease import DURATION_SECONDS, Sighting, may_take


def test_a_free_or_own_lease_may_be_taken():
    assert may_take(None, "a", Sighting("1", 100), 100)
    assert may_take("", "a", Sighting("1", 100), 100)
    assert may_take("a", "a", Sighting("1", 100), 100)


def test_a_held_lease_may_be_taken_once_it_has_not_changed_for_its_duration():
    assert not may_take("b", "a", Sighting("1", 100), 99.9 + DURATION_SECONDS)
    assert may_take("b", "a", Sighting("1", 100), 100 + DURATION_SECONDS)
