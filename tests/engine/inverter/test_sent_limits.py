"""Sent limits: what an inverter was sent, and may still act on."""

import pytest

from custom_components.bms_gateway.engine.inverter.sent_limits import (
    UNPROVEN,
    SentLimits,
)
from custom_components.bms_gateway.engine.model import Direction, Telegram

from ..telegrams import HEALTHY

CHARGE = Direction.CHARGE


def telegram(amps: float) -> Telegram:
    """Return a telegram with this charge limit."""
    return Telegram(
        charge_voltage_limit=56.0,
        charge_current_limit=amps,
        discharge_current_limit=0.0,
        soc=HEALTHY.soc,
        voltage=52.0,
        charge_enabled=True,
        discharge_enabled=True,
        discharge_voltage_limit=46.0,
    )


def unplugged_in_the_middle_of_a_set(*, not_acknowledged: bool = True) -> SentLimits:
    """Return sent limits whose last telegram of 50 A never left, a minute later."""
    sent_limits = SentLimits()
    sent_limits.queue(telegram(50.0), 0.0)
    assert sent_limits.amps(CHARGE) == 50.0
    sent_limits.expire(
        60.0, requested_at=0.0, timeout=10.0, not_acknowledged=not_acknowledged
    )
    assert sent_limits.amps(CHARGE) == 0.0
    return sent_limits


def test_stuck_telegram_counts_when_the_inverter_is_back() -> None:
    """It gets the 50 A of a minute ago, and follows down in its own time."""
    sent_limits = unplugged_in_the_middle_of_a_set()
    sent_limits.leave_stuck(60.0)
    assert sent_limits.amps(CHARGE) == 50.0
    sent_limits.queue(telegram(0.0), 60.0)
    sent_limits.confirm(60.0, follows_in=20.0)
    assert sent_limits.amps(CHARGE) == 0.0
    assert sent_limits.reserved(CHARGE, 79.0) == 50.0
    assert sent_limits.reserved(CHARGE, 80.0) == 0.0


def test_dropped_telegram_does_not_count() -> None:
    """Its queue is gone, or it had left: only its echo was missing."""
    sent_limits = unplugged_in_the_middle_of_a_set()
    sent_limits.drop_stuck()
    sent_limits.leave_stuck(60.0)
    assert sent_limits.amps(CHARGE) == 0.0
    sent_limits = unplugged_in_the_middle_of_a_set(not_acknowledged=False)
    sent_limits.leave_stuck(60.0)
    assert sent_limits.amps(CHARGE) == 0.0


def confirmed(*sets: tuple[float, float], follows_in: float = 20.0) -> SentLimits:
    """Return sent limits confirmed at these times (s), each in A."""
    sent_limits = SentLimits()
    for at, amps in sets:
        sent_limits.queue(telegram(amps), at)
        sent_limits.confirm(at, follows_in=follows_in)
        sent_limits.reserved(CHARGE, at + 0.5)  # as each judgement asks
    return sent_limits


@pytest.mark.parametrize("follows_in", [0.0, 20.0])
@pytest.mark.parametrize(
    "sets",
    [
        [(100.0, 0.0)],
        [(99.5, 20.0), (100.0, 0.0)],
        [(99.1, 0.0), (100.0, 0.0)],
        [(99.0 + n / 10, 40.0 - n) for n in range(1, 11)],
    ],
)
def test_telegrams_confirmed_just_before_bus_off_may_be_lost(
    sets: list[tuple[float, float]], follows_in: float
) -> None:
    """However many: it may act on 50 A; only the lowest limit is certain."""
    sent_limits = confirmed((90.0, 50.0), *sets, follows_in=follows_in)
    sent_limits.doubt(100.0)
    assert sent_limits.confirmed == telegram(50.0)
    assert (sent_limits.amps(CHARGE), sent_limits.at_least(CHARGE)) == (
        50.0,
        sets[-1][1],
    )
    sent_limits.expire(111.0, requested_at=0.0, timeout=10.0, not_acknowledged=False)
    assert sent_limits.amps(CHARGE) == 0.0


def test_telegram_confirmed_long_before_bus_off_has_arrived() -> None:
    """It was on the wire while the controller worked."""
    sent_limits = confirmed((90.0, 50.0), (100.0, 0.0))
    sent_limits.doubt(100.1 + UNPROVEN)
    assert sent_limits.confirmed == telegram(0.0)


def test_expired_telegram_is_not_restored() -> None:
    """Not even if the next one is lost: the inverter had dropped it."""
    sent_limits = confirmed((0.0, 50.0))
    sent_limits.expire(90.0, requested_at=0.0, timeout=60.0, not_acknowledged=False)
    sent_limits.queue(telegram(10.0), 100.0)
    sent_limits.confirm(100.0, follows_in=20.0)
    sent_limits.doubt(100.5)
    assert sent_limits.confirmed is None
    assert sent_limits.amps(CHARGE) == 10.0


def test_first_telegram_may_be_lost() -> None:
    """Nothing is confirmed then, but it may act on the telegram."""
    sent_limits = SentLimits()
    sent_limits.queue(telegram(50.0), 0.0)
    sent_limits.confirm(0.0, follows_in=20.0)
    sent_limits.doubt(0.5)
    assert sent_limits.confirmed is None
    assert (sent_limits.amps(CHARGE), sent_limits.at_least(CHARGE)) == (50.0, 0.0)
    sent_limits.doubt(0.5)
    assert sent_limits.amps(CHARGE) == 50.0
