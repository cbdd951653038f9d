"""The end of a telegram is learned; inverters are sent values of one telegram."""

from dataclasses import replace

import pytest

from custom_components.bms_gateway.engine.battery.timing.telegram_boundary import (
    WAIT,
    TelegramBoundary,
)
from custom_components.bms_gateway.engine.model import Frame

from ...plant import Plant
from ...telegrams import HEALTHY, telegram
from ...wires import WirePort

# The orders in which batteries send, from captures of the field:
ORDERS = (
    (0x359, 0x351, 0x355, 0x356, 0x35C, 0x35E),  # Pylontech US2000, US3000
    (0x351, 0x355, 0x356, 0x35A, 0x35E, 0x359, 0x35C),  # home-made bridges
    (0x35C, 0x359, 0x351, 0x355, 0x356),  # limits just before the measurements
    (0x35C, 0x35E, 0x356, 0x359, 0x351, 0x355),
    (0x355, 0x356, 0x359, 0x35C, 0x351),  # limits last
)


def _after_telegrams(
    boundary: TelegramBoundary,
    order: tuple[int, ...],
    spacing: float,
    n: int,
    begin: float = 0.0,
) -> float:
    """Receive n telegrams, one per second; return when the last frame came."""
    at = 0.0
    for each in range(n):
        for place, can_id in enumerate(order):
            at = begin + each + place * spacing
            boundary.on_frame(can_id, at)
    return at


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("spacing", [0.0005, 0.02, 0.09])
def test_a_telegram_is_whole_with_its_last_frame(
    order: tuple[int, ...], spacing: float
) -> None:
    """Whichever that is, and at whichever frame reception began."""
    boundary = TelegramBoundary()
    boundary.on_frame(order[-2], -1.5)
    boundary.on_frame(order[-1], -1.5 + spacing)
    end = _after_telegrams(boundary, order, spacing, n=4)
    assert boundary.whole_at == pytest.approx(end)
    assert boundary.open_since is None
    boundary.on_frame(order[0], 4.0)
    assert boundary.open_since == 4.0


def test_a_telegram_without_its_last_frame_times_out() -> None:
    """Half as long again as a telegram takes, or 150 ms."""
    boundary = TelegramBoundary()
    _after_telegrams(boundary, ORDERS[0], 0.09, n=4)
    for place, can_id in enumerate(ORDERS[0][:-1]):
        boundary.on_frame(can_id, 4 + place * 0.09)
    limits_at, length = 4.09, 0.45
    assert boundary.closes_at == pytest.approx(limits_at + 1.5 * length)
    boundary.update(4.7)
    assert boundary.whole_at == pytest.approx(3.45)
    boundary.update(4.8)
    assert boundary.whole_at == pytest.approx(limits_at + 1.5 * length)


def test_an_unknown_boundary_waits_150_ms() -> None:
    """Most batteries send a whole telegram within that time."""
    boundary = TelegramBoundary()
    boundary.on_frame(0x351, 1.0)
    assert boundary.closes_at == 1.0 + WAIT
    boundary.update(1.1)
    assert boundary.whole_at == 0.0
    boundary.update(1.15)
    assert boundary.whole_at == 1.0 + WAIT


def test_evenly_spread_frames_wait_150_ms_after_the_limits() -> None:
    """There is no pause, so no end: no battery sends its values closer together."""
    boundary = TelegramBoundary()
    order = (0x351, 0x355, 0x356, 0x359)
    _after_telegrams(boundary, order, 0.25, n=4)
    boundary.update(3.9)
    assert boundary.whole_at == pytest.approx(3.15)


def test_a_stray_frame_changes_nothing() -> None:
    """Neither in the pause nor within a telegram."""
    boundary = TelegramBoundary()
    _after_telegrams(boundary, ORDERS[0], 0.01, n=4)
    boundary.on_frame(0x35A, 3.5)
    boundary.update(3.9)
    assert boundary.whole_at == pytest.approx(3.05)
    end = _after_telegrams(boundary, ORDERS[0], 0.01, n=1, begin=4.0)
    assert boundary.whole_at == pytest.approx(end)


def test_a_frame_that_is_no_longer_sent_ends_no_telegram() -> None:
    """The one before it does then, from the next telegram but one."""
    boundary = TelegramBoundary()
    _after_telegrams(boundary, ORDERS[0], 0.01, n=4)
    end = _after_telegrams(boundary, ORDERS[0][:-1], 0.01, n=3, begin=4.0)
    assert boundary.whole_at == pytest.approx(end)


def test_without_limits_there_is_no_telegram() -> None:
    """A name every ten seconds makes no telegram due."""
    boundary = TelegramBoundary()
    boundary.on_frame(0x35E, 1.0)
    boundary.update(2.0)
    assert (boundary.whole_at, boundary.open_since) == (0.0, None)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("spacing", [0.0005, 0.02, 0.09])
@pytest.mark.parametrize("falls", [False, True])
def test_inverters_are_sent_values_of_one_telegram(
    order: tuple[int, ...], spacing: float, falls: bool
) -> None:
    """The current differs in each; a falling limit is sent before it.

    Measured without waiting: values up to 0.95 s old, those that came after 0x351.
    """
    plant = Plant()
    port, sent = plant.port("b1"), plant.port()
    lag = spacing * len(order) + 0.01
    for n in range(12):
        limit = 100.0 - n if falls else 100.0
        frames = {f.can_id: f for f in _telegram(n, limit)}
        at = plant.now
        for can_id in order:
            port.push(Frame(can_id, frames[can_id].data, plant.now))
            plant.step()
            plant.clock.now += spacing
        _let_pass(plant, at + lag + 0.1 - plant.now)
        if n > 4:
            assert _current(sent) == pytest.approx(-n / 10), n
            if not falls:
                sets = [f for f in sent.since(at) if f.can_id == 0x356]
                assert len(sets) == 1
                assert sets[0].at <= at + lag
        _let_pass(plant, at + 1.0 - plant.now)


def _telegram(n: int, limit: float) -> list[Frame]:
    reported = replace(HEALTHY, current=-n / 10, charge_current_limit=limit)
    return [*telegram(reported=reported), Frame(0x35A, bytes(8))]


def _current(port: WirePort) -> float:
    return int.from_bytes(port.last(0x356)[2:4], "little", signed=True) / 10


def _let_pass(plant: Plant, seconds: float) -> None:
    end = plant.now + seconds
    while plant.now < end - 1e-9:
        plant.clock.now = min(end, plant.now + 0.01)
        plant.step()
