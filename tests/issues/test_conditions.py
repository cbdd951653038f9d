"""Conditions that take time: raised after a while, cleared as soon as they end."""

from dataclasses import replace
from typing import Any

import pytest

from custom_components.bms_gateway.engine.model import (
    BatteryState,
    BatteryStatus,
    Direction,
    InverterState,
    PortState,
    PortStatus,
    Readings,
    Snapshot,
    Status,
)
from custom_components.bms_gateway.issues.conditions import (
    Conditions,
    VoltageDifference,
)

EASY = Readings(
    voltage=52.0,
    soc=50.0,
    temperature=20.0,
    charge_current_limit=50.0,
    discharge_current_limit=100.0,
)
OPEN, LOST = (PortState(status=each) for each in (PortStatus.OPEN, PortStatus.LOST))


def battery(
    id: str, status: BatteryStatus = BatteryStatus.ONLINE, **readings: Any
) -> BatteryState:
    """Return a battery that allows 50 A of charging, 100 A of discharging."""
    return BatteryState(
        id=id,
        status=status,
        capacity_ah=100,
        readings=replace(EASY, **readings),
    )


def snapshot(
    *batteries: BatteryState,
    inverter: InverterState | None = None,
    port: PortState = OPEN,
) -> Snapshot:
    """Return a snapshot of batteries and an inverter."""
    return Snapshot(
        at=0,
        status=Status.RUNNING,
        batteries={each.id: each for each in batteries},
        inverters={inverter.id: inverter} if inverter else {},
        ports={"i1": port},
    )


# Voltage difference


def voltage_difference(*normalized: tuple[float, float, float]) -> list[bool]:
    """Return after each snapshot whether two batteries count as too different.

    Each snapshot: its time, the voltages of both.
    """
    conditions = Conditions()
    found = []
    for now, first, second in normalized:
        both = battery("b1", voltage=first), battery("b2", voltage=second)
        conditions.update(snapshot(*both), now)
        found.append(conditions.voltage_difference is not None)
    return found


def test_lasting_voltage_difference_is_detected() -> None:
    """More than 1 V for a minute; by name, with the higher one."""
    assert voltage_difference((0, 52.0, 50.9), (59, 52.0, 50.9), (60, 52.0, 50.9)) == [
        False,
        False,
        True,
    ]
    assert voltage_difference((0, 52.0, 51.0), (600, 52.0, 51.0)) == [False, False]
    conditions = Conditions()
    for now in 0, 60:
        both = battery("b1", voltage=50.9), battery("b2", voltage=52.0)
        conditions.update(snapshot(*both), now)
    assert conditions.voltage_difference == VoltageDifference("b2", 52.0, "b1", 50.9)


def test_short_voltage_difference_is_ignored() -> None:
    """Telegrams of different age, while a load starts: the time starts anew."""
    assert not any(
        voltage_difference(
            (0, 52.0, 50.5), (30, 52.0, 51.5), (60, 52.0, 50.5), (119, 52.0, 50.5)
        )
    )


def test_voltage_difference_ends_once_they_agree() -> None:
    """As connected batteries do; then a minute counts again."""
    assert voltage_difference(
        (0, 52.0, 50.0),
        (60, 52.0, 50.0),
        (61, 52.0, 51.4),
        (62, 52.0, 51.5),
        (63, 52.0, 50.0),
    ) == [False, True, True, False, False]


FULL, EMPTY = {"charge_current_limit": 0.0}, {"discharge_current_limit": 0.0}


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        # Current would flow from the first one (54 V) to the second (52 V)
        ({}, {}, True),
        (FULL, {}, True),
        ({}, EMPTY, True),
        # No current can flow out of one, or into the other: connected all the same
        (EMPTY, {}, False),
        ({}, FULL, False),
        ({}, {"charge_enabled": False}, False),
        # Unknown, or not there
        ({}, {"voltage": None}, False),
        ({"status": BatteryStatus.LOST}, {}, False),
        ({}, {"status": BatteryStatus.REJOINING}, False),
        ({}, {"status": BatteryStatus.OUT_OF_SERVICE}, False),
        ({}, {"status": BatteryStatus.DUPLICATE}, False),
    ],
)
def test_only_differences_that_should_balance_count(
    first: dict[str, Any], second: dict[str, Any], expected: bool
) -> None:
    """A full battery rests below the others while these are charged."""
    conditions = Conditions()
    for now in 0, 60:
        both = battery("b1", **{"voltage": 54.0} | first), battery("b2", **second)
        conditions.update(snapshot(*both), now)
    assert (conditions.voltage_difference is not None) is expected


def test_extremes_of_three_batteries_are_named() -> None:
    """The two with the largest difference."""
    conditions = Conditions()
    volts = {"b1": 52.0, "b2": 53.5, "b3": 51.8}
    each = [battery(key, voltage=v) for key, v in volts.items()]
    for now in 0, 60:
        conditions.update(snapshot(*each), now)
    assert conditions.voltage_difference == VoltageDifference("b2", 53.5, "b3", 51.8)


# Signs of life


def signs(*normalized: tuple[float, PortState, dict[str, Any]]) -> list[float]:
    """Return after each snapshot when the inverter was last alive."""
    conditions = Conditions()
    found = []
    for now, port, changes in normalized:
        inverter = InverterState(id="i1", **changes)
        conditions.update(snapshot(inverter=inverter, port=port), now)
        found.append(conditions.signs_of_life["i1"])
    return found


def test_last_activity_of_inverters_is_tracked() -> None:
    """Received or acknowledged frames; the first snapshot counts as one."""
    assert signs(
        (10, OPEN, {}),
        (20, OPEN, {"listening": False}),
        (30, OPEN, {"listening": False, "last_foreign_frame_at": 25.0}),
        (40, OPEN, {"listening": True, "last_foreign_frame_at": 25.0}),
        (50, OPEN, {"listening": False, "last_foreign_frame_at": 25.0}),
    ) == [10, 10, 25, 40, 40]


def test_time_behind_a_lost_port_does_not_count() -> None:
    """It counts from when the port is open again."""
    assert signs((10, OPEN, {}), (20, LOST, {}), (30, OPEN, {})) == [10, 20, 20]


def test_removed_inverter_is_dropped() -> None:
    """One with the same id is another one."""
    conditions = Conditions()
    inverter = InverterState(id="i1")
    conditions.update(snapshot(inverter=inverter), 10)
    conditions.update(snapshot(), 20)
    assert conditions.signs_of_life == {}
    conditions.update(snapshot(inverter=inverter), 30)
    assert conditions.signs_of_life == {"i1": 30}


# Highest limits of the bank


def highest_limits(
    *normalized: tuple[float, list[BatteryState]],
) -> list[dict[Direction, float]]:
    """Return after each snapshot the highest sum of limits."""
    conditions = Conditions()
    found = []
    for now, batteries in normalized:
        conditions.update(snapshot(*batteries), now)
        found.append(dict(conditions.highest_limits))
    return found


BOTH = [battery("b1"), battery("b2")]
HIGHEST = {Direction.CHARGE: 100.0, Direction.DISCHARGE: 200.0}


def test_highest_limits_are_known_after_ten_normal_minutes() -> None:
    """Once every battery was online and in normal ranges."""
    assert highest_limits((0, BOTH), (599, BOTH), (600, BOTH)) == [{}, {}, HIGHEST]


@pytest.mark.parametrize(
    "changes",
    [
        {"soc": 80.1},
        {"soc": 29.9},
        {"soc": None},
        {"temperature": 14.9},
        {"temperature": 35.1},
        {"temperature": None},
        {"status": BatteryStatus.LOST},
        {"status": BatteryStatus.WAITING},
        {"status": BatteryStatus.REJOINING},
    ],
)
def test_reduced_limits_are_not_counted_as_normal(
    changes: dict[str, Any],
) -> None:
    """Nearly full or empty, cold or hot, not online: the ten minutes start anew."""
    uneasy = [battery("b1"), battery("b2", **changes)]
    normalized = ((0, BOTH), (500, uneasy), (501, BOTH), (1100, BOTH), (1101, BOTH))
    assert highest_limits(*normalized) == [{}, {}, {}, {}, HIGHEST]


def test_highest_sum_counts() -> None:
    """Of all ever seen, in normal ranges or not; a falling limit changes nothing."""
    more = [battery("b1", charge_current_limit=80.0, soc=90.0), battery("b2")]
    less = [battery("b1", charge_current_limit=5.0), battery("b2")]
    before = highest_limits((0, more), (1, BOTH), (601, BOTH))
    assert before[-1] == HIGHEST | {Direction.CHARGE: 130.0}
    after = highest_limits((0, BOTH), (600, BOTH), (601, less), (602, more))
    assert after[2] == HIGHEST
    assert after[3] == HIGHEST | {Direction.CHARGE: 130.0}


@pytest.mark.parametrize(
    "life", [BatteryStatus.OUT_OF_SERVICE, BatteryStatus.DUPLICATE]
)
def test_other_battery_makes_another_bank(life: BatteryStatus) -> None:
    """One out of service is not part of it, nor a duplicate."""
    out = [battery("b1"), battery("b2", life)]
    half = {d: amps / 2 for d, amps in HIGHEST.items()}
    normalized = ((0, BOTH), (600, BOTH), (601, out), (1200, out), (1201, out))
    assert highest_limits(*normalized) == [{}, HIGHEST, {}, {}, half]
    assert highest_limits((0, []), (600, [])) == [{}, dict.fromkeys(Direction, 0.0)]
