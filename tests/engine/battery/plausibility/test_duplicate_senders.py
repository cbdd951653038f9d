"""Two senders of one ID on a battery's bus."""

from collections.abc import Iterable
from struct import pack

import pytest

from custom_components.bms_gateway.engine.battery.plausibility.duplicate_senders import (
    DuplicateSenders,
)
from custom_components.bms_gateway.engine.model import Frame


def limits(at: float, amps: float, can_id: int = 0x351) -> Frame:
    """Return limits with that charge current in A."""
    return Frame(can_id, pack("<Hhhh", 560, round(amps * 10), 1000, 460), at)


def detected(frames: Iterable[Frame], period: float | None) -> bool:
    """Return whether two senders are detected after the frames."""
    rivals, at = DuplicateSenders(), 0.0
    for frame in frames:
        rivals.on_frame(frame, period)
        at = frame.at
    return rivals.detected(at)


@pytest.mark.parametrize("can_id", [0x351, 0x355])
def test_a_second_sender_is_detected(can_id: int) -> None:
    """It sends within the period of the first: one value, another, and the first again."""
    frames = [
        limits(second + late, amps, can_id)
        for second in range(10)
        for late, amps in ((0.0, 100.0), (0.3, 40.0))
    ]
    assert detected(frames, 1.0)
    assert not detected((f for f in frames if f.at % 1 == 0), 1.0)


def test_a_flood_of_false_limits_is_detected() -> None:
    """Three of the true ones among them show it."""
    frames = [
        limits(tenths / 10, 10.0 if tenths % 60 == 0 else 300.0)
        for tenths in range(1, 300)
    ]
    assert detected(frames, 6.0)


def test_two_senders_from_the_beginning_are_detected() -> None:
    """Their common period is half of each one's."""
    frames = [limits(n / 2, (100.0, 40.0)[n % 2]) for n in range(12)]
    assert detected(frames, 0.5)
    assert detected(frames, None)


@pytest.mark.parametrize(
    "amps",
    [
        [100.0] * 30,
        [100.0 + n for n in range(30)],
        [100.0, 100.2] * 15,  # flickers by its last digit
        ([0.0] * 9 + [922.5]) * 3,  # a full stack that retries
        [100.0, 80.0, 90.0, 100.0, 70.0] * 6,  # limits that wander
    ],
)
def test_one_battery_alone_is_never_two(amps: list[float]) -> None:
    """However its limits change."""
    assert not detected((limits(n, each) for n, each in enumerate(amps)), 1.0)


def test_a_second_sender_is_forgotten_after_a_minute() -> None:
    """A minute later there is one again."""
    rivals = DuplicateSenders()
    for n in range(20):
        rivals.on_frame(limits(n / 2, (100.0, 40.0)[n % 2]), 1.0)
    assert rivals.detected(60.0)
    for second in range(10, 75):
        rivals.on_frame(limits(second, 100.0), 1.0)
    assert not rivals.detected(75.0)
