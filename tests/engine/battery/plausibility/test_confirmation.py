"""Values that permit more count only after two reports."""

from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.bms_gateway.engine.battery.plausibility.confirmation import (
    Confirmation,
)
from custom_components.bms_gateway.engine.model import Alarm

OVER_LIMIT, SHORT = Alarm.OVER_VOLTAGE, Alarm.SHORT_CIRCUIT
CCL = "charge_current_limit"


def accepted(
    name: str, *values: Any, period: float = 1.0, disputed: bool = False
) -> list[Any]:
    """Return the accepted value after each report, one per period."""
    prudence = Confirmation()
    return [
        prudence.accepted(
            name, value, n * period, period=period, gap=3 * period, disputed=disputed
        )
        for n, value in enumerate(values)
    ]


@pytest.mark.parametrize(
    ("name", "values", "counts"),
    [
        (CCL, [10, 300, 10, 10], [10, 10, 10, 10]),
        (CCL, [10, 300, 300], [10, 10, 300]),
        (CCL, [100, 0, 100], [100, 0, 100]),  # one false low one is over at once
        (CCL, [100, 0, 0, 100, 100], [100, 0, 0, 0, 100]),
        ("charge_voltage_limit", [56.0, 58.4, 56.0], [56.0] * 3),
        ("discharge_voltage_limit", [46, 40, 46, 46, 40, 40], [46, 46, 46, 46, 46, 40]),
        ("charge_enabled", [False, True, False], [False] * 3),
        ("discharge_enabled", [False, True, True], [False, False, True]),
        ("force_charge", [False, True, False, True, True], [False] * 3 + [True] * 2),
        (
            "protections",
            [frozenset({OVER_LIMIT}), frozenset(), frozenset({SHORT}), frozenset()],
            [
                frozenset({OVER_LIMIT}),
                frozenset({OVER_LIMIT}),
                frozenset({SHORT}),
                frozenset(),
            ],
        ),
    ],
)
def test_two_of_three_reports_permit_more(
    name: str, values: list[Any], counts: list[Any]
) -> None:
    """Lower values count at once, higher ones when two of the last three agree."""
    assert accepted(name, *values) == counts


def test_the_first_report_counts() -> None:
    """There is nothing else; nothing is sent before the second one at a start."""
    assert accepted(CCL, 300) == [300]


def test_reports_from_before_a_silence_are_dropped() -> None:
    """Values accepted before are outdated."""
    prudence = Confirmation()
    for at, limit in ((0.0, 10.0), (1.0, 10.0), (5.0, 50.0)):
        counts = prudence.accepted(CCL, limit, at, period=1.0, gap=3.0, disputed=False)
    assert counts == 50.0


def test_a_flood_is_one_report() -> None:
    """However often another node repeats it within the battery's own period of 6 s."""
    prudence = Confirmation()
    counts = []
    for tenths in range(601):
        at, true = tenths / 10, tenths % 60 == 0
        limit = 10.0 if true else 300.0
        counts.append(
            prudence.accepted(CCL, limit, at, period=6.0, gap=10.0, disputed=False)
        )
    assert max(counts) == 10.0


@given(st.lists(st.floats(0.0, 3000.0), min_size=3))
def test_the_lower_of_two_senders_holds(limits: list[float]) -> None:
    """Of all recent reports, while both are there."""
    counts = accepted(CCL, *limits, disputed=True)
    for n in range(2, len(limits)):
        assert counts[n] == min(limits[n - 2 : n + 1])


@given(st.lists(st.floats(0.0, 3000.0), min_size=1))
def test_never_more_than_the_present_report(limits: list[float]) -> None:
    """Confirmation only lowers."""
    for count, limit in zip(accepted(CCL, *limits), limits, strict=True):
        assert count <= limit
