"""The start of the bank: two reports of every battery, then the first limits."""

from typing import Any

import pytest

from custom_components.bms_gateway.engine.model import Alarm, Rule, Status

from .banks import EQUAL
from .plant import Plant
from .telegrams import telegram


def test_status_is_starting_until_the_first_limits() -> None:
    """Nothing is sent in it."""
    plant = Plant(EQUAL)
    plant.step()
    assert plant.snapshot.status is Status.STARTING


def test_nothing_is_sent_until_every_battery_reported_twice() -> None:
    """Zeros at boot would raise alarms, one telegram might be incomplete."""
    plant = Plant(EQUAL)
    plant.send_telegrams()
    plant.wait(1.0)
    plant.send_telegrams("b1")
    plant.step()
    assert plant.port().sent == []
    plant.send_telegrams("b2")
    plant.step()
    assert plant.snapshot.status is Status.RUNNING
    assert plant.sent() == (56.0, 200.0, 200.0)


def _begun(*telegrams: dict[str, Any]) -> Plant:
    """Return a plant with one battery that reported these, one a second."""
    plant = Plant()
    for changes in telegrams:
        plant.packs["b1"].reports(**changes)
        plant.send_telegrams()
        plant.step()
        plant.clock.now += 1.0
    assert plant.snapshot.status is Status.RUNNING
    return plant


@pytest.mark.parametrize("first", [(0.0, 500.0), (500.0, 0.0), (100.0, 500.0)])
def test_lower_limit_applies_when_two_telegrams_disagree(
    first: tuple[float, float],
) -> None:
    """It rises after a hold time of 3 s, by a ramp."""
    plant = _begun(*({"charge_current_limit": amps} for amps in first))
    low = min(first)
    assert plant.sent() == (56.0, low, 100.0)
    plant.packs["b1"].reports(charge_current_limit=500.0)
    plant.run(2.5)
    assert plant.sent()[1] == low
    plant.run(4.0)
    assert low < plant.sent()[1] < 400.0
    plant.run(10.0)
    assert plant.sent()[1] == 500.0


@pytest.mark.parametrize("first", [(200.0, 181.0), (181.0, 200.0)])
def test_latest_limit_applies_when_two_telegrams_agree(
    first: tuple[float, float],
) -> None:
    """Within 10 %: without a ramp."""
    plant = _begun(*({"charge_current_limit": amps} for amps in first))
    assert plant.sent() == (56.0, first[-1], 100.0)


def test_limit_is_0_when_two_telegrams_disagree_about_an_enable() -> None:
    """Whichever came first."""
    on, off = ({"charge_enabled": enabled} for enabled in (True, False))
    for first in ((on, off), (off, on)):
        plant = _begun(*first)
        assert plant.sent()[1:] == (0.0, 100.0)
        plant.packs["b1"].reports(**on)
        plant.run(3.75)
        assert plant.sent()[1] < 100.0


def test_protection_at_the_start_holds_its_battery_at_0_a() -> None:
    """The following limits rise slowly."""
    over = {"protections": frozenset({Alarm.OVER_VOLTAGE})}
    plant = _begun({}, over)
    assert plant.sent()[1:] == (0.0, 100.0)
    assert plant.raised()[0] == frozenset({Alarm.OVER_VOLTAGE})
    plant.packs["b1"].reports(protections=frozenset())
    plant.run(3.75)
    assert plant.sent()[1] < 100.0


def test_limit_of_the_second_telegram_counts() -> None:
    """Together with the values received before."""
    plant = Plant()
    for _ in range(2):
        plant.port("b1").push(*telegram(plant.now, charge_current_limit=0.0))
    plant.port("b1").push(*telegram(plant.now, charge_current_limit=500.0)[:2])
    plant.step()
    assert plant.sent()[1] == 0.0


def test_varying_limits_delay_no_start() -> None:
    """The other limits are sent without a ramp."""
    plant = Plant(EQUAL)
    for amps in (60.0, 100.0):
        plant.packs["b2"].reports(discharge_current_limit=amps)
        plant.send_telegrams()
        plant.step()
        plant.clock.now += 1.0
    assert plant.sent() == (56.0, 200.0, 120.0)


def test_start_waits_15_s_for_a_silent_battery() -> None:
    """Then the loss policies apply, discharging with its grace period."""
    plant = Plant(EQUAL)
    plant.packs["b2"].active = False
    plant.run(14.75)
    assert plant.port().sent == []
    plant.run(0.5)
    assert plant.snapshot.status is Status.BLOCKED
    _, ccl, dcl = plant.sent()
    assert (ccl, dcl) == (0.0, 100.0)
    assert plant.charge.rule is Rule.LOSS
    plant.run(61.0)
    assert plant.sent()[1:] == (0.0, 0.0)


def test_start_timeout_is_configurable() -> None:
    """Longer for batteries that take long to wake."""
    plant = Plant(EQUAL, start_timeout=30.0)
    plant.packs["b2"].active = False
    plant.run(29.5)
    assert plant.port().sent == []
    plant.run(1.0)
    assert plant.port().sent != []


def test_nothing_is_sent_without_any_battery() -> None:
    """Nothing is known."""
    plant = Plant(EQUAL)
    for pack in plant.packs.values():
        pack.active = False
    plant.run(60.0)
    assert plant.snapshot.status is Status.SILENT
    assert plant.port().sent == []


def test_late_battery_ends_the_loss_policy() -> None:
    """By its first complete telegram."""
    plant = Plant(EQUAL)
    plant.packs["b2"].active = False
    plant.run(20.0)
    plant.packs["b2"].active = True
    plant.run(30.0)
    assert plant.snapshot.status is Status.RUNNING
    assert plant.sent() == (56.0, 200.0, 200.0)
