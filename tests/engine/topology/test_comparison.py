"""Comparison of a scanned port with others for a few seconds."""

from dataclasses import replace
from typing import Any

import pytest

from custom_components.bms_gateway.engine.model import Frame
from custom_components.bms_gateway.engine.topology.comparison import Comparison
from custom_components.bms_gateway.engine.topology.shared_bus import SAME_TIME

from ..telegrams import telegram


def receive(
    comparison: Comparison,
    *ports: str,
    at: float,
    late: float = 0.0,
    **changes: Any,
) -> None:
    """Send ports one telegram, each `late` after the last; "" is scanned."""
    for n, frame in enumerate(telegram(**changes)):
        for place, port in enumerate(ports):
            received = replace(frame, at=at + n / 50 + place * late)
            if port:
                comparison.on_other_frame(port, received)
            else:
                comparison.on_frame(received)


@pytest.mark.parametrize("late", [0.0, 0.02, -0.02])
@pytest.mark.parametrize("ports", [("", "b1"), ("b1", "")])
def test_two_telegrams_are_enough_for_a_hint(
    ports: tuple[str, str], late: float
) -> None:
    """In a few seconds there are not ten of them; after one the result is open."""
    comparison = Comparison()
    found = [(comparison.is_open, comparison.alike)]
    for second in range(1, 3):
        receive(comparison, *ports, at=second, late=late)
        found.append((comparison.is_open, comparison.alike))
    assert found == [(False, frozenset()), (True, frozenset()), (False, {"b1"})]


def test_every_matching_port_is_found() -> None:
    """A third battery does not match."""
    comparison = Comparison()
    for second in range(3):
        receive(comparison, "", "b1", "b2", at=second)
        receive(comparison, "b3", at=second, soc=51.0)
    assert comparison.alike == {"b1", "b2"}


@pytest.mark.parametrize("received", range(1, len(telegram())))
def test_a_scan_may_begin_within_a_telegram(received: int) -> None:
    """Earlier frames do not count against the other port: the next telegram counts."""
    comparison = Comparison()
    frames = [replace(f, at=9.0 + n / 50) for n, f in enumerate(telegram())]
    for frame in frames[:received]:
        comparison.on_other_frame("b1", frame)
    for frame in frames[received:]:
        comparison.on_other_frame("b1", frame)
        comparison.on_frame(frame)
    for second in (10.0, 11.0):
        receive(comparison, "", "b1", at=second)
    assert comparison.alike == {"b1"}


@pytest.mark.parametrize("after", [0.3, 2 * SAME_TIME, -0.2])
def test_identical_batteries_at_other_times_do_not_match(after: float) -> None:
    """They are two, and the result is not open."""
    comparison = Comparison()
    for second in range(1, 7):
        receive(comparison, "", at=second)
        receive(comparison, "b1", at=second + after)
    assert comparison.alike == frozenset()
    assert not comparison.is_open


@pytest.mark.parametrize(
    "changes", [{"voltage": 52.01}, {"soc": 49.0}, {"name": "PYLON 2"}]
)
def test_simultaneous_batteries_with_other_values_do_not_match(
    changes: dict[str, Any],
) -> None:
    """One value is enough."""
    comparison = Comparison()
    for second in range(6):
        receive(comparison, "", at=second)
        receive(comparison, "b1", at=second, **changes)
    assert comparison.alike == frozenset()


def test_common_frames_do_not_match() -> None:
    """0x305, zeros, and frames of other protocols."""
    comparison = Comparison()
    for second in range(6):
        for can_id in (0x305, 0x35A, 0x123):
            frame = Frame(can_id, bytes(8), float(second))
            comparison.on_frame(frame)
            comparison.on_other_frame("b1", frame)
    assert comparison.alike == frozenset()
    assert not comparison.is_open
