"""How soon a frame of a battery has to be evaluated."""

from typing import Any

import pytest

from custom_components.bms_gateway.engine.model import Alarm, Frame
from custom_components.bms_gateway.engine.scheduling import Priority

from ..telegrams import telegram
from .bench import BatteryBench

CONTROL_IDS = (0x351, 0x359, 0x35C)


def _priority(bench: BatteryBench, can_id: int, **changes: Any) -> Priority:
    """Return the priority of one frame of a telegram."""
    frame = next(f for f in telegram(bench.now, **changes) if f.can_id == can_id)
    return bench.battery.on_frame(frame)


@pytest.mark.parametrize(
    ("can_id", "changes", "priority"),
    [
        (0x351, {}, Priority.NONE),
        (0x351, {"charge_current_limit": 20.0}, Priority.AT_ONCE),
        (0x351, {"charge_voltage_limit": 55.0}, Priority.AT_ONCE),
        (0x359, {}, Priority.NONE),
        (0x359, {"protections": frozenset({Alarm.OVER_VOLTAGE})}, Priority.AT_ONCE),
        (0x35C, {}, Priority.NONE),
        (0x35C, {"discharge_enabled": False}, Priority.AT_ONCE),
        (0x355, {}, Priority.NONE),
        (0x355, {"soc": 51.0}, Priority.SOON),
        (0x356, {}, Priority.SOON),
        (0x356, {"current": -3.0}, Priority.SOON),
        (0x35E, {}, Priority.NONE),
    ],
)
def test_a_changed_limit_is_evaluated_at_once(
    can_id: int, changes: dict[str, Any], priority: Priority
) -> None:
    """Unchanged values need no evaluation."""
    bench = BatteryBench().telegrams(3)
    bench.now += 0.5
    assert _priority(bench, can_id, **changes) is priority


def test_every_frame_is_urgent_while_a_battery_does_not_count() -> None:
    """Any frame may be the one that makes it count."""
    bench = BatteryBench()
    assert _priority(bench, 0x35E) is Priority.AT_ONCE
    bench.telegrams(3)
    bench.after(20.0)
    assert _priority(bench, 0x35E) is Priority.AT_ONCE


def test_an_expired_value_counts_as_changed() -> None:
    """Although it is the same as before."""
    bench = BatteryBench().telegrams(3)
    for _ in range(4):
        bench.now += 1.0
        for can_id in CONTROL_IDS:
            assert _priority(bench, can_id) is Priority.NONE
    assert _priority(bench, 0x355) is Priority.SOON


def test_frames_of_other_nodes_are_not_urgent() -> None:
    """They change nothing; an inverter's request shows whose port this is."""
    bench = BatteryBench().telegrams(3)
    assert bench.battery.on_frame(Frame(0x123, at=bench.now)) is Priority.NONE
    assert bench.battery.on_frame(Frame(0x305, bytes(8), at=bench.now)) is Priority.SOON
