"""What was found counts on, for as long as it deserves."""

import pytest

from custom_components.bms_gateway.engine.limits.unmanaged_hold import UnmanagedHold


def _seen(seconds: int, shown: float = 30.0) -> UnmanagedHold:
    """Return what saw a value each second for so long, the last time at `seconds`."""
    linger = UnmanagedHold()
    for at in range(seconds + 1):
        assert linger.update(shown, float(at)) == shown
    return linger


@pytest.mark.parametrize(
    ("seen", "after", "counts"),
    [
        # Ten times as long, then let go within as long
        (6, 60.0, 30.0),
        (6, 90.0, 15.0),
        (6, 120.0, 0.0),
        # Never more than three minutes, and three more
        (1000, 180.0, 30.0),
        (1000, 270.0, 15.0),
        (1000, 360.0, 0.0),
        # Once is nothing
        (0, 1.0, 0.0),
    ],
)
def test_counts_on(seen: int, after: float, counts: float) -> None:
    """By how long it was seen."""
    assert _seen(seen).update(0.0, seen + after) == pytest.approx(counts)


def test_more_counts_at_once() -> None:
    """And lingers as what was found before."""
    linger = _seen(6)
    assert linger.update(40.0, 7.0) == 40.0
    assert linger.update(0.0, 77.0) == 40.0


def test_nearly_as_much_is_the_same() -> None:
    """What shows is never quite still."""
    linger = _seen(6)
    assert linger.update(28.0, 8.0) == 30.0
    assert linger.update(0.0, 88.0) == 30.0


def test_less_does_not_prolong_it() -> None:
    """It counts when what was found has been let go."""
    linger = _seen(6)
    assert linger.update(10.0, 65.0) == 30.0
    assert linger.update(10.0, 95.0) == pytest.approx(30.0 * 31 / 60)
    assert linger.update(10.0, 127.0) == 10.0
