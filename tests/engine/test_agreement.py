"""Whether the first telegrams of a battery agree about what it allows (limits.md, 7)."""

from dataclasses import replace

import pytest

from custom_components.bms_gateway.engine.agreement import extremes
from custom_components.bms_gateway.engine.allowance import allowed
from custom_components.bms_gateway.engine.model import Alarm, Direction, Readings

from .states import READINGS, online


def _allowed(*said: Readings) -> list[tuple[float, float]]:
    """Return the most and the least that a battery allows to be charged, discharged."""
    *lately, now = said
    both = extremes(replace(online(), readings=now), lately)
    return [
        (
            allowed(state.readings, Direction.CHARGE),
            allowed(state.readings, Direction.DISCHARGE),
        )
        for state in both
    ]


@pytest.mark.parametrize("first", [100.0, 91.0, 110.0])
def test_they_agree(first: float) -> None:
    """What is said now holds."""
    said = replace(READINGS, charge_current_limit=first)
    assert _allowed(said, READINGS) == [(100.0, 100.0)] * 2


@pytest.mark.parametrize(
    "other",
    [
        replace(READINGS, charge_current_limit=89.0),
        replace(READINGS, charge_current_limit=0.0),
        replace(READINGS, charge_enabled=False),
        replace(READINGS, protections=frozenset({Alarm.OVER_VOLTAGE})),
    ],
)
def test_they_do_not_agree(other: Readings) -> None:
    """Whichever came first; the other direction is as it is."""
    least = allowed(other, Direction.CHARGE)
    assert _allowed(other, READINGS) == [(100.0, 100.0), (least, 100.0)]
    assert _allowed(READINGS, other) == [(100.0, 100.0), (least, 100.0)]


def test_nothing_to_agree_about() -> None:
    """One telegram, or a battery that allows nothing."""
    full = replace(READINGS, charge_current_limit=0.0)
    assert _allowed(READINGS) == [(100.0, 100.0)] * 2
    assert _allowed(full, full, full) == [(0.0, 100.0)] * 2
