"""A habitual gap of a battery that is full, or reports a protection."""

from typing import Any

import pytest

from custom_components.bms_gateway.engine.model import (
    Alarm,
    BatteryStatus,
    Frame,
    Status,
)

from .habit import TIMEOUT, stop_sending, with_habit


def test_a_protection_during_a_gap_counts_at_once() -> None:
    """A protection that it reports counts at once."""
    plant = with_habit()
    stop_sending(plant)
    plant.run(TIMEOUT + 0.5)
    assert plant.sent()[1] == 100.0
    pack = plant.packs["b1"]
    pack.reports(protections=frozenset({Alarm.OVER_VOLTAGE}))
    frames = {frame.can_id: frame for frame in pack.frames(plant.now)}
    plant.port("b1").push(Frame(0x359, frames[0x359].data, plant.now))
    plant.wait(0.01)
    assert plant.sent()[1] == 0.0


@pytest.mark.parametrize(
    "reports",
    [
        {"protections": frozenset({Alarm.OVER_VOLTAGE})},
        {"protections": frozenset({Alarm.INTERNAL})},
        {"charge_enabled": False},
        {"charge_current_limit": 0.0},
        {"soc": 99.0},
    ],
)
def test_a_last_telegram_that_ends_charging_is_not_awaited(
    reports: dict[str, Any],
) -> None:
    """It may have switched off for that reason."""
    plant = with_habit()
    plant.packs["b1"].reports(**reports)
    plant.run(90.0)  # a state of charge that jumps is doubted for a minute
    at = stop_sending(plant)
    plant.run(TIMEOUT + 0.25)
    assert plant.sent()[1] == 0.0
    assert plant.state().status is BatteryStatus.LOST
    assert plant.snapshot.status is Status.BLOCKED
    sent = [ccl for _, ccl, _ in plant.sent_since(at)]
    assert sent == sorted(sent, reverse=True)


def test_a_discharge_protection_does_not_end_charging() -> None:
    """An empty battery needs to be charged."""
    plant = with_habit()
    plant.packs["b1"].reports(protections=frozenset({Alarm.UNDER_VOLTAGE}))
    plant.run(2.0)
    stop_sending(plant)
    plant.run(TIMEOUT + 0.25)
    assert plant.sent()[1] == 100.0


def test_a_nearly_full_battery_counts_as_0() -> None:
    """As by the policy that reduces: from 90 % on it may become full meanwhile."""
    plant = with_habit()
    plant.packs["b1"].reports(soc=92.0)
    plant.run(90.0)
    stop_sending(plant)
    plant.run(TIMEOUT + 0.25)
    assert plant.sent()[1] == 0.0
