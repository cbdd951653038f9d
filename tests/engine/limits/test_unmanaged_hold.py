"""Unmanaged current is held for as long as it has earned."""

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
def test_value_is_held_by_how_long_it_was_seen(
    seen: int, after: float, counts: float
) -> None:
    """Then released over the same time."""
    assert _seen(seen).update(0.0, seen + after) == pytest.approx(counts)


def test_larger_value_counts_at_once() -> None:
    """And is held like the one before."""
    linger = _seen(6)
    assert linger.update(40.0, 7.0) == 40.0
    assert linger.update(0.0, 77.0) == 40.0


def test_nearly_the_same_value_confirms_it() -> None:
    """No measured current is constant."""
    linger = _seen(6)
    assert linger.update(28.0, 8.0) == 30.0
    assert linger.update(0.0, 88.0) == 30.0


def test_smaller_value_does_not_prolong_it() -> None:
    """It counts when the earlier value has been released."""
    linger = _seen(6)
    assert linger.update(10.0, 65.0) == 30.0
    assert linger.update(10.0, 95.0) == pytest.approx(30.0 * 31 / 60)
    assert linger.update(10.0, 127.0) == 10.0
