"""Values that are shown at once, and those that wait for the update interval."""

from dataclasses import fields, replace

import pytest

from custom_components.bms_gateway.engine.model import (
    Alarm,
    BankState,
    BatteryState,
    BatteryStatus,
    BusState,
    Controller,
    Direction,
    Disobedience,
    InverterState,
    Limit,
    PortFault,
    PortState,
    PortStatus,
    Readings,
    Rule,
    Snapshot,
    Status,
    Telegram,
)
from custom_components.bms_gateway.throttle.snapshots import AT_ONCE, show

READINGS = Readings(
    voltage=52.0,
    soc=50.0,
    current=10.0,
    charge_current_limit=100.0,
    discharge_current_limit=100.0,
    protections=frozenset(),
    charge_enabled=True,
)
BATTERY = BatteryState(
    id="b", status=BatteryStatus.ONLINE, capacity_ah=100, readings=READINGS, telegrams=7
)
LIMIT = Limit(amps=100.0, rule=Rule.BATTERY, source="b", number=100.0)
CONFIRMED = Telegram(
    charge_voltage_limit=56.0,
    charge_current_limit=100.0,
    discharge_current_limit=100.0,
    soc=50.0,
    voltage=52.0,
    charge_enabled=True,
    discharge_enabled=True,
    discharge_voltage_limit=46.0,
)
DISOBEYS = Disobedience(sent=0.0, taken=9.0, since=1.0, inverters=frozenset({"i"}))
INVERTER = InverterState(
    id="i",
    listening=True,
    charge=LIMIT,
    discharge=LIMIT,
    confirmed=CONFIRMED,
    telegrams_sent=3,
)
WORKING = Controller(
    carrier=True, state=BusState.ERROR_ACTIVE, transmit_errors=0, receive_errors=0
)
SHOWN = Snapshot(
    at=1.0,
    status=Status.RUNNING,
    bank=BankState(soc=50.0, voltage=52.0, protections=frozenset()),
    charge=LIMIT,
    discharge=LIMIT,
    charge_voltage_limit=56.0,
    batteries={"b": BATTERY},
    inverters={"i": INVERTER},
    ports={"b": PortState(status=PortStatus.OPEN, received=5, controller=WORKING)},
)


def with_readings(**changes: object) -> Snapshot:
    """Return the snapshot with other readings of its battery."""
    readings = replace(READINGS, **changes)  # type: ignore[arg-type] # a table's row
    return with_battery(readings=readings)


def with_battery(**changes: object) -> Snapshot:
    """Return the snapshot with another battery."""
    battery = replace(BATTERY, **changes)  # type: ignore[arg-type] # a table's row
    return replace(SHOWN, at=2.0, batteries={"b": battery})


def with_inverter(**changes: object) -> Snapshot:
    """Return the snapshot with another inverter."""
    inverter = replace(INVERTER, **changes)  # type: ignore[arg-type] # a table's row
    return replace(SHOWN, at=2.0, inverters={"i": inverter})


def with_limit(**changes: object) -> Snapshot:
    """Return the snapshot with another charge limit of the bank."""
    limit = replace(LIMIT, **changes)  # type: ignore[arg-type] # a table's row
    return replace(SHOWN, at=2.0, charge=limit)


@pytest.mark.parametrize(
    "latest",
    [
        with_readings(voltage=53.0, soc=51.0, current=-30.0),
        with_readings(voltage=None),
        with_battery(telegrams=8, last_frame_at=2.0),
        with_readings(charge_current_limit=91.0),
        with_limit(amps=109.9),
        with_limit(amps=90.1, number=90.1),
        with_inverter(
            telegrams_sent=4, last_telegram_at=2.0, last_foreign_frame_at=2.0
        ),
        with_inverter(charge=replace(LIMIT, amps=95.0)),
        replace(SHOWN, bank=replace(SHOWN.bank, soc=51.0, voltage=53.0)),
        replace(SHOWN, charge_voltage_limit=55.0),
        replace(SHOWN, ports={"b": replace(SHOWN.ports["b"], received=6)}),
        replace(
            SHOWN,
            ports={
                "b": replace(
                    SHOWN.ports["b"], controller=replace(WORKING, transmit_errors=9)
                )
            },
        ),
    ],
)
def test_live_values_wait(latest: Snapshot) -> None:
    """The displayed snapshot does not change."""
    assert show(SHOWN, latest) == SHOWN


@pytest.mark.parametrize(
    "latest",
    [
        replace(SHOWN, status=Status.BLOCKED),
        with_battery(status=BatteryStatus.REJOINING),
        with_readings(protections=frozenset({Alarm.OVER_VOLTAGE})),
        with_readings(protections=None),
        with_readings(warnings=frozenset({Alarm.INTERNAL})),
        with_readings(charge_enabled=False),
        with_readings(force_charge=True),
        with_readings(serial="S1"),
        with_readings(charge_current_limit=90.0),
        with_readings(charge_current_limit=0.0),
        with_readings(charge_current_limit=None),
        with_limit(amps=110.0),
        with_limit(amps=90.0),
        with_limit(amps=0.0),
        with_limit(rule=Rule.SETPOINT),
        with_limit(source="other"),
        with_limit(device="i"),
        replace(SHOWN, discharge=None),
        replace(SHOWN, bank=replace(SHOWN.bank, protections=frozenset(Alarm))),
        with_battery(inverter_detected=True),
        with_inverter(listening=False),
        with_inverter(battery_detected=True),
        replace(SHOWN, excess={Direction.CHARGE: 5.0}),
        with_inverter(connected=True),
        with_inverter(disobeys={Direction.CHARGE: DISOBEYS}),
        with_inverter(discharge=replace(LIMIT, amps=0.0)),
        replace(
            SHOWN,
            ports={"b": PortState(status=PortStatus.LOST, fault=PortFault.LINK_DOWN)}
            | {"b": replace(SHOWN.ports["b"], status=PortStatus.LOST)},
        ),
        replace(
            SHOWN,
            ports={
                "b": replace(
                    SHOWN.ports["b"],
                    controller=replace(WORKING, state=BusState.ERROR_PASSIVE),
                )
            },
        ),
    ],
)
def test_urgent_value_is_shown_at_once(latest: Snapshot) -> None:
    """That one change is shown, and nothing else."""
    assert show(SHOWN, latest) == replace(latest, at=SHOWN.at)


def test_figures_of_an_excess_wait() -> None:
    """They move with every telegram; its end does not wait."""
    shown = replace(SHOWN, excess={Direction.CHARGE: 5.0})
    assert show(shown, replace(SHOWN, excess={Direction.CHARGE: 6.0})) == shown
    assert show(shown, SHOWN) == SHOWN


def test_limit_that_leaves_0_is_shown() -> None:
    """However small it is."""
    shown = replace(SHOWN, charge=replace(LIMIT, amps=0.0))
    latest = replace(SHOWN, charge=replace(LIMIT, amps=0.1))
    assert show(shown, latest).charge == latest.charge
    assert show(shown, shown).charge == shown.charge


def test_creeping_limit_is_shown_every_10_percent() -> None:
    """Small steps add up: they are measured from the displayed value."""
    shown = SHOWN
    seen = []
    for amps in range(100, 79, -1):
        shown = show(shown, replace(SHOWN, charge=replace(LIMIT, amps=float(amps))))
        assert shown.charge is not None
        seen.append(shown.charge.amps)
    assert sorted(set(seen)) == [81.0, 90.0, 100.0]


def limited(amps: float, rule: Rule = Rule.BATTERY) -> Snapshot:
    """Return the snapshot with other limits, of bank, battery and inverter."""
    limit = replace(LIMIT, amps=amps, rule=rule)
    readings = replace(READINGS, charge_current_limit=amps)
    return replace(
        SHOWN,
        charge=limit,
        batteries={"b": replace(BATTERY, readings=readings)},
        inverters={"i": replace(INVERTER, charge=limit)},
    )


@pytest.mark.parametrize(
    ("rule", "waits"),
    [
        (Rule.SETPOINT, False),
        (Rule.TOTAL, False),
        (Rule.RATING, False),
        (Rule.VOLTAGE, False),
        (Rule.BATTERY, True),
        (Rule.BATTERIES, True),
        (Rule.TEMPORARY_LIMIT, True),
        (Rule.OVER_LIMIT, True),
        (Rule.RAMP, True),
    ],
)
def test_fluttering_figure_of_a_rule_waits(rule: Rule, waits: bool) -> None:
    """One that a user chose does not; a temporary limit may be one in W."""
    shown = with_limit(rule=rule, number=30.0)
    latest = with_limit(rule=rule, number=29.9)
    assert (show(shown, latest) == shown) is waits


def test_limit_rises_out_of_turn_once() -> None:
    """Then it waits, since one that flutters would fill a database."""
    moved: set[str] = set()
    once = show(SHOWN, limited(120.0), moved)
    assert once == limited(120.0)
    assert show(once, limited(150.0), moved) == once
    assert show(once, limited(120.0, Rule.RAMP), moved).charge == once.charge
    # Later it may move again
    assert show(once, limited(150.0), set()) == limited(150.0)


def test_too_high_a_limit_is_never_shown() -> None:
    """A limit falls at once, however often; an earlier value it shows once."""
    moved: set[str] = set()
    shown = SHOWN
    for amps in 120.0, 80.0, 70.0:
        shown = show(shown, limited(amps), moved)
        assert shown == limited(amps)
    for amps in 80.0, 70.0, 80.0, 63.1:
        assert show(shown, limited(amps), moved) == shown


def test_lower_limit_of_another_rule_is_shown_at_once() -> None:
    """However little; but each rule once, since two may alternate on the way down."""
    moved: set[str] = set()
    shown = show(SHOWN, limited(80.0), moved)
    lower = show(shown, limited(79.9, Rule.OVER_LIMIT), moved)
    assert lower.charge == limited(79.9, Rule.OVER_LIMIT).charge
    assert show(lower, limited(79.8), moved).charge == lower.charge
    assert show(lower, limited(79.9, Rule.UNMANAGED), moved).charge == lower.charge
    lowest = show(lower, limited(79.7, Rule.UNMANAGED), moved)
    assert lowest.charge == limited(79.7, Rule.UNMANAGED).charge
    assert show(lowest, limited(79.6, Rule.OVER_LIMIT), moved).charge == lowest.charge
    assert show(lowest, limited(70.0, Rule.OVER_LIMIT), moved) == limited(
        70.0, Rule.OVER_LIMIT
    )


def test_change_from_or_to_0_is_shown_at_once() -> None:
    """Reached and left, however often."""
    moved: set[str] = set()
    shown = show(SHOWN, limited(80.0), moved)
    for amps in 0.0, 30.0, 0.0, 30.0:
        shown = show(shown, limited(amps), moved)
        assert shown == limited(amps)


def test_limit_that_becomes_unknown_does_not_wait() -> None:
    """Nor one that is known again."""
    moved: set[str] = set()
    once = show(SHOWN, limited(80.0), moved)
    unknown = show(once, replace(SHOWN, charge=None), moved)
    assert unknown.charge is None
    assert show(unknown, limited(90.0), moved).charge == limited(90.0).charge


def test_battery_that_comes_online_is_taken_whole() -> None:
    """Its first values come at once; those of another battery wait."""
    other = replace(BATTERY, id="other")
    waiting = replace(BATTERY, status=BatteryStatus.WAITING, readings=Readings())
    shown = replace(SHOWN, batteries={"b": waiting, "other": other})
    moved = replace(READINGS, soc=99.0)
    latest = replace(
        SHOWN, batteries={"b": BATTERY, "other": replace(other, readings=moved)}
    )
    assert show(shown, latest).batteries == {"b": BATTERY, "other": other}


def test_bank_is_taken_whole_with_the_first_battery() -> None:
    """There was no bank before."""
    waiting = replace(BATTERY, status=BatteryStatus.WAITING)
    nothing = replace(SHOWN, bank=BankState(), batteries={"b": waiting})
    assert show(nothing, SHOWN).bank == SHOWN.bank
    # At the start it takes two telegrams until a battery online makes a bank
    assert show(replace(SHOWN, bank=BankState()), SHOWN).bank == SHOWN.bank


def test_first_telegram_of_an_inverter_is_taken_whole() -> None:
    """With its voltage limit and its counters."""
    shown = replace(SHOWN, inverters={"i": InverterState(id="i")})
    assert show(shown, SHOWN).inverters == {"i": INVERTER}


def test_removed_devices_are_no_longer_shown() -> None:
    """And added ones are."""
    new = replace(BATTERY, id="new")
    latest = replace(SHOWN, batteries={"new": new}, inverters={}, ports={})
    assert show(SHOWN, latest) == replace(latest, at=SHOWN.at)


def test_every_urgent_field_exists() -> None:
    """Or a value would wait although it must not."""
    for model, names in AT_ONCE.items():
        assert set(names) <= {field.name for field in fields(model)}, model
