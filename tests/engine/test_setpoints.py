"""Setpoints and temporary limits: they only lower, and a temporary limit ends."""

from collections import Counter
from dataclasses import fields, replace
from itertools import product
from math import inf
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.bms_gateway.engine.model import Direction, Rule
from custom_components.bms_gateway.engine.scheduling import next_wake
from custom_components.bms_gateway.engine.setpoints import (
    AllSetpoints,
    RequestedLimit,
    SetpointKey,
    Setpoints,
)
from custom_components.bms_gateway.engine.temporary_limits import (
    MOST_OWNERS,
    TemporaryLimit,
)

CHARGE, DISCHARGE = Direction.CHARGE, Direction.DISCHARGE


def temporary_limit(
    amps: float | None = None,
    *,
    until: float | None = None,
    owner: str = "Ann",
    device_id: str | None = None,
    watts: float | None = None,
) -> TemporaryLimit:
    """Return a temporary limit on charging."""
    return TemporaryLimit(
        device_id=device_id,
        direction=CHARGE,
        owner=owner,
        amps=amps,
        watts=watts,
        until=until,
    )


def charge_limit(
    requested: AllSetpoints, now: float = 0.0, volts: float | None = 50
) -> float:
    """Return the charge_limit limit requested of the bank in A; inf: no limit."""
    found = requested.requested(None, CHARGE, now, volts)
    return inf if found is None else found.amps


@pytest.mark.parametrize(
    ("new", "old", "expected"),
    [
        ({}, {}, False),
        ({"charge_current": 5.0}, {}, False),
        ({}, {"charge_current": 5.0}, True),
        ({"charge_current": 5.1}, {"charge_current": 5.0}, True),
        ({"charge_current": 4.9}, {"charge_current": 5.0}, False),
        ({"discharge_current": 0.1}, {"discharge_current": 0.0}, True),
        ({"charge_voltage": 54.1}, {"charge_voltage": 54.0}, True),
        ({"charging_allowed": False}, {}, False),
        ({}, {"charging_allowed": False}, True),
        ({}, {"discharging_allowed": False}, True),
        # A fall elsewhere does not make it less of a rise
        ({"charge_current": 0.0}, {"discharge_current": 0.0}, True),
    ],
)
@pytest.mark.parametrize("device", [None, "i1"])
def test_exceed_compares_every_setpoint(
    device: str | None, new: dict[str, Any], old: dict[str, Any], expected: bool
) -> None:
    """Of any device; no limit exceeds every number."""
    before = AllSetpoints().with_setpoints(device, Setpoints(**old))
    after = AllSetpoints().with_setpoints(device, Setpoints(**new))
    assert after.exceed(before) is expected
    # Setpoints without an inverter do not limit it
    assert AllSetpoints().exceed(before) is any(old)


def test_without_setpoints_there_is_no_limit() -> None:
    """In any direction, of any device."""
    for direction in Direction:
        for device in (None, "i1"):
            assert AllSetpoints().requested(device, direction, 0.0, 50.0) is None


@pytest.mark.parametrize(
    ("setpoints", "expected"),
    [
        (Setpoints(charge_current=20.0), (20.0, None)),
        (Setpoints(discharge_current=0.0), (None, 0.0)),
        (Setpoints(charging_allowed=False), (0.0, None)),
        (Setpoints(charge_current=20.0, charging_allowed=False), (0.0, None)),
        (Setpoints(discharging_allowed=False), (None, 0.0)),
    ],
)
def test_a_switch_that_is_off_is_0_a(
    setpoints: Setpoints, expected: tuple[float | None, float | None]
) -> None:
    """For any number."""
    found = (setpoints.current(CHARGE), setpoints.current(DISCHARGE))
    assert found == expected


@pytest.mark.parametrize(
    ("setpoints", "charge_limit", "discharge"),
    [
        (
            Setpoints(charge_current=20.0, discharge_current=30.0),
            RequestedLimit(20.0, Rule.SETPOINT, SetpointKey.CHARGE_CURRENT),
            RequestedLimit(30.0, Rule.SETPOINT, SetpointKey.DISCHARGE_CURRENT),
        ),
        (
            Setpoints(
                charge_current=0.0, charging_allowed=False, discharging_allowed=False
            ),
            RequestedLimit(0.0, Rule.SETPOINT, SetpointKey.CHARGING_ALLOWED),
            RequestedLimit(0.0, Rule.SETPOINT, SetpointKey.DISCHARGING_ALLOWED),
        ),
        (Setpoints(), None, None),
    ],
)
def test_the_binding_setpoint_is_named(
    setpoints: Setpoints,
    charge_limit: RequestedLimit | None,
    discharge: RequestedLimit | None,
) -> None:
    """A switch that is off takes precedence over a number, 0 or not."""
    assert (setpoints.requested(CHARGE), setpoints.requested(DISCHARGE)) == (
        charge_limit,
        discharge,
    )


def test_every_setpoint_of_a_current_has_a_key() -> None:
    """By the name of its field."""
    names = {field.name for field in fields(Setpoints)}
    assert names - {"charge_voltage"} == set(SetpointKey)


def test_the_lowest_limit_holds_and_names_its_owner() -> None:
    """A temporary limit never raises."""
    requested = AllSetpoints(bank=Setpoints(charge_current=20.0))
    own = RequestedLimit(20.0, Rule.SETPOINT, SetpointKey.CHARGE_CURRENT)
    assert requested.requested(None, CHARGE, 0.0, 50.0) == own
    higher = requested.with_temporary_limit(temporary_limit(30.0))
    assert higher.requested(None, CHARGE, 0.0, 50.0) == own
    lower = higher.with_temporary_limit(temporary_limit(10.0, owner="Bob"))
    assert lower.requested(None, CHARGE, 0.0, 50.0) == RequestedLimit(
        10.0, Rule.TEMPORARY_LIMIT, "Bob"
    )


def test_a_temporary_limit_replaces_the_one_of_its_owner() -> None:
    """Not another owner's, nor that on another device."""
    requested = (
        AllSetpoints()
        .with_temporary_limit(temporary_limit(10.0))
        .with_temporary_limit(temporary_limit(5.0, owner="Bob"))
    )
    requested = requested.with_temporary_limit(
        temporary_limit(1.0, device_id="i1")
    ).with_temporary_limit(temporary_limit(8.0))
    assert {(e.device_id, e.owner, e.amps) for e in requested.temporary_limits} == {
        (None, "Bob", 5.0),
        ("i1", "Ann", 1.0),
        (None, "Ann", 8.0),
    }


def test_a_temporary_limit_ends_on_time() -> None:
    """Not before, and not later."""
    requested = AllSetpoints(temporary_limits=(temporary_limit(10.0, until=5.0),))
    assert charge_limit(requested, 4.999) == 10.0
    assert charge_limit(requested, 5.0) == inf
    assert next_wake(0.0, requested) == 5.0
    assert next_wake(5.0, requested) is None
    assert requested.without_ended(4.999) == requested
    assert requested.without_ended(5.0) == AllSetpoints()
    unlimited = AllSetpoints(temporary_limits=(temporary_limit(10.0),))
    assert unlimited.without_ended(1e9) == unlimited


def test_the_number_of_owners_is_bounded() -> None:
    """Per device and direction; the lowest limit is never lost."""
    requested = AllSetpoints()
    for n in range(3000):
        requested = requested.with_temporary_limit(temporary_limit(50.0, owner=f"o{n}"))
    assert len(requested.temporary_limits) == MOST_OWNERS
    requested = requested.with_temporary_limit(temporary_limit(7.0, owner="low"))
    assert requested.requested(None, CHARGE, 0.0, 50.0) == RequestedLimit(
        7.0, Rule.TEMPORARY_LIMIT, "low"
    )
    requested = requested.with_temporary_limit(temporary_limit(5.0, device_id="i1"))
    requested = requested.with_temporary_limit(
        replace(temporary_limit(6.0), direction=DISCHARGE)
    )
    assert len(requested.temporary_limits) == MOST_OWNERS + 2


def test_queue_accepts_frames_up_to_its_bound() -> None:
    """And always for owners that are already there."""
    requested = AllSetpoints()
    for n in range(MOST_OWNERS):
        one = temporary_limit(50.0, owner=f"o{n}")
        assert requested.has_room_for(one)
        requested = requested.with_temporary_limit(one)
    assert not requested.has_room_for(temporary_limit(1.0, owner="one too many"))
    assert requested.has_room_for(temporary_limit(60.0, owner="o3"))
    assert requested.has_room_for(temporary_limit(60.0, owner="other", device_id="i1"))
    assert requested.has_room_for(
        replace(temporary_limit(60.0, owner="x"), direction=DISCHARGE)
    )
    assert (
        requested.with_temporary_limit(temporary_limit(60.0, owner="o3"))
        .temporary_limits[-1]
        .amps
        == 60.0
    )


some_temporary_limits = st.lists(
    st.builds(
        lambda amount, unit, until, owner, device_id: temporary_limit(
            until=until, owner=owner, device_id=device_id, **{unit: amount}
        ),
        st.sampled_from([0.0, 1.0, 5.0, 20.0, 500.0, 1000.0]),
        st.sampled_from(["amps", "watts"]),
        st.none() | st.sampled_from([1.0, 10.0, 100.0]),
        st.sampled_from([f"o{n}" for n in range(60)]),
        st.sampled_from([None, None, None, "i1"]),
    ),
    min_size=MOST_OWNERS,
    max_size=60,
)


@pytest.mark.slow
@given(some_temporary_limits)
def test_one_owner_too_many_never_allows_more(
    temporary_limits: list[TemporaryLimit],
) -> None:
    """At no time and no voltage, neither one by one nor all at once, as from a store."""
    requested = AllSetpoints()
    for one in temporary_limits:
        before = AllSetpoints(
            temporary_limits=tuple(
                e for e in requested.temporary_limits if e.key != one.key
            )
        )
        after = requested.with_temporary_limit(one)
        for now, volts in product((0.0, 5.0, 50.0, 500.0), (None, 40.0, 60.0)):
            own = AllSetpoints(temporary_limits=(one,))
            allowed = min(
                charge_limit(before, now, volts), charge_limit(own, now, volts)
            )
            assert charge_limit(after, now, volts) <= allowed
        requested = after
    stored = AllSetpoints(temporary_limits=tuple(temporary_limits))
    for now, volts in product((0.0, 5.0, 50.0, 500.0), (None, 40.0, 60.0)):
        each = (
            charge_limit(AllSetpoints(temporary_limits=(one,)), now, volts)
            for one in temporary_limits
        )
        assert charge_limit(stored, now, volts) <= min(each, default=inf)
    for known in requested, stored:
        counts = Counter(one.place for one in known.temporary_limits)
        assert max(counts.values(), default=0) <= MOST_OWNERS


def test_watts_are_converted_at_the_present_voltage() -> None:
    """0 A while it is unknown."""
    requested = AllSetpoints(temporary_limits=(temporary_limit(watts=1000.0),))
    assert charge_limit(requested, volts=50.0) == 20.0
    assert charge_limit(requested, volts=40.0) == 25.0
    assert charge_limit(requested, volts=None) == 0.0


def test_setpoints_of_one_leave_the_others() -> None:
    """The bank's and each inverter's."""
    ten = Setpoints(charge_current=10.0)
    requested = AllSetpoints().with_setpoints("i1", ten)
    assert requested == AllSetpoints(inverters={"i1": ten})
    requested = requested.with_setpoints(None, Setpoints(charge_current=5.0))
    assert requested.of("i1") == ten
    assert requested.of(None).charge_current == 5.0
    assert requested.of("i2") == Setpoints()


@given(
    st.lists(st.none() | st.floats(0.0, 1e6), max_size=5),
    st.floats(0.0, 1e6),
    st.floats(0.0, 1e6),
)
def test_the_remaining_time_continues_after_a_restart(
    ends: list[float | None], stopped: float, restarted: float
) -> None:
    """At any wall clock time; an unlimited one has no end."""
    before = AllSetpoints(
        temporary_limits=tuple(
            temporary_limit(1.0, until=until, owner=str(i))
            for i, until in enumerate(ends)
        )
    ).without_ended(stopped)
    after = before.counted_from(-stopped).counted_from(restarted)
    for old, new in zip(before.temporary_limits, after.temporary_limits, strict=True):
        assert replace(new, until=None) == replace(old, until=None)
        if old.until is None:
            assert new.until is None
        else:
            assert new.until == pytest.approx(old.until - stopped + restarted)
