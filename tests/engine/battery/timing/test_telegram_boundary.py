"""Where a telegram ends is learnt; a set tells the values of one cycle."""

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


def _heard(
    cycle: TelegramBoundary,
    order: tuple[int, ...],
    apart: float,
    n: int,
    begin: float = 0.0,
) -> float:
    """Let it hear n telegrams, one a second; return when the last frame came."""
    at = 0.0
    for each in range(n):
        for place, can_id in enumerate(order):
            at = begin + each + place * apart
            cycle.on_frame(can_id, at)
    return at


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("apart", [0.0005, 0.02, 0.09])
def test_whole_with_its_last_frame(order: tuple[int, ...], apart: float) -> None:
    """Whichever that is, and at whichever the listening began."""
    cycle = TelegramBoundary()
    cycle.on_frame(order[-2], -1.5)
    cycle.on_frame(order[-1], -1.5 + apart)
    end = _heard(cycle, order, apart, n=4)
    assert cycle.whole_at == pytest.approx(end)
    assert cycle.open_since is None
    cycle.on_frame(order[0], 4.0)
    assert cycle.open_since == 4.0


def test_whole_after_a_while_if_the_last_frame_is_lost() -> None:
    """Half as long again as a telegram takes, or 150 ms."""
    cycle = TelegramBoundary()
    _heard(cycle, ORDERS[0], 0.09, n=4)
    for place, can_id in enumerate(ORDERS[0][:-1]):
        cycle.on_frame(can_id, 4 + place * 0.09)
    limits_at, length = 4.09, 0.45
    assert cycle.closes_at == pytest.approx(limits_at + 1.5 * length)
    cycle.update(4.7)
    assert cycle.whole_at == pytest.approx(3.45)
    cycle.update(4.8)
    assert cycle.whole_at == pytest.approx(limits_at + 1.5 * length)


def test_nothing_learnt_waits_150_ms() -> None:
    """A whole telegram is told within that time by most."""
    cycle = TelegramBoundary()
    cycle.on_frame(0x351, 1.0)
    assert cycle.closes_at == 1.0 + WAIT
    cycle.update(1.1)
    assert cycle.whole_at == 0.0
    cycle.update(1.15)
    assert cycle.whole_at == 1.0 + WAIT


def test_evenly_spread_frames_wait_150_ms_after_the_limits() -> None:
    """There is no pause, so no end: no battery tells its values closer together."""
    cycle = TelegramBoundary()
    order = (0x351, 0x355, 0x356, 0x359)
    _heard(cycle, order, 0.25, n=4)
    cycle.update(3.9)
    assert cycle.whole_at == pytest.approx(3.15)


def test_a_stray_frame_changes_nothing() -> None:
    """Neither in the pause nor within a telegram."""
    cycle = TelegramBoundary()
    _heard(cycle, ORDERS[0], 0.01, n=4)
    cycle.on_frame(0x35A, 3.5)
    cycle.update(3.9)
    assert cycle.whole_at == pytest.approx(3.05)
    end = _heard(cycle, ORDERS[0], 0.01, n=1, begin=4.0)
    assert cycle.whole_at == pytest.approx(end)


def test_a_frame_that_is_sent_no_more_ends_no_telegram() -> None:
    """The next to last one does then, from the next telegram but one."""
    cycle = TelegramBoundary()
    _heard(cycle, ORDERS[0], 0.01, n=4)
    end = _heard(cycle, ORDERS[0][:-1], 0.01, n=3, begin=4.0)
    assert cycle.whole_at == pytest.approx(end)


def test_no_limits_no_telegram() -> None:
    """A name each ten seconds makes no set due."""
    cycle = TelegramBoundary()
    cycle.on_frame(0x35E, 1.0)
    cycle.update(2.0)
    assert (cycle.whole_at, cycle.open_since) == (0.0, None)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("apart", [0.0005, 0.02, 0.09])
@pytest.mark.parametrize("falls", [False, True])
def test_a_set_tells_the_values_of_one_cycle(
    order: tuple[int, ...], apart: float, falls: bool
) -> None:
    """The current is another one in each; a limit that falls goes out before it.

    Measured without waiting: values up to 0.95 s old, as many as came after 0x351.
    """
    plant = Plant()
    port, told = plant.port("b1"), plant.port()
    lag = apart * len(order) + 0.01
    for n in range(12):
        limit = 100.0 - n if falls else 100.0
        frames = {f.can_id: f for f in _telegram(n, limit)}
        at = plant.now
        for can_id in order:
            port.push(Frame(can_id, frames[can_id].data, plant.now))
            plant.step()
            plant.clock.now += apart
        _let_pass(plant, at + lag + 0.1 - plant.now)
        if n > 4:
            assert _current(told) == pytest.approx(-n / 10), n
            if not falls:
                sets = [f for f in told.since(at) if f.can_id == 0x356]
                assert len(sets) == 1
                assert sets[0].at <= at + lag
        _let_pass(plant, at + 1.0 - plant.now)


def _telegram(n: int, limit: float) -> list[Frame]:
    said = replace(HEALTHY, current=-n / 10, charge_current_limit=limit)
    return [*telegram(said=said), Frame(0x35A, bytes(8))]


def _current(port: WirePort) -> float:
    return int.from_bytes(port.last(0x356)[2:4], "little", signed=True) / 10


def _let_pass(plant: Plant, seconds: float) -> None:
    end = plant.now + seconds
    while plant.now < end - 1e-9:
        plant.clock.now = min(end, plant.now + 0.01)
        plant.step()
