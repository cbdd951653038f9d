"""Source of 0x305: a battery in its own sequence of frames, or an inverter."""

from collections.abc import Iterable, Sequence
from random import Random

import pytest

from custom_components.bms_gateway.engine.inverter.request_source import Requests
from custom_components.bms_gateway.engine.model import Frame

from ..protocol.captures import STACK_AND_INVERTER, frames

REQUEST = 0x305
SET = (0x351, 0x355, 0x356, 0x35E, 0x35C, 0x359)
"""An emulator's order (ArminJo/JK-BMSToPylontechCAN); it sends 0x305 before 0x359."""


def sets(
    *order: int,
    spacing: float,
    period: float = 1.0,
    count: int = 5,
    jitter: float = 0.0,
) -> list[Frame]:
    """Return several telegrams, each `spacing` seconds after the one before."""
    random = Random(1)
    return [
        Frame(can_id, bytes(8), n * period + k * spacing + random.uniform(0.0, jitter))
        for n in range(count)
        for k, can_id in enumerate(order)
    ]


def inverter(*times: float) -> list[Frame]:
    """Return an inverter's 0x305."""
    return [Frame(REQUEST, bytes(8), at) for at in times]


def by_battery(*frames: Iterable[Frame]) -> bool:
    """Return what comes of all these frames, in the order of their times."""
    requests = Requests()
    for frame in sorted((f for each in frames for f in each), key=lambda f: f.at):
        requests.on_frame(frame)
    return requests.by_battery


@pytest.mark.parametrize("spacing", [0.0, 0.0003, 0.002, 0.005, 0.02, 0.1])
@pytest.mark.parametrize("place", range(1, len(SET)))
@pytest.mark.parametrize("count", [1, 2, 6])
def test_0x305_among_the_frames_is_the_batterys(
    spacing: float, place: int, count: int
) -> None:
    """At any place but the first, however fast; one telegram is enough."""
    order = (*SET[:place], REQUEST, *SET[place:])
    assert by_battery(sets(*order, spacing=spacing, count=count))


@pytest.mark.parametrize("spacing", [0.0003, 0.02, 0.03])
def test_0x305_at_the_end_of_a_telegram_is_the_batterys(spacing: float) -> None:
    """Known once the next telegram has begun."""
    assert by_battery(sets(*SET, REQUEST, spacing=spacing, count=2))
    assert not by_battery(sets(*SET, REQUEST, spacing=spacing, count=1))


@pytest.mark.parametrize("spacing", [0.0, 0.02])
def test_jitter_of_times_is_tolerated(spacing: float) -> None:
    """Those of a USB adapter are off by a millisecond."""
    assert by_battery(sets(*SET[:5], REQUEST, *SET[5:], spacing=spacing, jitter=0.0015))


def test_0x305_of_a_battery_without_pauses_is_its_own() -> None:
    """One frame every 100 ms, 0x305 among them, all the time."""
    order = (*SET, REQUEST, 0x373, 0x370, 0x379)
    assert by_battery(sets(*order, spacing=0.1))


def test_one_late_0x305_is_still_the_batterys() -> None:
    """Something else kept it busy."""
    own = sets(*SET[:5], REQUEST, *SET[5:], spacing=0.02)
    late = [Frame(f.can_id, f.data, f.at + 0.2) if f.at > 4.09 else f for f in own]
    assert by_battery(late)


def test_0x305_between_two_frames_is_an_inverters() -> None:
    """A recording, 21 ms after 0x356; the battery's next frame is on time."""
    assert not by_battery(frames(STACK_AND_INVERTER))


@pytest.mark.parametrize("spacing", [0.01, 0.02, 0.088])
@pytest.mark.parametrize(
    ("after", "delay"),
    [
        *(
            (after, delay)
            for after in SET[:-1]
            for delay in (0.1, 0.25, 0.5, 0.75, 0.9)
        ),
        *((SET[-1], delay) for delay in (0.1, 0.25, 0.5)),
    ],
)
def test_reply_to_one_frame_is_an_inverters(
    spacing: float, after: int, delay: float
) -> None:
    """Always at the same distance: a Deye after 0x356, others after the last."""
    battery = sets(*SET, spacing=spacing)
    answers = inverter(*(f.at + delay * spacing for f in battery if f.can_id == after))
    assert not by_battery(battery, answers)


@pytest.mark.parametrize("delay", [0.005, 0.04, 0.088, 0.3])
def test_reply_to_a_telegram_is_an_inverters(delay: float) -> None:
    """Behind the last frame, even at the period of a slow battery."""
    battery = sets(*SET, spacing=0.088)
    assert not by_battery(battery, inverter(*(n + 0.44 + delay for n in range(5))))


@pytest.mark.parametrize("lead", [0.001, 0.02, 0.3])
def test_request_that_a_battery_answers_is_an_inverters(lead: float) -> None:
    """Its 0x305 precedes all frames, also at the battery's period."""
    battery = sets(*SET, spacing=0.02)
    assert not by_battery(battery, inverter(*(n - lead for n in range(5))))


@pytest.mark.parametrize("spacing", [0.0003, 0.02, 0.1])
@pytest.mark.parametrize("period", [0.97, 1.0, 1.01, 2.0])
@pytest.mark.parametrize("phase", [0.05, 0.35, 0.55, 0.95])
def test_0x305_with_its_own_period_is_an_inverters(
    spacing: float, period: float, phase: float
) -> None:
    """Whether it falls among the battery's frames or not."""
    battery = sets(*SET, spacing=spacing, count=8)
    asks = inverter(*(phase + n * period for n in range(8)))
    assert not by_battery(battery, asks)


def test_inverter_is_found_beside_a_battery_that_sends_0x305() -> None:
    """One of both is reason enough to check a cable."""
    own = sets(*SET[:5], REQUEST, *SET[5:], spacing=0.02)
    assert not by_battery(own, inverter(*(n + 0.6 for n in range(5))))


def test_0x305_without_the_batterys_frames_is_an_inverters() -> None:
    """A battery's own 0x305 ends with its frames."""
    own = sets(*SET[:5], REQUEST, *SET[5:], spacing=0.02, count=3)
    assert by_battery(own)
    assert not by_battery(own, inverter(*(3.1 + n for n in range(5))))


@pytest.mark.parametrize(
    "order", [(REQUEST,), SET, (0x351, REQUEST, 0x355), (0x351, 0x355, REQUEST)]
)
def test_source_is_an_inverter_without_enough_frames(order: Sequence[int]) -> None:
    """Without the battery's period, or without 0x305, nothing is known."""
    assert not by_battery(sets(*order, spacing=0.02, count=1))
