"""Inverters that exceed their limit: detected, named, and cleared."""

from collections.abc import Callable
from dataclasses import replace
import logging
from typing import Any

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.bms_gateway.engine.config import GatewayConfig
from custom_components.bms_gateway.engine.inverter.compliance.monitor import (
    ComplianceMonitor,
    Current,
    InverterLoad,
    measured,
)
from custom_components.bms_gateway.engine.limits.context import Context
from custom_components.bms_gateway.engine.limits.pipeline import Pipeline
from custom_components.bms_gateway.engine.limits.unmanaged_hold import MAX_HOLD
from custom_components.bms_gateway.engine.model import (
    BatteryState,
    BatteryStatus,
    Direction,
    Disobedience,
    Readings,
    Rule,
)

from ...plant import Plant, inverter

CHARGE, DISCHARGE = Direction.CHARGE, Direction.DISCHARGE
NONE = dict.fromkeys(Direction, 0.0)


class House:
    """Inverters sampled every second; `reaction`: their reaction time in s."""

    def __init__(self, *ids: str, reaction: float = 10.0) -> None:
        """Create inverters with limits of 0 A."""
        self.obedience = ComplianceMonitor()
        self.loads = {
            key: InverterLoad(inverter(key, reaction_time=reaction), dict(NONE), True)
            for key in ids or ("i1",)
        }
        self.now = 1000.0

    def set_limit(self, key: str, amps: float, *, is_sent: bool = True) -> None:
        """Send one inverter another limit, both ways; or nothing at all."""
        load = self.loads[key]
        self.loads[key] = replace(
            load, amps=dict.fromkeys(Direction, amps), is_sent=is_sent
        )

    def flow(
        self,
        seconds: float,
        amps: float | None,
        period: float = 1.0,
        sensed: dict[str, float] | None = None,
    ) -> None:
        """Have a current (charge positive) measured every `period` for a while."""
        end = self.now + seconds
        while self.now < end:
            self.now += period
            for key, shown in (sensed or {}).items():
                self.obedience.sense(key, Current(shown, self.now))
            bank = None if amps is None else Current(amps, self.now)
            self.look(bank)

    def look(self, bank: Current | None) -> None:
        """Take one sample."""
        self.obedience.update(self.now, bank, list(self.loads.values()), NONE)

    def found(self, key: str = "i1") -> dict[Direction, Disobedience]:
        """Return in which directions an inverter disobeys."""
        return self.obedience.found(key)


# How long it takes


@pytest.mark.parametrize(("seconds", "found"), [(40, False), (41, True)])
def test_inverter_is_named_30_s_after_its_reaction_time(
    seconds: int, found: bool
) -> None:
    """A limit falls to 0 A at once; 20 A continue to flow."""
    house = House()
    house.set_limit("i1", 100.0)
    house.flow(60, -20.0)
    assert not house.found()
    house.set_limit("i1", 0.0)
    house.flow(seconds, -20.0)
    assert bool(house.found()) is found


def test_finding_has_lowest_current_and_highest_limit() -> None:
    """Since the first measurement."""
    house = House()
    house.flow(20, -31.0)
    house.flow(1, -22.0)
    house.flow(40, -25.0)
    assert house.found() == {
        DISCHARGE: Disobedience(
            sent=0.0, taken=22.0, since=1011.0, inverters=frozenset({"i1"})
        )
    }


@pytest.mark.parametrize(
    ("sent", "amps", "found"),
    [
        (0.0, -5.0, False),
        (0.0, -5.1, True),
        (50.0, -55.0, False),
        (50.0, -55.1, True),
        (100.0, -110.0, False),
        (100.0, -110.1, True),
        (0.0, 5.1, True),
        (50.0, 55.0, False),
    ],
)
def test_margin_is_5_a_or_10_percent(sent: float, amps: float, found: bool) -> None:
    """Less may be the error of meters; in either direction."""
    house = House()
    house.set_limit("i1", sent)
    house.flow(60, amps)
    direction = CHARGE if amps > 0 else DISCHARGE
    assert set(house.found()) == ({direction} if found else set())


def test_inverter_that_follows_a_falling_limit_late_is_not_named() -> None:
    """A battery that fills up: 1 A less each second, followed 9 s later."""
    house = House()
    for second in range(100):
        house.set_limit("i1", 100.0 - second)
        house.flow(1, min(100.0, 109.0 - second))
        assert not house.found()


def test_slow_inverter_gets_its_reaction_time() -> None:
    """120 s is the longest that can be set."""
    house = House(reaction=120.0)
    house.set_limit("i1", 100.0)
    house.flow(200, -50.0)
    house.set_limit("i1", 0.0)
    house.flow(150, -50.0)
    assert not house.found()
    house.flow(1, -50.0)
    assert house.found()


def test_inverter_gets_its_reaction_time_at_the_start() -> None:
    """The limit sent before is unknown."""
    house = House()
    house.flow(40, -20.0)
    assert not house.found()
    house.flow(1, -20.0)
    assert house.found()


# Evidence


@given(
    st.lists(st.floats(-3000, 3000), min_size=1, max_size=3),
    st.sampled_from([1.0, 3.0, 10.0, 30.0]),
)
def test_three_false_measurements_name_no_inverter(
    false: list[float], period: float
) -> None:
    """However rarely the battery measures."""
    house = House()
    house.flow(120, 0.0, period)
    for amps in false:
        house.flow(period, amps, period)
        assert not house.found()
    house.flow(120, 0.0, period)
    assert not house.found()


def test_one_measurement_counts_for_10_s_at_most() -> None:
    """It is sampled every second, but not measured anew."""
    house = House()
    house.flow(60, 0.0)
    stands = Current(-50.0, house.now)
    for _ in range(300):
        house.now += 1.0
        house.look(stands)
    assert not house.found()


def test_one_measurement_within_the_limit_restarts_the_evidence() -> None:
    """It has to be continuous."""
    house = House()
    for _ in range(10):
        house.flow(29, -20.0)
        house.flow(1, -4.0)
    assert not house.found()


@pytest.mark.parametrize(("unknown", "found"), [(60.0, True), (61.0, False)])
def test_evidence_pauses_while_the_current_is_unknown(
    unknown: float, found: bool
) -> None:
    """It restarts after a minute."""
    house = House()
    house.flow(30, -20.0)  # 19 s of evidence, after the reaction time
    house.flow(unknown, None)
    assert not house.found()
    house.flow(11, -20.0)
    assert not house.found()
    house.flow(1, -20.0)
    assert bool(house.found()) is found
    house.flow(20, -20.0)
    assert house.found()


def test_inverter_without_a_limit_is_not_named() -> None:
    """It follows its own settings; two minutes later it is sent a limit again."""
    house = House()
    house.set_limit("i1", 30.0, is_sent=False)
    house.flow(120, -80.0)
    assert not house.found()
    house.set_limit("i1", 0.0)
    house.flow(41, -80.0)
    assert house.found()


# The end


def test_finding_is_cleared_after_30_s_of_compliance() -> None:
    """One measurement does not clear it, nor do 29 s."""
    house = House()
    house.flow(60, -20.0)
    house.flow(1, 0.0)
    house.flow(5, -20.0)
    house.flow(29, 0.0)
    house.flow(1, -20.0)
    house.flow(30, 0.0)
    assert house.found()
    house.flow(1, 0.0)
    assert not house.found()


def test_finding_is_cleared_when_the_limit_rises() -> None:
    """Its current is within the limit then."""
    house = House()
    house.flow(60, -20.0)
    house.set_limit("i1", 100.0)
    house.flow(31, -20.0)
    assert not house.found()


def test_finding_is_dropped_after_a_minute_without_measurements() -> None:
    """Nothing stale is reported as if it were current."""
    house = House()
    house.flow(60, -20.0)
    house.flow(60, None)
    assert house.found()
    house.flow(1, None)
    assert not house.found()
    assert house.obedience.due_at(lambda: NONE) is None


# Several inverters


def test_both_of_two_inverters_without_sensor_are_named() -> None:
    """80 A flow of 50 A: either of them may disobey."""
    house = House("i1", "i2")
    house.set_limit("i1", 50.0)
    house.flow(60, -80.0)
    found = house.found("i1")
    assert found == house.found("i2")
    assert found[DISCHARGE].inverters == {"i1", "i2"}
    assert (found[DISCHARGE].sent, found[DISCHARGE].taken) == (50.0, 80.0)


@pytest.mark.parametrize("sensed", ["i1", "i2"])
def test_one_sensor_shows_which_of_two_disobeys(sensed: str) -> None:
    """It shows the one that disobeys, or that the other one does."""
    house = House("i1", "i2")
    house.set_limit("i1", 50.0)
    house.flow(60, -80.0, sensed={sensed: -80.0 if sensed == "i1" else 0.0})
    found = house.found("i1")[DISCHARGE]
    assert found.inverters == {"i1"}
    assert (found.sent, found.taken) == (50.0, 80.0)
    assert found.sensed is (sensed == "i1")
    assert not house.found("i2")


def test_inverter_without_a_limit_may_take_its_rating() -> None:
    """That much is no proof against the other."""
    house = House("i1", "i2")
    house.set_limit("i2", 60.0, is_sent=False)
    house.flow(60, -60.0)
    assert not house.found("i1")
    house.flow(60, -90.0)
    assert house.found("i1")[DISCHARGE].inverters == {"i1"}
    assert not house.found("i2")


def test_removed_inverter_may_still_take_its_last_limit() -> None:
    """Until its own time-out."""
    house = House()
    for _ in range(60):
        house.now += 1.0
        house.obedience.update(
            house.now,
            Current(-40.0, house.now),
            list(house.loads.values()),
            {CHARGE: 0.0, DISCHARGE: 40.0},
        )
    assert not house.found()
    house.flow(60, -40.0)
    assert house.found()


# Its own sensor


def test_sensor_takes_precedence_over_the_bank_current() -> None:
    """30 A from a charger at the batteries hide the inverter's current."""
    house = House()
    house.flow(60, 10.0, sensed={"i1": -20.0})
    assert set(house.found()) == {DISCHARGE}
    assert house.found()[DISCHARGE].sensed


def test_sensor_clears_an_inverter_of_another_load() -> None:
    """A load at the batteries is no inverter."""
    house = House()
    house.flow(60, -40.0, sensed={"i1": 0.0})
    assert not house.found()


def test_bank_current_is_used_while_a_sensor_is_unavailable(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Unavailable, or stale for a minute; logged once each time."""
    caplog.set_level(logging.INFO)
    house = House()
    house.flow(60, -40.0, sensed={"i1": 0.0})
    house.obedience.sense("i1", None)
    house.flow(31, -40.0)
    assert not house.found()[DISCHARGE].sensed
    house.flow(60, -40.0, sensed={"i1": 0.0})
    assert not house.found()
    house.flow(61 + 31, -40.0)
    assert not house.found()[DISCHARGE].sensed
    silent = "i1: the sensor of its DC current is silent"
    known = "i1: its DC current is known from its sensor"
    assert caplog.messages == [known, silent, known, silent]


def test_excess_is_the_lowest_of_three_measurements() -> None:
    """It is 0 before the finding, and after it."""
    house = House()
    house.set_limit("i1", 50.0)
    house.flow(40, -80.0)
    assert house.obedience.beyond == NONE
    house.flow(20, -80.0)
    assert house.obedience.beyond == {CHARGE: 0.0, DISCHARGE: 30.0}
    house.flow(2, -3000.0)
    assert house.obedience.beyond == {CHARGE: 0.0, DISCHARGE: 30.0}
    house.flow(1, -90.0)
    assert house.obedience.beyond == {CHARGE: 0.0, DISCHARGE: 40.0}
    house.flow(1, -50.0)
    assert house.obedience.beyond == NONE


# Knowledge of the bank's current


def _battery(**changes: Any) -> BatteryState:
    state = BatteryState(
        id="b1",
        status=BatteryStatus.ONLINE,
        capacity_ah=100.0,
        readings=Readings(current=-10.0),
        current_at=5.0,
    )
    return replace(state, **changes)


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        ({}, Current(-20.0, 5.0)),
        ({"current_at": 4.0}, Current(-20.0, 4.0)),
        ({"readings": Readings()}, None),
        ({"status": BatteryStatus.LOST}, None),
        ({"status": BatteryStatus.REJOINING}, None),
        ({"status": BatteryStatus.WAITING}, None),
        ({"status": BatteryStatus.OUT_OF_SERVICE}, Current(-10.0, 5.0)),
        ({"status": BatteryStatus.DUPLICATE}, Current(-10.0, 5.0)),
    ],
)
def test_current_is_unknown_unless_every_battery_reports_it(
    second: dict[str, Any], expected: Current | None
) -> None:
    """An estimate accuses no inverter."""
    assert measured([_battery(), _battery(id="b2", **second)]) == expected


def test_current_is_unknown_without_batteries() -> None:
    """It is not 0 A."""
    assert measured([]) is None


# At work

STUCK: dict[str, Any] = {
    "discharge_current_limit": 0.0,
    "discharge_enabled": False,
    "voltage": 45.0,
    "soc": 100.0,
    "current": -20.0,
}
"""An empty battery that reports 100 %, and from which 20 A are drawn."""


def _plant(reported: dict[str, Any], **options: Any) -> Plant:
    """Return a started plant with one battery, that has reported 50 A before."""
    return Plant(
        inverters=[inverter("i1", **options)], reports={"b1": reported}
    ).started()


def _soc(plant: Plant, key: str = "i1") -> int:
    """Return the state of charge that an inverter was sent last, in %."""
    return plant.port(key).last(0x355)[0]


def _until(plant: Plant, is_so: Callable[[], bool], seconds: int) -> float:
    """Advance the time until a condition holds; return the seconds."""
    began = plant.now
    while not is_so():
        assert plant.now < began + seconds
        plant.run(1.0)
    return plant.now - began


def test_inverter_that_discharges_an_empty_battery_is_named() -> None:
    """Within 40 s although each telegram equals the one before."""
    plant = _plant({"current": -20.0})
    plant.run(60.0)
    assert plant.inverter().disobeys == {}
    plant.packs["b1"].reports(**STUCK)
    plant.run(1.5)
    assert plant.sent()[2] == 0.0
    lasted = _until(plant, lambda: bool(plant.inverter().disobeys), 60)
    assert 38.0 <= lasted <= 42.0
    found = plant.inverter().disobeys[DISCHARGE]
    assert (found.sent, found.taken) == (0.0, 20.0)
    assert found.inverters == {"i1"}
    assert not found.sensed
    plant.run(300.0)
    assert plant.inverter().disobeys == {DISCHARGE: found}
    assert _soc(plant) == 100
    plant.packs["b1"].reports(current=-1.0)
    lasted = _until(plant, lambda: not plant.inverter().disobeys, 60)
    assert 29.0 <= lasted <= 33.0


@pytest.mark.parametrize(
    ("amps", "sent", "due"),
    [(-20.0, 0.0, 1001.0), (-20.0, 16.0, None), (20.0, 14.9, 1001.0), (4.0, 0.0, None)],
)
def test_evaluation_is_due_while_more_flows_than_the_limits(
    amps: float, sent: float, due: float | None
) -> None:
    """The limits sent since the last evaluation count."""
    house = House()
    house.look(Current(amps, 1000.0))
    assert house.obedience.due_at(lambda: dict.fromkeys(Direction, sent)) == due


def test_soc_0_is_sent_if_configured() -> None:
    """Until the battery allows current again."""
    plant = _plant(STUCK, stop_by_soc=True)
    lasted = _until(plant, lambda: _soc(plant) == 0, 90)
    assert lasted >= 54.0  # it was sent 0 A within the first 6 s
    plant.packs["b1"].reports(current=0.0)
    plant.run(120.0)
    assert plant.inverter().disobeys == {}
    assert _soc(plant) == 0
    plant.packs["b1"].heal()
    _until(plant, lambda: plant.sent()[2] > 0, 30)
    assert _soc(plant) > 0


def test_listeners_are_notified_of_a_finding() -> None:
    """Although nothing else changes."""
    plant = _plant(STUCK)
    seen: list[bool] = []
    plant.gateway.subscribe(lambda now: seen.append(bool(now.inverters["i1"].disobeys)))
    plant.run(60.0)
    assert not seen[0]
    assert seen[-1]


def _two(**reported: Any) -> Plant:
    inverters = [inverter(key, 100.0) for key in ("i1", "i2")]
    return Plant(inverters=inverters, reports={"b1": reported}).started()


def _sense(plant: Plant, seconds: int, shown: dict[str, float | None]) -> None:
    """Advance the time while sensors show currents of inverters each second."""
    for _ in range(seconds):
        for key, amps in shown.items():
            plant.gateway.sense(key, amps)
        plant.run(1.0)


def test_excess_of_one_inverter_lowers_the_others() -> None:
    """100 A are allowed: what one takes of them by its sensor, the others do not get.

    The other one leaves so much of its own that no excess flows in all.
    """
    plant = _two(current=-90.0)
    assert (plant.sent("i1")[2], plant.sent("i2")[2]) == (50.0, 50.0)
    _sense(plant, 120, {"i1": -80.0, "i2": -10.0})
    assert plant.inverter("i1").disobeys[DISCHARGE].sensed
    assert plant.inverter("i2").disobeys == {}
    assert plant.discharge.rule is Rule.UNMANAGED
    assert plant.sent("i2")[2] == pytest.approx(20.0, abs=0.5)
    assert 0.0 < plant.sent("i1")[2] <= 50.0
    plant.packs["b1"].reports(current=-30.0)
    _sense(plant, 40, {"i1": -20.0, "i2": -10.0})
    assert plant.inverter("i1").disobeys == {}
    # Unmanaged current, which the bank showed too, is released as slowly as ever
    _sense(plant, int(2 * MAX_HOLD), {"i1": -20.0, "i2": -10.0})
    assert (plant.sent("i1")[2], plant.sent("i2")[2]) == (50.0, 50.0)


def test_excess_without_a_sensor_lowers_the_others() -> None:
    """80 A of an inverter that was sent 50 A, and the other one's limit."""
    plant = _two(current=-130.0)
    for _ in range(150):
        plant.packs["b1"].reports(current=-80.0 - plant.sent("i2")[2])
        plant.run(1.0)
    assert plant.sent("i2")[2] == pytest.approx(20.0, abs=1.0)
    found = plant.inverter("i1").disobeys[DISCHARGE]
    assert found.inverters == {"i1", "i2"}


_FLOWS = st.lists(
    st.tuples(
        st.integers(1, 30),
        st.sampled_from([-130.0, -80.0, -20.0, 0.0, 60.0, 130.0]),
        st.sampled_from([0.0, 30.0, 100.0]),
        st.sampled_from([0.0, 5.0, 40.0]),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=40)
@given(_FLOWS)
def test_excess_never_raises_a_limit(
    phases: list[tuple[int, float, float, float]],
) -> None:
    """With any current and any excess: at most the limit without it."""
    config = GatewayConfig(name="Test", inverters=(inverter("i1", 100.0),))
    both = Pipeline(), Pipeline()
    now = 1000.0
    for seconds, flowing, sent, beyond in [(1, 0.0, 0.0, 0.0), *phases]:
        for _ in range(seconds):
            now += 1.0
            readings = Readings(
                charge_current_limit=100.0,
                discharge_current_limit=100.0,
                current=flowing,
            )
            battery = _battery(readings=readings, last=readings, current_at=now)
            context = Context(now, (battery,), (), dict.fromkeys(Direction))
            amps = []
            for limits, taken in zip(both, (beyond, 0.0), strict=True):
                limits.observe(
                    context,
                    config,
                    dict.fromkeys(Direction, sent),
                    dict.fromkeys(Direction, taken),
                )
                amps.append(
                    [
                        limits.evaluate(
                            d, context, config, over_voltage=None, requested=None
                        ).amps
                        for d in Direction
                    ]
                )
            for with_, without in zip(*amps, strict=True):
                assert with_ <= without + 1e-9
