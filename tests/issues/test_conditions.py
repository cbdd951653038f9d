"""What only time shows: raised after a while, cleared as soon as it is over."""

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
from custom_components.bms_gateway.issues.conditions import Apart, Conditions

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
    """Return what is known of batteries and an inverter."""
    return Snapshot(
        at=0,
        status=Status.RUNNING,
        batteries={each.id: each for each in batteries},
        inverters={inverter.id: inverter} if inverter else {},
        ports={"i1": port},
    )


# Far apart in voltage


def apart(*looks: tuple[float, float, float]) -> list[bool]:
    """Return at each look whether two batteries count as far apart.

    A look: its time, the voltages of both.
    """
    standing = Conditions()
    found = []
    for now, first, second in looks:
        both = battery("b1", voltage=first), battery("b2", voltage=second)
        standing.update(snapshot(*both), now)
        found.append(standing.apart is not None)
    return found


def test_batteries_that_stay_far_apart() -> None:
    """More than 1 V for a minute; by name, which is the higher one."""
    assert apart((0, 52.0, 50.9), (59, 52.0, 50.9), (60, 52.0, 50.9)) == [
        False,
        False,
        True,
    ]
    assert apart((0, 52.0, 51.0), (600, 52.0, 51.0)) == [False, False]
    standing = Conditions()
    for now in 0, 60:
        both = battery("b1", voltage=50.9), battery("b2", voltage=52.0)
        standing.update(snapshot(*both), now)
    assert standing.apart == Apart("b2", 52.0, "b1", 50.9)


def test_a_moment_apart_is_none() -> None:
    """Telegrams of different age, while a load comes: it begins anew."""
    assert not any(
        apart((0, 52.0, 50.5), (30, 52.0, 51.5), (60, 52.0, 50.5), (119, 52.0, 50.5))
    )


def test_they_are_near_again() -> None:
    """Not before they agree as connected ones do; then a minute counts again."""
    assert apart(
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
        # Nothing may flow out of the one, or into the other: connected all the same
        (EMPTY, {}, False),
        ({}, FULL, False),
        ({}, {"charge_enabled": False}, False),
        # Not known, or not there
        ({}, {"voltage": None}, False),
        ({"status": BatteryStatus.LOST}, {}, False),
        ({}, {"status": BatteryStatus.REJOINING}, False),
        ({}, {"status": BatteryStatus.OUT_OF_SERVICE}, False),
        ({}, {"status": BatteryStatus.DUPLICATE}, False),
    ],
)
def test_only_what_should_even_itself_out_counts(
    first: dict[str, Any], second: dict[str, Any], expected: bool
) -> None:
    """A full battery rests below the others while these are charged on."""
    standing = Conditions()
    for now in 0, 60:
        both = battery("b1", **{"voltage": 54.0} | first), battery("b2", **second)
        standing.update(snapshot(*both), now)
    assert (standing.apart is not None) is expected


def test_three_batteries() -> None:
    """The two that are furthest apart are named."""
    standing = Conditions()
    volts = {"b1": 52.0, "b2": 53.5, "b3": 51.8}
    each = [battery(key, voltage=v) for key, v in volts.items()]
    for now in 0, 60:
        standing.update(snapshot(*each), now)
    assert standing.apart == Apart("b2", 53.5, "b3", 51.8)


# Signs of life


def signs(*looks: tuple[float, PortState, dict[str, Any]]) -> list[float]:
    """Return at each look when the inverter last gave a sign of life."""
    standing = Conditions()
    found = []
    for now, port, changes in looks:
        inverter = InverterState(id="i1", **changes)
        standing.update(snapshot(inverter=inverter, port=port), now)
        found.append(standing.signs_of_life["i1"])
    return found


def test_signs_of_life() -> None:
    """To be heard, or to take what is sent; the first look is the benefit of doubt."""
    assert signs(
        (10, OPEN, {}),
        (20, OPEN, {"listening": False}),
        (30, OPEN, {"listening": False, "last_foreign_frame_at": 25.0}),
        (40, OPEN, {"listening": True, "last_foreign_frame_at": 25.0}),
        (50, OPEN, {"listening": False, "last_foreign_frame_at": 25.0}),
    ) == [10, 10, 25, 40, 40]


def test_a_port_that_is_lost_hears_nobody() -> None:
    """The time counts from when it is open again."""
    assert signs((10, OPEN, {}), (20, LOST, {}), (30, OPEN, {})) == [10, 20, 20]


def test_an_inverter_that_was_removed_is_forgotten() -> None:
    """One with the same id is another one."""
    standing = Conditions()
    inverter = InverterState(id="i1")
    standing.update(snapshot(inverter=inverter), 10)
    standing.update(snapshot(), 20)
    assert standing.signs_of_life == {}
    standing.update(snapshot(inverter=inverter), 30)
    assert standing.signs_of_life == {"i1": 30}


# What the bank bears


def borne(*looks: tuple[float, list[BatteryState]]) -> list[dict[Direction, float]]:
    """Return at each look the most that all batteries together allowed."""
    standing = Conditions()
    found = []
    for now, batteries in looks:
        standing.update(snapshot(*batteries), now)
        found.append(dict(standing.borne))
    return found


BOTH = [battery("b1"), battery("b2")]
BEARS = {Direction.CHARGE: 100.0, Direction.DISCHARGE: 200.0}


def test_what_the_bank_bears() -> None:
    """Known once every battery was online and at ease for ten minutes."""
    assert borne((0, BOTH), (599, BOTH), (600, BOTH)) == [{}, {}, BEARS]


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
def test_a_battery_that_may_lower_its_limits_tells_nothing(
    changes: dict[str, Any],
) -> None:
    """Nearly full or empty, cold or hot, not online: the ten minutes begin anew."""
    uneasy = [battery("b1"), battery("b2", **changes)]
    looks = ((0, BOTH), (500, uneasy), (501, BOTH), (1100, BOTH), (1101, BOTH))
    assert borne(*looks) == [{}, {}, {}, {}, BEARS]


def test_the_largest_counts() -> None:
    """Of all that was ever seen, at ease or not; a limit that falls changes nothing."""
    more = [battery("b1", charge_current_limit=80.0, soc=90.0), battery("b2")]
    less = [battery("b1", charge_current_limit=5.0), battery("b2")]
    before = borne((0, more), (1, BOTH), (601, BOTH))
    assert before[-1] == BEARS | {Direction.CHARGE: 130.0}
    after = borne((0, BOTH), (600, BOTH), (601, less), (602, more))
    assert after[2] == BEARS
    assert after[3] == BEARS | {Direction.CHARGE: 130.0}


@pytest.mark.parametrize(
    "battery_status", [BatteryStatus.OUT_OF_SERVICE, BatteryStatus.DUPLICATE]
)
def test_another_battery_makes_another_bank(battery_status: BatteryStatus) -> None:
    """One that is out of service is none of it, nor one that is there already."""
    out = [battery("b1"), battery("b2", battery_status)]
    half = {d: amps / 2 for d, amps in BEARS.items()}
    looks = ((0, BOTH), (600, BOTH), (601, out), (1200, out), (1201, out))
    assert borne(*looks) == [{}, BEARS, {}, {}, half]
    assert borne((0, []), (600, [])) == [{}, dict.fromkeys(Direction, 0.0)]
