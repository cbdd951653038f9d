"""A bus busier than it can be read, and a loop that was held: what is judged and sent."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from custom_components.bms_gateway.engine.bank import MAX_READ_LAG, Bank
from custom_components.bms_gateway.engine.gateway import READ_RETRY
from custom_components.bms_gateway.engine.inverter.send_schedule import REPEAT
from custom_components.bms_gateway.engine.model import BatteryStatus, Frame, Snapshot
from custom_components.bms_gateway.engine.scheduling import RECALCULATION_INTERVAL
from custom_components.bms_gateway.engine.setpoints import AllSetpoints, Setpoints

from ..plant import Plant, battery, inverter
from ..telegrams import telegram

OTHER = Frame(0x306, bytes(8))
"""A frame that tells a battery's port nothing."""
STALL = 7.0
"""Seconds for which a loop was held: longer than a battery may be silent."""
AT_ONCE = 0.001
"""Seconds in which a bus brings a few frames."""
SLOW = 0.3
"""Seconds of a turn of the loop on a machine that is far too busy."""


@pytest.fixture
def reckonings(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return when the bank was reckoned."""
    moments: list[float] = []
    evaluate = Bank.evaluate

    def note(self: Bank, now: float, *arguments: Any, **named: Any) -> Any:
        moments.append(now)
        return evaluate(self, now, *arguments, **named)

    monkeypatch.setattr(Bank, "evaluate", note)
    return moments


def _held(plant: Plant, *, last: Frame | None = None) -> None:
    """Let the loop be held while the battery speaks on; `last`: what it says last."""
    for _ in range(int(STALL)):
        plant.clock.now += 1.0
        plant.speak("b1")
    if last:
        plant.port("b1").push(last)
    plant.port("b1").most = 3


# What waits is heard before anything is judged or sent


def test_live_battery_is_not_lost_while_its_frames_wait() -> None:
    """Its deadline has passed, but not all that it said meanwhile is read yet."""
    plant = Plant().started()
    _held(plant)
    for _ in range(20):
        plant.step(1)
        assert plant.state().status is BatteryStatus.ONLINE
    assert plant.port("b1").read_until == plant.now
    assert plant.state().losses == 0


def test_battery_that_fell_silent_is_lost() -> None:
    """Once it is known that nothing of it waits."""
    plant = Plant(bridge=0.0).started()
    plant.clock.now += STALL
    plant.port("b1").push(*[OTHER] * 9)
    plant.port("b1").most = 3
    plant.step(5)
    assert plant.state().status is BatteryStatus.LOST


def test_nothing_is_sent_while_a_lower_limit_waits() -> None:
    """Neither the limit of before the hold nor a setpoint that is above the new one."""
    plant = Plant().started()
    _held(plant, last=_limits(charge_current_limit=20.0))
    at = plant.now
    plant.gateway.set_setpoints(AllSetpoints(bank=Setpoints(charge_current=60.0)))
    plant.gateway.step()
    assert plant.port().since(at) == []
    plant.step(20)
    assert {ccl for _, ccl, _ in plant.sent_since(at)} == {20.0}


def test_whoever_waits_for_the_rest_looks_again_soon() -> None:
    """There need not be any news among it."""
    plant = Plant().started()
    _held(plant)
    plant.port("b1").most = 0
    assert plant.gateway.write("i1") == plant.now + READ_RETRY


def test_all_ports_have_to_be_read() -> None:
    """A battery of which nothing waits does not answer for the other one."""
    plant = Plant([battery("b1"), battery("b2")]).started()
    plant.port("b2").push(*[OTHER] * 50)
    plant.port("b2").most = 1
    plant.clock.now += 1.0
    plant.speak("b1")
    at = plant.now
    plant.step(3)
    assert plant.port().since(at) == []


def _told_after_a_hold(plant: Plant, ccl: float) -> set[float]:
    """Let the last that came while the loop was held be this CCL; return what is told."""
    _held(plant, last=_limits(charge_current_limit=ccl))
    plant.clock.now += AT_ONCE
    at = plant.now
    plant.port("b1").most = 1
    plant.step(60)
    return {told for _, told, _ in plant.sent_since(at)}


def test_whoever_waited_before_the_loop_was_held_waits_anew() -> None:
    """What came while it was held is waited for, too, not only what came before."""
    plant = Plant().started()
    plant.port("b1").push(*[OTHER] * 3)
    plant.port("b1").most = 0
    plant.clock.now += REPEAT
    assert plant.gateway.write("i1") == plant.now + READ_RETRY
    assert _told_after_a_hold(plant, 20.0) == {20.0}


def test_set_that_had_begun_when_the_loop_was_held_begins_anew() -> None:
    """Not with what was right before: with all that came since."""
    plant = Plant().started()
    port = plant.port("i1")
    port.acknowledged = False
    plant.clock.now += REPEAT
    plant.speak("b1")
    plant.gateway.step()
    assert [frame.can_id for frame in port.queue] == [0x35E]
    port.acknowledged = True
    port.leave()
    port.drain()
    assert _told_after_a_hold(plant, 20.0) == {20.0}


def test_inverter_that_is_back_waits_anew() -> None:
    """That it had waited before it was taken away lets it pass nothing."""
    plant = Plant().started()
    _held(plant)
    plant.port("b1").most = 0
    plant.step(1)
    plant.apply(inverters=())
    plant.clock.now += 1.0
    plant.port("b1").push(*[OTHER] * 9, _limits(charge_current_limit=20.0))
    plant.clock.now += AT_ONCE
    at = plant.now
    plant.apply(inverters=(inverter("i1"),))
    plant.port("b1").most = 1
    plant.step(60)
    assert {ccl for _, ccl, _ in plant.sent_since(at)} == {20.0}


# A bus that never is read to its end


class Flood:
    """A plant with a bus that brings more than is read: a part of it always waits."""

    WAITING = 250
    """Frames: about what a socket holds."""
    A_TURN = 20
    """Frames read by one turn, in which as many come."""

    def __init__(self, plant: Plant, key: str, *frames: Frame) -> None:
        """Flood a port with these frames, again and again."""
        self.plant, self.port = plant, plant.port(key)
        self._frames = frames
        self._come(self.WAITING)
        self.port.most = 0

    def turn(self, count: int = 1, seconds: float = AT_ONCE) -> None:
        """Let the loop turn, each time for so long."""
        for _ in range(count):
            self.plant.clock.now += seconds
            self._come(self.A_TURN)
            self.port.most = self.A_TURN
            self.port.drain()
            self.port.most = 0
            self.plant.gateway.step()
            assert self.port.read_until < self.plant.now

    def _come(self, count: int) -> None:
        for number in range(count):
            self.port.push(self._frames[number % len(self._frames)])


def test_setpoint_goes_through_on_a_flooded_bus() -> None:
    """Late by what waits in the socket: here a dozen turns, and the set's echoes."""
    plant = Plant().started()
    flood = Flood(plant, "b1", *telegram())
    plant.gateway.set_setpoints(AllSetpoints(bank=Setpoints(charge_current=50.0)))
    flood.turn(40)
    assert plant.sent()[1] == 50.0


@pytest.mark.slow
def test_inverter_is_told_again_and_again_on_a_flooded_bus() -> None:
    """For hours, if need be; and no battery is lost."""
    plant = Plant().started()
    flood = Flood(plant, "b1", *telegram())
    sets = plant.inverter().sets
    flood.turn(2000)
    assert plant.inverter().sets >= sets + 10
    assert plant.inverter().dropped == plant.state().losses == 0


def test_battery_is_judged_by_when_it_was_heard_until() -> None:
    """On a slow machine what waits may be older than a battery may be silent."""
    plant = Plant().started()
    flood = Flood(plant, "b1", *telegram())
    flood.turn(100, SLOW)
    assert flood.port.read_until < plant.now - 3.0
    assert plant.state().losses == 0


def test_rest_of_a_set_does_not_wait_again() -> None:
    """Else its name would prove nothing any more, and no set ever went out."""
    plant = Plant().started()
    flood = Flood(plant, "b1", *telegram())
    port = plant.port("i1")
    port.acknowledged = False
    while not port.queue:
        flood.turn(1, SLOW)
    assert [frame.can_id for frame in port.queue] == [0x35E]
    at = plant.now
    port.leave()
    flood.turn(1, AT_ONCE)
    port.leave()
    assert 0x351 in [frame.can_id for frame in port.since(at)]


@pytest.mark.slow
def test_other_battery_is_lost_on_a_flooded_bus() -> None:
    """The flood is another one's: who says nothing is missed in time."""
    plant = Plant([battery("b1"), battery("b2")]).started()
    said_at = plant.now
    flood = Flood(plant, "b1", *telegram())
    while plant.state("b2").status is BatteryStatus.ONLINE:
        flood.turn(10)
    assert plant.now <= said_at + 3.0 + 0.1


@pytest.mark.parametrize(
    ("late", "battery_status"),
    [
        (MAX_READ_LAG - 0.1, BatteryStatus.ONLINE),
        (2 * MAX_READ_LAG, BatteryStatus.LOST),
    ],
)
def test_what_is_heard_too_late_does_not_count(
    late: float, battery_status: BatteryStatus
) -> None:
    """However late a port is read: no value is taken for fresh without an end."""
    plant = Plant().started()
    plant.speak()
    plant.step()
    plant.clock.now += 2.9 + late
    bank = plant.gateway._bank
    bank.evaluate(plant.now, AllSetpoints(), received_until=plant.now - late)
    assert bank._batteries["b1"].state(plant.now).status is battery_status


# How much a flood costs


def test_frames_that_bring_nothing_new_are_not_reckoned_with(
    reckonings: list[float],
) -> None:
    """A flood of them costs a reckoning now and then."""
    plant = Plant().started()
    reckonings.clear()
    began = plant.now
    for _ in range(1000):
        plant.clock.now += AT_ONCE
        plant.port("b1").push(*telegram())
        plant.step(1)
    elapsed = plant.now - began
    assert len(reckonings) <= elapsed / RECALCULATION_INTERVAL + elapsed / 0.1 + 1


def test_foreign_frames_are_not_reckoned_with(reckonings: list[float]) -> None:
    """Whatever else is on a battery's bus."""
    plant = Plant().started()
    reckonings.clear()
    for number in range(50):
        plant.port("b1").push(replace(OTHER, data=bytes([number])))
        plant.step(1)
    assert reckonings == []


@pytest.mark.parametrize("key", ["b1", "i1"])
async def test_listeners_are_not_told_of_what_is_not_new(key: str) -> None:
    """A snapshot is made only when there is something in it."""
    plant = Plant().started()
    await plant.gateway.start()
    seen: list[Snapshot] = []
    plant.gateway.subscribe(seen.append)
    for _ in range(20):
        await asyncio.sleep(0)
    seen.clear()
    for _ in range(50):
        plant.port(key).push(OTHER)
        plant.port(key).drain()
        await asyncio.sleep(0)
    await plant.gateway.stop()
    assert seen == []


async def test_listeners_are_not_told_before_there_was_a_reckoning() -> None:
    """A measurement that waits for its time is no news yet."""
    plant = Plant().started()
    await plant.gateway.start()
    seen: list[Snapshot] = []
    plant.gateway.subscribe(seen.append)
    plant.clock.now += RECALCULATION_INTERVAL
    for current in (1.0, 2.0):
        plant.port("b1").push(_measured(current=current))
        plant.port("b1").drain()
        for _ in range(20):
            await asyncio.sleep(0)
    await plant.gateway.stop()
    assert [snapshot.bank.current for snapshot in seen] == [1.0]


# What cannot wait


def test_frame_that_completes_a_telegram_goes_on_at_once() -> None:
    """However few ms after others that made the bank reckon."""
    plant = Plant().started()
    plant.clock.now += 0.5
    sets = []
    for frame in telegram(current=-3.0):
        plant.clock.now += AT_ONCE
        plant.port("b1").push(frame)
        plant.step(1)
        sets.append(plant.port().sent[-1].at == plant.now)
    *before, last = sets
    assert last
    assert not any(before)


def test_last_battery_that_renews_makes_a_set_due() -> None:
    """Not the first one."""
    plant = Plant([battery("b1"), battery("b2")]).started()
    plant.clock.now += 0.5
    at = plant.now
    plant.port("b1").push(*telegram())
    plant.step()
    assert plant.port().since(at) == []
    plant.port("b2").push(*telegram())
    plant.step()
    assert plant.port().since(at) != []


@pytest.mark.parametrize(
    "changes",
    [
        {"charge_current_limit": 20.0},
        {"discharge_current_limit": 20.0},
        {"charge_voltage_limit": 54.0},
        {"charge_enabled": False},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_falling_limit_goes_on_at_once(changes: dict[str, Any]) -> None:
    """In the midst of a telegram, just after the bank was reckoned."""
    plant = Plant().started()
    plant.clock.now += 1.0
    plant.port("b1").push(*telegram())
    plant.step()
    told = plant.sent(), plant.enabled()
    plant.clock.now += AT_ONCE
    for frame in telegram(**changes):
        plant.port("b1").push(frame)
    plant.step(1)
    assert (plant.sent(), plant.enabled()) != told


def test_measurement_is_reckoned_with_at_a_pace() -> None:
    """Within PACE of the last reckoning it waits; then it counts."""
    plant = Plant().started()
    plant.clock.now += 1.0
    plant.port("b1").push(*telegram(current=1.0))
    plant.step()
    assert plant.snapshot.bank.current == 1.0
    plant.clock.now += RECALCULATION_INTERVAL / 2
    plant.port("b1").push(_measured(current=2.0))
    plant.step()
    assert plant.snapshot.bank.current == 1.0
    plant.clock.now += RECALCULATION_INTERVAL
    plant.step()
    assert plant.snapshot.bank.current == 2.0


def _limits(**changes: Any) -> Frame:
    return next(frame for frame in telegram(**changes) if frame.can_id == 0x351)


def _measured(**changes: Any) -> Frame:
    return next(frame for frame in telegram(**changes) if frame.can_id == 0x356)
