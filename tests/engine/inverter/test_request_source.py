"""Who sends 0x305: a battery in its own sequence of frames, or an inverter."""

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
    *order: int, pace: float, period: float = 1.0, count: int = 5, jitter: float = 0.0
) -> list[Frame]:
    """Return several sets of frames, each `pace` seconds after the one before."""
    random = Random(1)
    return [
        Frame(can_id, bytes(8), n * period + k * pace + random.uniform(0.0, jitter))
        for n in range(count)
        for k, can_id in enumerate(order)
    ]


def inverter(*times: float) -> list[Frame]:
    """Return an inverter's 0x305."""
    return [Frame(REQUEST, bytes(8), at) for at in times]


def by_battery(*heard: Iterable[Frame]) -> bool:
    """Return what comes of all these frames, in the order of their times."""
    requests = Requests()
    for frame in sorted((f for each in heard for f in each), key=lambda f: f.at):
        requests.on_frame(frame)
    return requests.by_battery


@pytest.mark.parametrize("pace", [0.0, 0.0003, 0.002, 0.005, 0.02, 0.1])
@pytest.mark.parametrize("place", range(1, len(SET)))
@pytest.mark.parametrize("count", [1, 2, 6])
def test_battery_that_sends_it_among_its_frames(
    pace: float, place: int, count: int
) -> None:
    """At any place but the first one, however fast; one set is enough."""
    order = (*SET[:place], REQUEST, *SET[place:])
    assert by_battery(sets(*order, pace=pace, count=count))


@pytest.mark.parametrize("pace", [0.0003, 0.02, 0.03])
def test_battery_that_sends_it_last(pace: float) -> None:
    """Known once the next set has begun."""
    assert by_battery(sets(*SET, REQUEST, pace=pace, count=2))
    assert not by_battery(sets(*SET, REQUEST, pace=pace, count=1))


@pytest.mark.parametrize("pace", [0.0, 0.02])
def test_times_that_are_not_exact(pace: float) -> None:
    """Those of a USB adapter are wrong by a millisecond."""
    assert by_battery(sets(*SET[:5], REQUEST, *SET[5:], pace=pace, jitter=0.0015))


def test_battery_without_pauses() -> None:
    """One frame each 100 ms, 0x305 among them, for ever."""
    order = (*SET, REQUEST, 0x373, 0x370, 0x379)
    assert by_battery(sets(*order, pace=0.1))


def test_battery_that_is_late_once() -> None:
    """Something else kept it busy."""
    own = sets(*SET[:5], REQUEST, *SET[5:], pace=0.02)
    late = [Frame(f.can_id, f.data, f.at + 0.2) if f.at > 4.09 else f for f in own]
    assert by_battery(late)


def test_inverter_between_two_frames_of_a_battery() -> None:
    """A recorded one, 21 ms after 0x356; the battery's next frame comes in its time."""
    assert not by_battery(frames(STACK_AND_INVERTER))


@pytest.mark.parametrize("pace", [0.01, 0.02, 0.088])
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
def test_inverter_that_answers_one_of_the_frames(
    pace: float, after: int, delay: float
) -> None:
    """Each time, at the same distance: a Deye after 0x356, others after the last one."""
    battery = sets(*SET, pace=pace)
    answers = inverter(*(f.at + delay * pace for f in battery if f.can_id == after))
    assert not by_battery(battery, answers)


@pytest.mark.parametrize("delay", [0.005, 0.04, 0.088, 0.3])
def test_inverter_that_answers_a_whole_telegram(delay: float) -> None:
    """Behind the last frame, whether or not at the pace of a slow battery."""
    battery = sets(*SET, pace=0.088)
    assert not by_battery(battery, inverter(*(n + 0.44 + delay for n in range(5))))


@pytest.mark.parametrize("lead", [0.001, 0.02, 0.3])
def test_inverter_that_makes_a_battery_speak(lead: float) -> None:
    """Its 0x305 comes before all frames, also at the battery's pace."""
    battery = sets(*SET, pace=0.02)
    assert not by_battery(battery, inverter(*(n - lead for n in range(5))))


@pytest.mark.parametrize("pace", [0.0003, 0.02, 0.1])
@pytest.mark.parametrize("period", [0.97, 1.0, 1.01, 2.0])
@pytest.mark.parametrize("phase", [0.05, 0.35, 0.55, 0.95])
def test_inverter_with_a_rhythm_of_its_own(
    pace: float, period: float, phase: float
) -> None:
    """Whether it falls among the battery's frames or not."""
    battery = sets(*SET, pace=pace, count=8)
    asks = inverter(*(phase + n * period for n in range(8)))
    assert not by_battery(battery, asks)


def test_inverter_beside_a_battery_that_sends_it_too() -> None:
    """One of both is enough for a look at the cable."""
    own = sets(*SET[:5], REQUEST, *SET[5:], pace=0.02)
    assert not by_battery(own, inverter(*(n + 0.6 for n in range(5))))


def test_inverter_that_goes_on_without_the_battery() -> None:
    """A battery's own ceases with its frames."""
    own = sets(*SET[:5], REQUEST, *SET[5:], pace=0.02, count=3)
    assert by_battery(own)
    assert not by_battery(own, inverter(*(3.1 + n for n in range(5))))


@pytest.mark.parametrize(
    "order", [(REQUEST,), SET, (0x351, REQUEST, 0x355), (0x351, 0x355, REQUEST)]
)
def test_too_little_heard(order: Sequence[int]) -> None:
    """Without a battery's pace, or without 0x305, nothing is known."""
    assert not by_battery(sets(*order, pace=0.02, count=1))
