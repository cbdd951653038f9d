"""What an inverter was told, and what it may therefore still act upon."""

from custom_components.bms_gateway.engine.account import UNPROVEN, Account
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


def told_50_then_0(at: float) -> Account:
    """Return the account of one that was told 50 A, and 0 A a moment later."""
    account = Account()
    for amps in (50.0, 0.0):
        account.queue(telegram(amps), at)
        account.confirm(at, follows_in=20.0)
    return account


def test_set_confirmed_just_before_bus_off_may_be_lost() -> None:
    """It may act upon 50 A still; surely it follows only the lower one."""
    account = told_50_then_0(100.0)
    account.doubt(100.0 + UNPROVEN)
    assert account.told == telegram(50.0)
    assert (account.amps(CHARGE), account.surely(CHARGE)) == (50.0, 0.0)
    account.expire(111.0, asked_at=0.0, timeout=10.0, deaf=False)
    assert account.amps(CHARGE) == 0.0


def test_set_confirmed_long_before_bus_off_has_arrived() -> None:
    """It was on the wire while the controller worked."""
    account = told_50_then_0(100.0)
    account.doubt(100.1 + UNPROVEN)
    assert account.told == telegram(0.0)


def test_first_set_may_be_lost_too() -> None:
    """Nothing is surely told then, and it may act upon the set all the same."""
    account = Account()
    account.queue(telegram(50.0), 0.0)
    account.confirm(0.0, follows_in=20.0)
    account.doubt(0.5)
    assert account.told is None
    assert (account.amps(CHARGE), account.surely(CHARGE)) == (50.0, 0.0)
    account.doubt(0.5)
    assert account.amps(CHARGE) == 50.0
