"""Monitor for batteries that carry current although out of service."""

from collections.abc import Iterable
from itertools import chain, repeat

import pytest

from custom_components.bms_gateway.engine.battery.out_of_service import (
    OutOfServiceMonitor,
)


def _counts(
    currents: Iterable[float | None], monitor: OutOfServiceMonitor | None = None
) -> bool:
    """Feed a current every second; return whether it counts after the last one."""
    monitor = monitor or OutOfServiceMonitor()
    for now, current in enumerate(currents, 1000):
        monitor.watch(current, float(now))
    return monitor.counts


@pytest.mark.parametrize("sign", [1, -1])
def test_more_than_2_amps_for_10_seconds_counts(sign: int) -> None:
    """In either direction; not less, and not shorter."""
    assert not _counts([sign * 2.1] * 10)
    assert _counts([sign * 2.1] * 11)
    assert not _counts([sign * 2.0] * 1000)


@pytest.mark.parametrize("gap", [None, 1.0])
def test_short_gaps_do_not_hide_the_current(gap: float | None) -> None:
    """One telegram in nine without a current, or a lower one, is no rest."""
    assert _counts([gap, *[50.0] * 8] * 3)


def test_an_alternating_current_counts() -> None:
    """It changes every second: half of the time it flows."""
    assert _counts([50.0, 0.0] * 12)


def test_a_rest_of_10_seconds_restarts_the_time() -> None:
    """It was disconnected meanwhile."""
    assert not _counts([50.0] * 8 + [0.0] * 11 + [50.0] * 10)
    assert _counts([50.0] * 8 + [0.0] * 9 + [50.0] * 4)


def test_an_unknown_current_is_no_rest() -> None:
    """Nor is it a current."""
    assert not _counts([50.0, *[None] * 1000])
    assert _counts([50.0] * 6 + [None] * 1000 + [50.0] * 6)
    assert _counts([50.0] * 8 + [0.0] * 9 + [None] * 10 + [0.0] * 9 + [50.0] * 4)


def test_a_battery_at_rest_does_not_start_to_count() -> None:
    """One telegram of a slow sender is not 10 s of current."""
    monitor = OutOfServiceMonitor()
    monitor.watch(50.0, 1000.0)
    monitor.watch(0.0, 1010.0)
    assert not monitor.counts


@pytest.mark.parametrize("current", [0.0, None])
def test_battery_that_counts_continues_at_any_current(current: float | None) -> None:
    """Its own limit may be the reason why the current fell."""
    assert _counts(chain([50.0] * 11, repeat(current, 10_000)))
