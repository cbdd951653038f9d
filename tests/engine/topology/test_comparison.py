"""A port that is listened to for seconds: who else hears the same at the same moments."""

from dataclasses import replace
from typing import Any

import pytest

from custom_components.bms_gateway.engine.model import Frame
from custom_components.bms_gateway.engine.topology.comparison import Comparison
from custom_components.bms_gateway.engine.topology.shared_bus import SAME_TIME

from ..telegrams import telegram


def hears(
    comparison: Comparison,
    *ports: str,
    at: float,
    late: float = 0.0,
    **says: Any,
) -> None:
    """Let ports hear one telegram, each `late` after the one before; "" is listened to."""
    for n, frame in enumerate(telegram(**says)):
        for place, port in enumerate(ports):
            heard = replace(frame, at=at + n / 50 + place * late)
            if port:
                comparison.on_other_frame(port, heard)
            else:
                comparison.on_frame(heard)


@pytest.mark.parametrize("late", [0.0, 0.02, -0.02])
@pytest.mark.parametrize("ports", [("", "b1"), ("b1", "")])
def test_two_telegrams_are_enough_for_a_hint(
    ports: tuple[str, str], late: float
) -> None:
    """In a few seconds there are no ten of them; after one it is open."""
    comparison = Comparison()
    found = [(comparison.is_open, comparison.alike)]
    for second in range(1, 3):
        hears(comparison, *ports, at=second, late=late)
        found.append((comparison.is_open, comparison.alike))
    assert found == [(False, frozenset()), (True, frozenset()), (False, {"b1"})]


def test_each_one_that_is_alike() -> None:
    """A third battery is none of them."""
    comparison = Comparison()
    for second in range(3):
        hears(comparison, "", "b1", "b2", at=second)
        hears(comparison, "b3", at=second, soc=51.0)
    assert comparison.alike == {"b1", "b2"}


@pytest.mark.parametrize("heard", range(1, len(telegram())))
def test_listening_begins_in_the_middle_of_a_telegram(heard: int) -> None:
    """What came before is not held against the other one: the next one counts."""
    comparison = Comparison()
    frames = [replace(f, at=9.0 + n / 50) for n, f in enumerate(telegram())]
    for frame in frames[:heard]:
        comparison.on_other_frame("b1", frame)
    for frame in frames[heard:]:
        comparison.on_other_frame("b1", frame)
        comparison.on_frame(frame)
    for second in (10.0, 11.0):
        hears(comparison, "", "b1", at=second)
    assert comparison.alike == {"b1"}


@pytest.mark.parametrize("after", [0.3, 2 * SAME_TIME, -0.2])
def test_batteries_that_are_alike_but_speak_at_other_moments(after: float) -> None:
    """They are two, and nothing is open."""
    comparison = Comparison()
    for second in range(1, 7):
        hears(comparison, "", at=second)
        hears(comparison, "b1", at=second + after)
    assert comparison.alike == frozenset()
    assert not comparison.is_open


@pytest.mark.parametrize(
    "says", [{"voltage": 52.01}, {"soc": 49.0}, {"name": "PYLON 2"}]
)
def test_batteries_that_speak_at_once_and_say_something_else(
    says: dict[str, Any],
) -> None:
    """One value is enough."""
    comparison = Comparison()
    for second in range(6):
        hears(comparison, "", at=second)
        hears(comparison, "b1", at=second, **says)
    assert comparison.alike == frozenset()


def test_what_everybody_says_shows_nothing() -> None:
    """0x305, zeros, and frames of others."""
    comparison = Comparison()
    for second in range(6):
        for can_id in (0x305, 0x35A, 0x123):
            frame = Frame(can_id, bytes(8), float(second))
            comparison.on_frame(frame)
            comparison.on_other_frame("b1", frame)
    assert comparison.alike == frozenset()
    assert not comparison.is_open
