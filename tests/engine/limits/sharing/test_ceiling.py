"""Ceiling: a bank limit that proved too high is not used again soon."""

from dataclasses import replace

import pytest

from custom_components.bms_gateway.engine.limits.sharing.ceiling import (
    Ceiling,
    apply_ceiling,
)
from custom_components.bms_gateway.engine.model import Limit, Rule

OVER_LIMIT = Limit(amps=40.0, rule=Rule.OVER_LIMIT, source="b1", number=20.0)
FREE = Limit(amps=60.0, rule=Rule.BATTERY, source="b1", number=20.0)


def _after(seconds: float, limit: Limit = FREE) -> tuple[Ceiling | None, Limit]:
    """Return what holds so long after a battery carried too much; 100 A are rated."""
    ceiling, limit_then = _under(None, OVER_LIMIT, -1.0)
    ceiling, limit_then = _under(ceiling, OVER_LIMIT, 0.0)
    assert limit_then == OVER_LIMIT
    return _under(ceiling, limit, seconds)


def _under(
    ceiling: Ceiling | None, limit: Limit, now: float, allowed: float = 20.0
) -> tuple[Ceiling | None, Limit]:
    return apply_ceiling(
        ceiling, limit, now, rated=100.0, allowed={"b1": allowed}, measured_at=now
    )


@pytest.mark.parametrize(
    ("seconds", "amps"),
    # Held for 15 s, let go by 3.3 A/s: rated in 30 s
    [(1.0, 40.0), (15.0, 40.0), (18.0, 50.0), (21.0, 60.0), (100.0, 60.0)],
)
def test_ceiling_holds_and_is_released(seconds: float, amps: float) -> None:
    """The same battery binds the bank, by the same rule."""
    _, limit = _after(seconds)
    assert limit.amps == pytest.approx(amps)
    assert limit.rule is (Rule.OVER_LIMIT if amps < 60.0 else Rule.BATTERY)


def test_ceiling_never_raises_a_limit() -> None:
    """A lower limit stays lower."""
    low = Limit(amps=10.0, rule=Rule.BATTERY, source="b2")
    ceiling, limit = _after(1.0, low)
    assert limit == low
    assert _under(ceiling, FREE, 2.0)[1].amps == 40.0


def test_ceiling_is_forgotten_after_a_minute() -> None:
    """Nothing of it remains."""
    ceiling, _ = _after(60.0)
    assert ceiling is None


def test_latest_ceiling_counts() -> None:
    """Higher or lower than before: it is the measured one."""
    ceiling, _ = _after(10.0)
    higher = replace(OVER_LIMIT, amps=50.0)
    ceiling, limit = _under(ceiling, higher, 11.0)
    assert limit == higher
    assert _under(ceiling, FREE, 12.0)[1].amps == 50.0


@pytest.mark.parametrize(("allowed", "amps"), [(30.9, 40.0), (31.1, 60.0)])
def test_ceiling_ends_when_its_battery_allows_more(allowed: float, amps: float) -> None:
    """It allowed 20 A: half as much more, and 1 A, is normal variation."""
    ceiling, _ = _after(1.0)
    assert _under(ceiling, FREE, 2.0, allowed)[1].amps == amps


def test_ceiling_needs_a_second_measurement() -> None:
    """However often the first is evaluated; within a minute."""
    ceiling: Ceiling | None = None
    for now in (0.0, 0.5, 0.9):
        ceiling, _ = apply_ceiling(
            ceiling, OVER_LIMIT, now, rated=100.0, allowed={"b1": 20.0}, measured_at=0.0
        )
    assert _under(ceiling, FREE, 1.0)[1] == FREE
    for again, amps in ((50.0, 40.0), (62.0, 60.0)):
        proven, _ = _under(ceiling, FREE, 1.0)
        proven, _ = _under(proven, OVER_LIMIT, again)
        assert _under(proven, FREE, again + 1.0)[1].amps == amps
