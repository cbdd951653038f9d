"""A battery out of service that carries current all the same."""

from collections.abc import Iterable
from itertools import chain, repeat

import pytest

from custom_components.bms_gateway.engine.battery.out_of_service import (
    OutOfServiceMonitor,
)


def _seen(
    currents: Iterable[float | None], monitor: OutOfServiceMonitor | None = None
) -> bool:
    """Show a current each second; return whether it counts after the last one."""
    monitor = monitor or OutOfServiceMonitor()
    for now, current in enumerate(currents, 1000):
        monitor.watch(current, float(now))
    return monitor.counts


@pytest.mark.parametrize("sign", [1, -1])
def test_more_than_2_amps_for_10_seconds(sign: int) -> None:
    """Either way round; not less, and not shorter."""
    assert not _seen([sign * 2.1] * 10)
    assert _seen([sign * 2.1] * 11)
    assert not _seen([sign * 2.0] * 1000)


@pytest.mark.parametrize("gap", [None, 1.0])
def test_gaps_do_not_hide_it(gap: float | None) -> None:
    """One telegram in nine that tells nothing, or less, is no rest."""
    assert _seen([gap, *[50.0] * 8] * 3)


def test_a_current_that_comes_and_goes() -> None:
    """Each second another: half of the time it carries."""
    assert _seen([50.0, 0.0] * 12)


def test_a_rest_of_10_seconds_begins_anew() -> None:
    """It was disconnected, then."""
    assert not _seen([50.0] * 8 + [0.0] * 11 + [50.0] * 10)
    assert _seen([50.0] * 8 + [0.0] * 9 + [50.0] * 4)


def test_an_unknown_current_is_no_rest() -> None:
    """Nor is it a current."""
    assert not _seen([50.0, *[None] * 1000])
    assert _seen([50.0] * 6 + [None] * 1000 + [50.0] * 6)
    assert _seen([50.0] * 8 + [0.0] * 9 + [None] * 10 + [0.0] * 9 + [50.0] * 4)


def test_one_that_is_at_rest_does_not_begin_to_count() -> None:
    """One telegram of a slow sender is no 10 s of current."""
    monitor = OutOfServiceMonitor()
    monitor.watch(50.0, 1000.0)
    monitor.watch(0.0, 1010.0)
    assert not monitor.counts


@pytest.mark.parametrize("current", [0.0, None])
def test_it_counts_on_whatever_it_carries(current: float | None) -> None:
    """Its own limit may be what brought the current down."""
    assert _seen(chain([50.0] * 11, repeat(current, 10_000)))
