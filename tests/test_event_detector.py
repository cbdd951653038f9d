"""Events of batteries: each is raised once, when it happens."""

from dataclasses import replace
from typing import Any

import pytest

from custom_components.bms_gateway.engine.model import (
    Alarm,
    BatteryState,
    BatteryStatus,
    Direction,
    Disobedience,
    InverterState,
    Readings,
    Snapshot,
    Status,
)
from custom_components.bms_gateway.event_detector import Event, EventDetector, EventType

BATTERY = BatteryState(
    id="b1",
    status=BatteryStatus.ONLINE,
    capacity_ah=100,
    readings=Readings(protections=frozenset(), warnings=frozenset()),
)
OVER_LIMIT, INTERNAL = Alarm.OVER_VOLTAGE, Alarm.INTERNAL


def snapshot(*batteries: BatteryState) -> Snapshot:
    """Return a snapshot of batteries."""
    return Snapshot(at=0, status=Status.RUNNING, batteries={b.id: b for b in batteries})


def reporting(**readings: Any) -> BatteryState:
    """Return the battery with other readings."""
    return replace(BATTERY, readings=replace(BATTERY.readings, **readings))


def follow(*states: BatteryState, step: float = 1.0) -> list[list[Event]]:
    """Return the events of each of the battery's states."""
    watch = EventDetector()
    return [
        watch.update(snapshot(state), index * step)
        for index, state in enumerate(states)
    ]


def test_unchanged_battery_has_no_events() -> None:
    """Neither at the first snapshot nor later."""
    assert follow(replace(BATTERY, status=BatteryStatus.WAITING), BATTERY, BATTERY) == [
        [],
        [],
        [],
    ]


@pytest.mark.parametrize(
    ("field", "raised", "cleared"),
    [
        ("protections", EventType.PROTECTION_RAISED, EventType.PROTECTION_CLEARED),
        ("warnings", EventType.WARNING_RAISED, EventType.WARNING_CLEARED),
    ],
)
def test_alarms_raise_events(field: str, raised: EventType, cleared: EventType) -> None:
    """One for each; unknown is neither raised nor cleared."""
    found = follow(
        reporting(**{field: frozenset({OVER_LIMIT})}),
        reporting(**{field: frozenset({OVER_LIMIT, INTERNAL})}),
        reporting(**{field: None}),
        reporting(**{field: frozenset({INTERNAL})}),
        BATTERY,
    )
    assert found == [
        [Event(raised, "b1", OVER_LIMIT)],
        [Event(raised, "b1", INTERNAL)],
        [],
        [Event(cleared, "b1", OVER_LIMIT)],
        [Event(cleared, "b1", INTERNAL)],
    ]


def test_loss_and_return_raise_events() -> None:
    """Rejoining does not; nor does taking the battery out of service."""
    lost = replace(BATTERY, status=BatteryStatus.LOST)
    rejoining = replace(BATTERY, status=BatteryStatus.REJOINING)
    gone, back = (
        [Event(kind, "b1")]
        for kind in (EventType.BATTERY_LOST, EventType.BATTERY_RESTORED)
    )
    assert follow(BATTERY, lost, lost, rejoining, lost, rejoining, BATTERY) == [
        [],
        gone,
        [],
        [],
        [],
        [],
        back,
    ]
    for battery_status in BatteryStatus.OUT_OF_SERVICE, BatteryStatus.DUPLICATE:
        out = replace(BATTERY, status=battery_status)
        assert follow(lost, out, BATTERY) == [gone, [], []]


def test_bridged_silence_is_not_a_loss() -> None:
    """It is one only if the battery is not back in time."""
    bridging = replace(BATTERY, status=BatteryStatus.BRIDGING)
    lost = replace(BATTERY, status=BatteryStatus.LOST)
    short, gone, back = (
        [Event(kind, "b1")]
        for kind in (
            EventType.BATTERY_GAP,
            EventType.BATTERY_LOST,
            EventType.BATTERY_RESTORED,
        )
    )
    assert follow(bridging, bridging, BATTERY) == [short, [], back]
    assert follow(bridging, lost, BATTERY) == [short, gone, back]


def test_missing_modules_raise_events() -> None:
    """With their number."""
    two, one, all_ = (
        replace(BATTERY, modules_most=5, modules_missing=n) for n in (2, 1, 0)
    )
    assert follow(BATTERY, two, two, one, all_) == [
        [],
        [Event(EventType.MODULES_MISSING, "b1", modules=2)],
        [],
        [Event(EventType.MODULES_RESTORED, "b1", modules=1)],
        [Event(EventType.MODULES_RESTORED, "b1", modules=0)],
    ]


def test_recounted_modules_are_not_restored() -> None:
    """As after the user has set the capacity without the missing ones."""
    missing = replace(BATTERY, modules_most=5, modules_missing=1)
    four = replace(BATTERY, modules_most=4)
    gone = [Event(EventType.MODULES_MISSING, "b1", modules=1)]
    assert follow(missing, BATTERY, four) == [gone, [], []]


def test_lost_since_is_kept() -> None:
    """From the loss until it is online again or out of service."""
    watch = EventDetector()
    lives: tuple[tuple[BatteryStatus, dict[str, float]], ...] = (
        (BatteryStatus.ONLINE, {}),
        (BatteryStatus.LOST, {"b1": 2.0}),
        (BatteryStatus.REJOINING, {"b1": 2.0}),
        (BatteryStatus.LOST, {"b1": 2.0}),
        (BatteryStatus.ONLINE, {}),
        (BatteryStatus.LOST, {"b1": 6.0}),
        (BatteryStatus.OUT_OF_SERVICE, {}),
        (BatteryStatus.LOST, {"b1": 8.0}),
    )
    for now, (battery_status, expected) in enumerate(lives, start=1):
        watch.update(snapshot(replace(BATTERY, status=battery_status)), now)
        assert watch.lost_since == expected
    watch.update(snapshot(), 9.0)
    assert watch.lost_since == {}


def test_more_than_three_losses_an_hour_are_unsteady() -> None:
    """Three are not enough, and an hour later they are forgotten."""
    watch = EventDetector()
    now = 0.0
    for loss in range(1, 5):
        for battery_status in BatteryStatus.ONLINE, BatteryStatus.LOST:
            now += 60
            watch.update(snapshot(replace(BATTERY, status=battery_status)), now)
        assert watch.unsteady == (frozenset({"b1"}) if loss > 3 else frozenset())
    # The first was at 120 s
    watch.update(snapshot(BATTERY), 120 + 3599)
    assert watch.unsteady == {"b1"}
    watch.update(snapshot(BATTERY), 120 + 3600)
    assert watch.unsteady == frozenset()


def test_current_out_of_service_raises_events() -> None:
    """Each time that it starts."""
    carries = replace(BATTERY, carries_current_out_of_service=True)
    sent = [Event(EventType.OUT_OF_SERVICE_CURRENT, "b1")]
    assert follow(BATTERY, carries, carries, BATTERY, carries) == [
        [],
        sent,
        [],
        [],
        sent,
    ]


def test_disobeying_inverters_raise_events() -> None:
    """Each time that it starts; once where it may be one of several."""
    charge, discharge = Direction.CHARGE, Direction.DISCHARGE
    one, several = (
        Disobedience(sent=0.0, taken=20.0, since=1.0, inverters=frozenset(ids))
        for ids in (["i1"], ["i1", "i2"])
    )
    states: list[dict[Direction, Disobedience]] = [
        {},
        {discharge: one},
        {discharge: replace(one, taken=30.0), charge: several},
        {},
        {discharge: one},
    ]
    watch = EventDetector()
    found = [
        watch.update(
            replace(
                snapshot(BATTERY),
                inverters={
                    key: InverterState(id=key, disobeys=state) for key in ("i1", "i2")
                },
            ),
            0.0,
        )
        for state in states
    ]
    begins = [Event(EventType.INVERTER_OVER_LIMIT, "i1", direction=discharge)]
    unsure = [Event(EventType.INVERTER_OVER_LIMIT, None, direction=charge)]
    assert found == [[], begins, unsure, [], begins]


@pytest.mark.parametrize("field", ["force_charge", "force_charge_2", "charge_request"])
def test_ignored_request_raises_an_event(field: str) -> None:
    """After ten minutes without a break."""
    asks, sated = reporting(**{field: True}), reporting(**{field: False})
    sent = [Event(EventType.CHARGE_REQUEST_UNMET, "b1")]
    found = follow(BATTERY, asks, asks, asks, asks, sated, asks, step=300)
    assert found == [[], [], [], sent, [], [], []]
    watch = EventDetector()
    for now, state in (0, asks), (599, asks), (600, asks):
        watch.update(snapshot(state), now)
        assert watch.requesting == (frozenset({"b1"}) if now == 600 else frozenset())
    watch.update(snapshot(sated), 601)
    assert watch.requesting == frozenset()


def test_unknown_request_is_neither_made_nor_withdrawn() -> None:
    """A short loss neither ends the ten minutes nor completes them."""
    asks, sent = (
        reporting(force_charge=True),
        [Event(EventType.CHARGE_REQUEST_UNMET, "b1")],
    )
    watch = EventDetector()
    for now, state, events, requesting in (
        (0, asks, [], False),
        (300, BATTERY, [], False),
        (312, asks, [], False),
        (599, asks, [], False),
        (600, BATTERY, [], False),
        (612, asks, sent, True),
        (700, BATTERY, [], True),
        (712, asks, [], True),
        # Of another frame; the requesting one is unknown
        (713, reporting(charge_request=False), [], True),
        (714, reporting(force_charge=False), [], False),
    ):
        assert watch.update(snapshot(state), now) == events
        assert watch.requesting == (frozenset({"b1"}) if requesting else frozenset())


def test_long_unknown_request_is_dropped() -> None:
    """A battery may be gone for good; its request of ten minutes ago is past."""
    asks = reporting(force_charge=True)
    watch = EventDetector()
    for now, state, requesting in (
        (0, asks, False),
        (600, asks, True),
        (1199, BATTERY, True),
        (1200, BATTERY, False),
        (1201, asks, False),
        (1801, asks, True),
    ):
        watch.update(snapshot(state), now)
        assert watch.requesting == (frozenset({"b1"}) if requesting else frozenset())


def test_conditions_before_a_start_are_remembered() -> None:
    """Although no battery is known at first; but not a request of long ago."""
    asks = reporting(protections=frozenset({OVER_LIMIT}), force_charge=True)
    starting = replace(snapshot(), status=Status.STARTING)
    for later, requesting in (599, True), (600, False):
        watch = EventDetector()
        assert watch.update(snapshot(asks), 0) == [
            Event(EventType.PROTECTION_RAISED, "b1", OVER_LIMIT)
        ]
        watch.update(snapshot(asks), 600)
        watch.update(starting, 600 + later)
        assert watch.update(snapshot(asks), 600 + later) == []
        assert watch.requesting == (frozenset({"b1"}) if requesting else frozenset())


def test_removed_battery_is_dropped() -> None:
    """One with the same id is another one."""
    watch = EventDetector()
    bad = replace(
        reporting(protections=frozenset({OVER_LIMIT}), force_charge=True),
        status=BatteryStatus.LOST,
        carries_current_out_of_service=True,
    )
    first = watch.update(snapshot(bad), 0)
    assert len(first) == 3
    assert watch.update(snapshot(), 601) == []
    assert watch.update(snapshot(bad), 602) == first
