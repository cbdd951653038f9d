"""What the gateway sends, held against its readers: each alarm, and a whole day."""

from dataclasses import replace
from typing import Final

import pytest

from custom_components.bms_gateway.engine.model import Alarm, Telegram
from custom_components.bms_gateway.engine.presets import PRESETS, Make, Preset, Profile

from ..engine.telegrams import RECORDED
from .day import EVENTS, TURN, day
from .inverters.venus import LG_OBJECTION, Product
from .judge import NOTHING, encoded, findings, frames, judge
from .readers import DANGERS, MATCHING, as_sent

TELEGRAM: Final = replace(
    RECORDED,
    charge_voltage_limit=52.9,
    charge_current_limit=50.0,
    discharge_current_limit=100.0,
    discharge_voltage_limit=46.4,
    soc=80.25,
    soh=98.0,
    modules=2,
    capacity_ah=200.0,
)
STOPPED: Final = replace(
    TELEGRAM,
    charge_current_limit=0.0,
    discharge_current_limit=0.0,
    charge_enabled=False,
    discharge_enabled=False,
)
UNKNOWN: Final = replace(
    TELEGRAM,
    soh=None,
    current=None,
    temperature=None,
    modules=None,
    name=None,
    cell_voltage_min=None,
    cell_voltage_max=None,
    cell_temperature_min=None,
    cell_temperature_max=None,
    capacity_ah=None,
)
NEAREST: Final = {
    Alarm.CHARGE_OVER_TEMPERATURE: Alarm.OVER_TEMPERATURE,
    Alarm.CHARGE_UNDER_TEMPERATURE: Alarm.UNDER_TEMPERATURE,
}
UNSPECIFIC: Final = frozenset({Alarm.INTERNAL, Alarm.GENERAL})
"""What an alarm may be sent as that the inverter has no bit for."""

VENUS: Final = MATCHING[Make.VICTRON]
VICTRON: Final = PRESETS[Make.VICTRON]
EXCERPT: Final = (7.9 * 3600, 9.5 * 3600)
"""Seconds of the day: one battery lost, then both, then one with an over-voltage."""


def test_every_make_has_a_reader() -> None:
    """A new preset needs one; a new profile, too."""
    assert MATCHING.keys() == set(Make)
    assert {PRESETS[make].profile for make in MATCHING} == set(Profile)


@pytest.mark.parametrize("make", Make)
@pytest.mark.parametrize("telegram", [TELEGRAM, STOPPED, UNKNOWN])
def test_make_believes_what_it_is_sent(make: Make, telegram: Telegram) -> None:
    """Running, stopped, and with everything unknown that may be unknown."""
    reader, preset = MATCHING[make], PRESETS[make]
    believed = reader.believed(reader.after(*encoded(telegram, preset)), 0.0)
    assert not list(findings(reader, believed, telegram, 0.0, telegram.soc))
    assert -40.0 <= (believed.temperature or 0.0) <= 100.0


@pytest.mark.parametrize("make", Make)
def test_make_stops_and_goes_on(make: Make) -> None:
    """With the first telegram after each change."""
    reader, preset = MATCHING[make], PRESETS[make]
    state = reader.after(*encoded(TELEGRAM, preset), *encoded(STOPPED, preset))
    believed = reader.believed(state, 0.0)
    assert (believed.ccl or 0.0) <= NOTHING and (believed.dcl or 0.0) <= NOTHING
    assert not list(findings(reader, believed, STOPPED, 0.0, STOPPED.soc))
    state = reader.after(*encoded(TELEGRAM, preset), state=state)
    believed = reader.believed(state, 0.0)
    assert believed.charge_allowed and believed.discharge_allowed


@pytest.mark.parametrize("make", Make)
def test_alarms_are_seen_with_one_telegram_and_ended_with_the_next(make: Make) -> None:
    """As what they are, or as something general where the inverter has no bit for one."""
    reader, preset = MATCHING[make], PRESETS[make]
    state = reader.after(*encoded(TELEGRAM, preset))
    for alarm in Alarm:
        raised = replace(TELEGRAM, protections=frozenset({alarm}))
        state = reader.after(*encoded(raised, preset), state=state)
        seen = reader.believed(state, 0.0).alarms
        assert seen is not None and len(seen) == 1, alarm
        assert seen <= {alarm, NEAREST.get(alarm, alarm)} | UNSPECIFIC
        state = reader.after(*encoded(TELEGRAM, preset), state=state)
        believed = reader.believed(state, 0.0)
        assert believed.alarms == frozenset()
        assert believed.charge_allowed and believed.discharge_allowed


@pytest.mark.parametrize("make", [m for m in Make if PRESETS[m].sends_warnings])
def test_warnings_stop_nothing(make: Make) -> None:
    """Other batteries work: they are no alarms to any inverter, and end, too."""
    reader, preset = MATCHING[make], PRESETS[make]
    state = reader.after(*encoded(TELEGRAM, preset))
    for alarm in Alarm:
        raised = replace(TELEGRAM, warnings=frozenset({alarm}))
        state = reader.after(*encoded(raised, preset), state=state)
        believed = reader.believed(state, 0.0)
        assert believed.alarms == frozenset()
        assert believed.warnings, alarm
        assert believed.charge_allowed and believed.discharge_allowed
        state = reader.after(*encoded(TELEGRAM, preset), state=state)
        assert reader.believed(state, 0.0).warnings == frozenset()


@pytest.mark.parametrize(
    ("name", "product", "cvl", "ccl"),
    [
        (VICTRON.name_prefix, Product.GENERIC, 52.9, 0.0),
        ("PYLON", Product.PYLONTECH, 52.5, 50.0),
        ("BYD", Product.BYD, 52.9, 40.0),
        ("LG", Product.LG, 52.9, 0.0),
    ],
)
def test_name_decides_whether_a_gx_stops_charging(
    name: str, product: Product, cvl: float, ccl: float
) -> None:
    """With 0 A and 52.9 V; a Pylontech of 200 Ah goes on with a quarter of that."""
    preset = replace(VICTRON, name_prefix=name)
    telegram = replace(STOPPED, name=None)
    state = VENUS.after(*encoded(telegram, preset))
    believed = VENUS.believed(state, 0.0)
    assert (believed.product, believed.cvl, believed.ccl) == (product, cvl, ccl)
    assert believed.charge_allowed is (ccl > 0)
    assert (LG_OBJECTION in believed.objections) is (product is Product.LG)


@pytest.mark.parametrize("own", ["PYLON", "BYD", "LG RESU", "DY001", None])
def test_gx_never_receives_a_battery_s_own_name(own: str | None) -> None:
    """Whatever the first battery of the bank is called."""
    state = VENUS.after(*encoded(replace(TELEGRAM, name=own), VICTRON))
    assert VENUS.believed(state, 0.0).product == Product.GENERIC


@pytest.mark.parametrize("soc", [0.0, 0.4, 50.55, 99.4, 99.96, 100.0])
def test_sunny_island_reads_hundredths(soc: float) -> None:
    """Full and empty only when reached."""
    reader = MATCHING[Make.SMA]
    state = reader.after(*encoded(replace(TELEGRAM, soc=soc), PRESETS[Make.SMA]))
    believed = reader.believed(state, 0.0).soc
    assert believed == pytest.approx(soc, abs=0.005)
    assert (believed == 0, believed == 100) == (soc == 0, soc == 100)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.xdist_group("a day of readers")
def test_day_holds_everything() -> None:
    """Full, empty, silence, and each event as a warning or an alarm."""
    sent = [moment.telegram for moment in day() if moment.telegram]
    assert any(telegram.soc == 100 for telegram in sent)
    assert any(telegram.soc == 0 for telegram in sent)
    assert any(moment.is_full for moment in day())
    silent = sum(moment.telegram is None for moment in day()) * TURN
    assert silent > 600
    for event in EVENTS:
        within = [
            moment.telegram
            for moment in day()
            if event.begin * 3600 < moment.at < event.end * 3600 and moment.telegram
        ]
        raised = [t.protections | t.warnings for t in within]
        expected = event.protections or {Alarm.INTERNAL}
        assert any(expected <= each for each in raised)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.xdist_group("a day of readers")
def test_each_make_believes_the_truth_all_day() -> None:
    """Limits, alarms, SOC, silence: nothing wrong in any of its 1,440 minutes."""
    wrong = {}
    judged: set[Preset] = set()
    for make, reader in MATCHING.items():
        preset = as_sent(PRESETS[make])
        if preset in judged:
            continue
        judged.add(preset)
        result = judge(reader, day(), frames(day(), preset))
        assert result.minutes == 24 * 60
        if result.wrong:
            wrong[make] = result.examples
    assert not wrong


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.xdist_group("a day of readers")
def test_wrong_sets_are_as_dangerous_as_the_documentation_says() -> None:
    """Otherwise the readers judge nothing."""
    begin, end = EXCERPT
    excerpt = [moment for moment in day() if begin <= moment.at < end]
    sent = {make: frames(excerpt, PRESETS[make]) for _, make in DANGERS}
    for (reader, make), kinds in DANGERS.items():
        found = judge(reader, excerpt, sent[make]).found
        assert kinds <= found.keys(), (reader.name, make)
