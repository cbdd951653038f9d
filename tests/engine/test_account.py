"""What an inverter was told, and what it may therefore still act upon."""

from custom_components.bms_gateway.engine.account import Account
from custom_components.bms_gateway.engine.model import Direction, Telegram

from .telegrams import HEALTHY

CHARGE = Direction.CHARGE


def telegram(amps: float) -> Telegram:
    """Return a set that allows so much charging."""
    return Telegram(
        charge_voltage_limit=56.0,
        charge_current_limit=amps,
        discharge_current_limit=0.0,
        soc=HEALTHY.soc,
        voltage=52.0,
        charge_enabled=True,
        discharge_enabled=True,
    )


def unplugged_in_the_middle_of_a_set(*, deaf: bool = True) -> Account:
    """Return the account of one whose last set of 50 A never left, a minute later."""
    account = Account()
    account.queue(telegram(50.0), 0.0)
    assert account.amps(CHARGE) == 50.0
    account.expire(60.0, asked_at=0.0, timeout=10.0, deaf=deaf)
    assert account.amps(CHARGE) == 0.0
    return account


def test_set_that_was_stuck_leaves_when_the_inverter_is_back() -> None:
    """It is told the 50 A of a minute ago, and follows down from them in its time."""
    account = unplugged_in_the_middle_of_a_set()
    account.leave_stuck(60.0)
    assert account.amps(CHARGE) == 50.0
    account.queue(telegram(0.0), 60.0)
    account.confirm(60.0, follows_in=20.0)
    assert account.amps(CHARGE) == 0.0
    assert account.held(CHARGE, 79.0) == 50.0
    assert account.held(CHARGE, 80.0) == 0.0


def test_set_that_was_dropped_does_not_leave() -> None:
    """Its queue is gone, or it had left: only its echo was missing."""
    account = unplugged_in_the_middle_of_a_set()
    account.drop_stuck()
    account.leave_stuck(60.0)
    assert account.amps(CHARGE) == 0.0
    account = unplugged_in_the_middle_of_a_set(deaf=False)
    account.leave_stuck(60.0)
    assert account.amps(CHARGE) == 0.0
