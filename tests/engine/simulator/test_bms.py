"""The simulated BMS: tapers, ends with hysteresis, protections, steps."""

from dataclasses import replace
from random import Random

from hypothesis import given, strategies as st
import pytest

from custom_components.bms_gateway.engine.model import Alarm, Telegram
from custom_components.bms_gateway.engine.simulator.bms import (
    Bms,
    BmsState,
    allowed,
    evaluate,
    path_of,
    raised,
    report,
)
from custom_components.bms_gateway.engine.simulator.physics import (
    Pack,
    PackState,
    Path,
    state_of,
)

PACK = Pack(capacity_ah=100)
BMS = Bms(max_charge=50, max_discharge=100)


def _at(soc: float, **changes: float) -> PackState:
    """Return a pack at rest, with some of its values replaced."""
    return replace(state_of(PACK, soc), **changes)


def _evaluation(
    cells: PackState, state: BmsState | None = None, dt: float = 1.0
) -> BmsState:
    return evaluate(BMS, state or BmsState(), PACK, cells, dt)


def _report(soc: float, **changes: float) -> Telegram:
    cells = _at(soc, **changes)
    return report(BMS, _evaluation(cells), PACK, cells)


@pytest.mark.parametrize(
    ("soc", "charge", "discharge"),
    [
        (50.0, 50.0, 100.0),
        (90.0, 50.0, 100.0),
        (93.5, 32.5, 100.0),
        (97.0, 15.0, 100.0),
        (99.9, 2.9, 100.0),
        (10.0, 50.0, 65.0),
        (5.0, 37.5, 30.0),
        (1.0, 27.5, 14.0),
    ],
)
def test_limits_taper_to_the_ends(soc: float, charge: float, discharge: float) -> None:
    """A pack allows less the fuller or emptier it is, rounded down to 0.1 A."""
    telegram = _report(soc)
    assert telegram.charge_current_limit == charge
    assert telegram.discharge_current_limit == discharge


@given(st.floats(0, 100), st.floats(0, 100))
def test_a_fuller_pack_never_allows_more_charge(one: float, other: float) -> None:
    """Above 10 % the taper only falls, and discharging the other way round."""
    low, high = sorted((max(one, 10.0), max(other, 10.0)))
    assert _report(low).charge_current_limit >= _report(high).charge_current_limit
    low, high = sorted((one, other))
    assert _report(low).discharge_current_limit <= _report(high).discharge_current_limit


def test_a_full_pack_allows_no_charge_until_discharged() -> None:
    """Full at 100 %, until below 97 %."""
    full = _evaluation(_at(100.0))
    assert allowed(full) == (False, True)
    assert path_of(BMS, full) == Path(charge=False)
    assert report(BMS, full, PACK, _at(100.0)).charge_current_limit == 0.0
    assert not report(BMS, full, PACK, _at(100.0)).charge_enabled
    assert allowed(_evaluation(_at(97.5), full)) == (False, True)
    assert allowed(_evaluation(_at(96.9), full)) == (True, True)
    assert allowed(_evaluation(_at(97.5))) == (True, True)


def test_an_empty_pack_allows_no_discharge_until_charged() -> None:
    """Empty at 0 %, until above 4 %."""
    empty = _evaluation(_at(0.0))
    assert Alarm.UNDER_VOLTAGE not in empty.protections
    assert allowed(empty) == (True, False)
    assert path_of(BMS, empty) == Path(discharge=False)
    assert report(BMS, empty, PACK, _at(0.0)).discharge_current_limit == 0.0
    assert not report(BMS, empty, PACK, _at(0.0)).discharge_enabled
    assert allowed(_evaluation(_at(3.5), replace(empty, protections=frozenset()))) == (
        True,
        False,
    )
    assert allowed(_evaluation(_at(4.1), empty)) == (True, True)


def test_a_bms_may_leave_its_path_closed_at_the_ends() -> None:
    """Then its limit is 0 and only the others can keep current away from it."""
    bms = replace(BMS, opens_at_end=False)
    full = _evaluation(_at(100.0))
    assert allowed(full) == (False, True)
    assert path_of(bms, full) == Path()
    assert not path_of(
        bms, raised(_evaluation(_at(50)), _set(Alarm.OVER_VOLTAGE))
    ).charge


@pytest.mark.parametrize(
    ("alarm", "bad", "between", "good", "charge", "discharge"),
    [
        (
            Alarm.OVER_VOLTAGE,
            {"voltage": 58.4},
            {"voltage": 56.0},
            {"voltage": 54.0},
            False,
            True,
        ),
        (
            Alarm.UNDER_VOLTAGE,
            {"voltage": 43.0},
            {"voltage": 46.0},
            {"voltage": 49.0},
            True,
            False,
        ),
        (
            Alarm.OVER_TEMPERATURE,
            {"temperature": 60.0},
            {"temperature": 55.0},
            {"temperature": 49.0},
            False,
            False,
        ),
        (
            Alarm.UNDER_TEMPERATURE,
            {"temperature": -10.0},
            {"temperature": -5.0},
            {"temperature": 1.0},
            False,
            False,
        ),
    ],
)
def test_a_protection_clears_below_its_end(
    alarm: Alarm,
    bad: dict[str, float],
    between: dict[str, float],
    good: dict[str, float],
    charge: bool,
    discharge: bool,
) -> None:
    """Raised beyond one value, cleared before another, unchanged in between."""
    assert not _evaluation(_at(50, **between)).protections
    tripped = _evaluation(_at(50, **bad))
    assert tripped.protections == {alarm}
    assert allowed(tripped) == (charge, discharge)
    assert path_of(BMS, tripped) == Path(charge, discharge)
    telegram = report(BMS, tripped, PACK, _at(50, **bad))
    assert telegram.protections == {alarm}
    assert (telegram.charge_current_limit > 0) is charge
    assert (telegram.discharge_current_limit > 0) is discharge
    assert _evaluation(_at(50, **between), tripped).protections == {alarm}
    assert not _evaluation(_at(50, **good), tripped).protections


@pytest.mark.parametrize(
    ("current", "alarm"),
    [(100.0, Alarm.CHARGE_CURRENT), (-200.0, Alarm.DISCHARGE_CURRENT)],
)
def test_too_much_current_warns_and_then_trips(current: float, alarm: Alarm) -> None:
    """Twice the limit is tolerated for some seconds and trips; then it rests."""
    state = BmsState()
    seen = []
    for _ in range(20):
        state = _evaluation(_at(50, current=current), state)
        seen.append((alarm in state.warnings, alarm in state.protections))
    assert seen[0] == (False, False)
    assert (True, False) in seen
    assert seen[-1] == (True, True)
    for _ in range(20):
        state = _evaluation(_at(50, current=0.0), state)
    assert alarm in state.protections
    for _ in range(60):
        state = _evaluation(_at(50, current=0.0), state)
    assert not state.protections | state.warnings


def test_any_other_protection_blocks_both_ways() -> None:
    """Protections outside the table are taken seriously."""
    state = raised(BmsState(), _set(Alarm.SHORT_CIRCUIT))
    assert allowed(state) == (False, False)


@given(st.floats(-2, 102), st.floats(-300, 300), st.floats(40, 60), st.floats(-20, 70))
def test_measurements_come_in_the_steps_of_the_wire(
    soc: float, current: float, voltage: float, temperature: float
) -> None:
    """0.01 V, 0.1 A, 0.1 degC; the state of charge stays between its ends."""
    telegram = _report(soc, current=current, voltage=voltage, temperature=temperature)
    assert telegram.voltage == round(voltage, 2)
    assert telegram.current == round(current, 1)
    assert telegram.temperature == round(temperature, 1)
    assert telegram.soc == pytest.approx(min(max(soc, 0), 100))


def test_noise_is_of_the_current_alone_and_can_be_repeated() -> None:
    """The same seed gives the same noise; its deviation is as set."""
    bms = replace(BMS, noise=0.15)
    cells = _at(50, current=20.0)

    def measured(seed: int) -> list[float]:
        rng = Random(seed)
        reports = [report(bms, BmsState(), PACK, cells, rng) for _ in range(2000)]
        return [telegram.current or 0.0 for telegram in reports]

    values = measured(1)
    assert values == measured(1) != measured(2)
    assert sum(values) / 2000 == pytest.approx(20.0, abs=0.02)
    assert sum((v - 20) ** 2 for v in values) / 2000 == pytest.approx(0.15**2, rel=0.2)
    assert report(bms, BmsState(), PACK, cells).current == 20.0


def test_bms_requests_charge_when_nearly_empty() -> None:
    """As Pylontech does: mild up to 9 %, urgent up to 5 %."""
    requests = [
        (_report(soc).force_charge_2, _report(soc).force_charge) for soc in (10, 9, 5)
    ]
    assert requests == [(False, False), (True, False), (True, True)]


def _set(*alarms: Alarm) -> frozenset[Alarm]:
    return frozenset(alarms)
