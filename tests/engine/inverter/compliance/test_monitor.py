"""When an inverter is named, and when its finding is cleared."""

from hypothesis import given, strategies as st
import pytest

from custom_components.bms_gateway.engine.inverter.compliance.monitor import Current
from custom_components.bms_gateway.engine.model import Disobedience

from .house import CHARGE, DISCHARGE, NONE, House

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
    assert house.compliance.due_at(lambda: NONE) is None
