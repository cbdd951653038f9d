"""One bus on two ports, two senders, missing frames, SOC jumps, unknown temperature."""

from dataclasses import replace

import pytest

from custom_components.bms_gateway.engine.model import Dialect, Status
from custom_components.bms_gateway.issues.detectors.buses import JUMP_REPORTED_FOR

from .contexts import CONFIRMED, I1, WELL, keys, seen, set_to, the_one, with_b1, with_i1


def test_one_battery_on_two_ports_is_reported() -> None:
    """Both are named, so that the user checks both cables."""
    found = the_one(with_b1(duplicate_of="b2"))
    assert found.key == "duplicate_battery"
    assert found.placeholders == {"name": "Garage", "other": "Cellar"}


def test_battery_and_inverter_on_one_bus_are_reported() -> None:
    """More specific than a wrong port of the inverter."""
    found = the_one(with_i1(battery_detected=True, shares_bus_with="b2"))
    assert found.key == "shared_bus"
    assert found.placeholders == {"name": "Roof", "battery": "Cellar"}
    assert keys(with_i1(battery_detected=True)) == {
        "wrong_port_i1": "battery_on_inverter_port"
    }


def test_two_senders_are_reported() -> None:
    """With their port."""
    found = the_one(with_b1(has_duplicate_sender=True))
    assert found.key == "two_senders"
    assert found.placeholders == {"name": "Garage", "channel": "can0"}


def test_missing_frames_are_reported() -> None:
    """By ID alone: the text is in the reader's language."""
    found = the_one(with_b1(missing=frozenset({0x35C, 0x359})))
    assert found.key == "alarms_missing"
    assert found.placeholders == {
        "name": "Garage",
        "frames": "0x359, 0x35C",
    }


@pytest.mark.parametrize(
    ("ago", "expected"),
    [(0.0, {"soc_jumps_b1": "soc_jumps"}), (JUMP_REPORTED_FOR, {})],
)
def test_soc_jump_is_reported_for_a_day(ago: float, expected: dict[str, str]) -> None:
    """Nothing else shows it."""
    assert keys(with_b1(soc_jumped_at=WELL.snapshot.at - ago)) == expected


@pytest.mark.parametrize(
    ("celsius", "status", "expected"),
    [
        (None, Status.RUNNING, {"temperature_unknown_e1": "temperature_unknown"}),
        (None, Status.REDUCED, {"temperature_unknown_e1": "temperature_unknown"}),
        (20.0, Status.RUNNING, {}),
        (None, Status.BLOCKED, {}),
    ],
)
def test_unmeasured_temperature_is_reported(
    celsius: float | None, status: Status, expected: dict[str, str]
) -> None:
    """Inverters are sent 20 °C, and the owner learns that it is not measured."""
    confirmed = replace(I1, confirmed=replace(CONFIRMED, temperature=celsius))
    assert keys(seen(inverters={"i1": confirmed}, status=status)) == expected


def test_contradicted_dialect_is_reported() -> None:
    """With the one that is set and the one that is received; it may be ignored."""
    now = set_to(Dialect.VICTRON, with_b1(contradicting=Dialect.LUXPOWER))
    found = the_one(now)
    assert (found.key, found.fixable) == ("dialect_contradicted", False)
    assert found.placeholders == {
        "name": "Garage",
        "chosen": "Victron",
        "shown": "LuxPower",
    }
    assert keys(set_to(Dialect.VICTRON)) == {}
    assert keys(set_to(None, now)) == {}
