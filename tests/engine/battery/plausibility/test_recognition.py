"""Recognition of a battery's nominal voltage: what shows it, and what must not."""

from collections.abc import Iterable

from hypothesis import given, strategies as st
import pytest

from custom_components.bms_gateway.engine.battery.plausibility.recognition import (
    REPORTS,
    Recognition,
)
from custom_components.bms_gateway.engine.model.nominal_voltage import NOMINAL_VOLTAGES

type Report = tuple[float, float]
"""A charge voltage limit and a voltage in V, reported in one second."""

PACKS: dict[int, Report] = {
    12: (14.6, 13.2),
    24: (29.2, 26.4),
    36: (43.8, 39.6),
    48: (56.0, 52.8),
}


def report(
    subject: Recognition, reports: Iterable[Report], start: float = 0.0
) -> float:
    """Report once a second, the limit first, as batteries do; return the time after."""
    at = start
    for limit, volts in reports:
        subject.take({"charge_voltage_limit": limit, "soc": 50.0}, at)
        subject.take({"voltage": volts, "current": None}, at + 0.1)
        at += 1.0
    return at


def recognised(volts: int) -> Recognition:
    """Return one that has recognised this nominal voltage."""
    subject = Recognition(None)
    report(subject, [PACKS[volts]] * 40)
    assert subject.nominal == volts
    return subject


@pytest.mark.parametrize("volts", [12, 24])
def test_three_reports_of_both_show_it(volts: int) -> None:
    """Before the third one nothing counts."""
    subject = Recognition(None)
    after = report(subject, [PACKS[volts]] * REPORTS)
    assert (subject.nominal, subject.apparent) == (None, volts)
    assert subject.is_pending
    report(subject, [PACKS[volts]], after)
    assert subject.nominal == volts
    assert subject.row is NOMINAL_VOLTAGES[volts]
    assert not subject.is_pending


def test_a_flood_shows_nothing() -> None:
    """However many frames come within the confirm time."""
    subject = Recognition(None)
    for n in range(1000):
        subject.take({"charge_voltage_limit": 29.2, "voltage": 26.4}, n / 1000)
    assert subject.nominal is None


def test_36_v_takes_half_a_minute() -> None:
    """An emptied 48 V battery that starts with a low limit looks the same until then."""
    subject = Recognition(None)
    after = report(subject, [PACKS[36]] * 30)
    assert (subject.nominal, subject.apparent) == (None, 36)
    after = report(subject, [(56.0, 39.6)] * 10, after)
    assert subject.nominal == 48
    assert report(recognised(36), [PACKS[36]])


def test_48_v_counts_at_once() -> None:
    """As it always has: one limit and one voltage."""
    subject = Recognition(None)
    report(subject, [PACKS[48]])
    assert subject.nominal == 48
    assert not subject.is_pending


def test_48_v_has_to_be_recognised_where_another_voltage_fitted_before() -> None:
    """It counts at once no longer, but after as many reports as any."""
    subject = Recognition(None)
    after = report(subject, [PACKS[24], PACKS[48], PACKS[24], PACKS[48]])
    seen = [(subject.nominal, subject.is_ambiguous, subject.is_pending)]
    report(subject, [PACKS[48]] * REPORTS, after)
    seen.append((subject.nominal, subject.is_ambiguous, subject.is_pending))
    assert seen == [(None, True, True), (48, False, False)]


@pytest.mark.parametrize("first", ["charge_voltage_limit", "voltage"])
@pytest.mark.parametrize("volts", PACKS)
def test_one_voltage_alone_shows_nothing(first: str, volts: int) -> None:
    """Both have to agree."""
    subject = Recognition(None)
    value = PACKS[volts][first == "voltage"]
    for at in range(100):
        subject.take({first: value}, float(at))
    assert (subject.nominal, subject.apparent) == (None, None)
    assert subject.is_pending


def test_values_that_fit_no_nominal_voltage_are_not_pending() -> None:
    """They are rejected as those of a 48 V battery always were."""
    subject = Recognition(None)
    report(subject, [(14.6, 52.8)] * 10)
    assert subject.nominal is None
    assert not subject.is_pending
    assert subject.row is NOMINAL_VOLTAGES[48]


def test_a_limit_from_the_start_of_a_bms_shows_nothing() -> None:
    """A 24 V battery that begins with a limit for 48 V, or for 12 V, is one of 24 V."""
    for boot in (56.8, 14.6):
        subject = Recognition(None)
        after = report(subject, [(boot, 26.4)] * 10)
        assert subject.nominal is None
        report(subject, [PACKS[24]] * 5, after)
        assert subject.nominal == 24


@pytest.mark.parametrize("volts", [12, 24, 36])
def test_a_false_sample_begins_the_count_anew(volts: int) -> None:
    """And never shows another nominal voltage."""
    subject = Recognition(None)
    after = report(subject, [PACKS[volts]] * 2)
    after = report(subject, [(PACKS[volts][0], 1.5 * PACKS[volts][1])], after)
    after = report(subject, [PACKS[volts]] * 2, after)
    assert subject.nominal is None
    report(subject, [PACKS[volts]] * 35, after)
    assert subject.nominal == volts


@given(
    st.sampled_from([*PACKS]),
    st.lists(
        st.tuples(st.floats(8.0, 65.0), st.floats(8.0, 65.0))
        | st.sampled_from([*PACKS.values()]),
        max_size=60,
    ),
)
def test_once_recognised_it_stays(volts: int, reports: list[Report]) -> None:
    """Whatever is reported later."""
    subject = recognised(volts)
    report(subject, reports, 100.0)
    assert subject.nominal == volts
    assert subject.row is NOMINAL_VOLTAGES[volts]


@given(st.sampled_from([*PACKS]), st.lists(st.sampled_from([*PACKS.values()])))
def test_a_configured_one_holds_at_once(volts: int, reports: list[Report]) -> None:
    """Whatever is reported; without it the recognised one holds again."""
    subject = Recognition(volts)
    assert not subject.is_pending
    report(subject, reports)
    assert subject.nominal == volts
    report(subject, [PACKS[24]] * 5, 100.0)
    subject.configured = None
    report(subject, [PACKS[24]] * 5, 200.0)
    assert subject.nominal is not None


def test_what_it_reports_now_is_known_whatever_was_recognised() -> None:
    """So a repair can name both."""
    subject = recognised(24)
    report(subject, [PACKS[48]], 100.0)
    assert (subject.nominal, subject.apparent) == (24, 48)


def test_another_port_of_the_same_battery_remembers() -> None:
    """It counts there as soon as it is received."""
    subject = Recognition(None)
    subject.remember(recognised(24))
    assert subject.nominal == 24
