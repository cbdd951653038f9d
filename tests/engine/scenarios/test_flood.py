"""A bus busier than it can be read, and a blocked loop: what is evaluated and sent."""

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
"""A frame without a meaning on a battery's port."""
STALL = 7.0
"""Seconds for which a loop was held: longer than a battery may be silent."""
AT_ONCE = 0.001
"""Seconds in which a bus brings a few frames."""
SLOW = 0.3
"""Seconds of a turn of the loop on a machine that is far too busy."""


@pytest.fixture
def evaluations(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return when the bank was evaluated."""
    times: list[float] = []
    evaluate = Bank.evaluate

    def note(self: Bank, now: float, *arguments: Any, **named: Any) -> Any:
        times.append(now)
        return evaluate(self, now, *arguments, **named)

    monkeypatch.setattr(Bank, "evaluate", note)
    return times


def _held(plant: Plant, *, last: Frame | None = None) -> None:
    """Block the loop while the battery reports; `last`: its last values."""
    for _ in range(int(STALL)):
        plant.clock.now += 1.0
        plant.send_telegrams("b1")
    if last:
        plant.port("b1").push(last)
    plant.port("b1").most = 3


# Waiting frames are read before anything is evaluated or sent


def test_battery_is_not_lost_while_its_frames_wait() -> None:
    """Its time-out has passed, but not all of its frames are read yet."""
    plant = Plant().started()
    _held(plant)
    for _ in range(20):
        plant.step(1)
        assert plant.state().status is BatteryStatus.ONLINE
    assert plant.port("b1").read_until == plant.now
    assert plant.state().losses == 0


def test_silent_battery_is_lost_once_all_frames_are_read() -> None:
    """None of its frames waits."""
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


def test_task_waiting_for_unread_frames_retries_soon() -> None:
    """Although they may contain nothing new."""
    plant = Plant().started()
    _held(plant)
    plant.port("b1").most = 0
    assert plant.gateway.write("i1") == plant.now + READ_RETRY


def test_all_ports_have_to_be_read_first() -> None:
    """One battery's empty queue does not release the other one."""
    plant = Plant([battery("b1"), battery("b2")]).started()
    plant.port("b2").push(*[OTHER] * 50)
    plant.port("b2").most = 1
    plant.clock.now += 1.0
    plant.send_telegrams("b1")
    at = plant.now
    plant.step(3)
    assert plant.port().since(at) == []


def _sent_after_a_stall(plant: Plant, ccl: float) -> set[float]:
    """Return the limit sent if this CCL arrives last while the loop is blocked."""
    _held(plant, last=_limits(charge_current_limit=ccl))
    plant.clock.now += AT_ONCE
    at = plant.now
    plant.port("b1").most = 1
    plant.step(60)
    return {sent for _, sent, _ in plant.sent_since(at)}


def test_wait_starts_over_after_the_loop_was_blocked() -> None:
    """Frames that arrived meanwhile have to be read too."""
    plant = Plant().started()
    plant.port("b1").push(*[OTHER] * 3)
    plant.port("b1").most = 0
    plant.clock.now += REPEAT
    assert plant.gateway.write("i1") == plant.now + READ_RETRY
    assert _sent_after_a_stall(plant, 20.0) == {20.0}


def test_telegram_opened_before_the_loop_was_blocked_starts_over() -> None:
    """With the values that arrived since, not with those before."""
    plant = Plant().started()
    port = plant.port("i1")
    port.acknowledged = False
    plant.clock.now += REPEAT
    plant.send_telegrams("b1")
    plant.gateway.step()
    assert [frame.can_id for frame in port.queue] == [0x35E]
    port.acknowledged = True
    port.leave()
    port.drain()
    assert _sent_after_a_stall(plant, 20.0) == {20.0}


def test_inverter_that_is_back_waits_for_unread_frames() -> None:
    """An earlier wait before its removal does not count."""
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
        """Flood a port with these frames continuously."""
        self.plant, self.port = plant, plant.port(key)
        self._frames = frames
        self._come(self.WAITING)
        self.port.most = 0

    def turn(self, count: int = 1, seconds: float = AT_ONCE) -> None:
        """Run loop turns, each for so long."""
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


def test_setpoint_is_sent_on_a_flooded_bus() -> None:
    """Late by what waits in the socket: a dozen turns, and the echoes."""
    plant = Plant().started()
    flood = Flood(plant, "b1", *telegram())
    plant.gateway.set_setpoints(AllSetpoints(bank=Setpoints(charge_current=50.0)))
    flood.turn(40)
    assert plant.sent()[1] == 50.0


@pytest.mark.slow
def test_telegrams_are_repeated_on_a_flooded_bus() -> None:
    """For hours, if need be; and no battery is lost."""
    plant = Plant().started()
    flood = Flood(plant, "b1", *telegram())
    telegrams_sent = plant.inverter().telegrams_sent
    flood.turn(2000)
    assert plant.inverter().telegrams_sent >= telegrams_sent + 10
    assert plant.inverter().telegrams_dropped == plant.state().losses == 0


def test_battery_is_evaluated_at_the_time_read_up_to() -> None:
    """On a slow machine waiting frames may be older than the time-out."""
    plant = Plant().started()
    flood = Flood(plant, "b1", *telegram())
    flood.turn(100, SLOW)
    assert flood.port.read_until < plant.now - 3.0
    assert plant.state().losses == 0


def test_rest_of_a_telegram_does_not_wait_again() -> None:
    """Otherwise its name would prove nothing, and no telegram were sent."""
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
def test_silent_battery_is_lost_beside_a_flooded_bus() -> None:
    """The flood is another one's."""
    plant = Plant([battery("b1"), battery("b2")]).started()
    reported_at = plant.now
    flood = Flood(plant, "b1", *telegram())
    while plant.state("b2").status is BatteryStatus.ONLINE:
        flood.turn(10)
    assert plant.now <= reported_at + 3.0 + 0.1


@pytest.mark.parametrize(
    ("late", "battery_status"),
    [
        (MAX_READ_LAG - 0.1, BatteryStatus.ONLINE),
        (2 * MAX_READ_LAG, BatteryStatus.LOST),
    ],
)
def test_frames_read_too_late_do_not_count(
    late: float, battery_status: BatteryStatus
) -> None:
    """However late a port is read: no value stays fresh without end."""
    plant = Plant().started()
    plant.send_telegrams()
    plant.step()
    plant.clock.now += 2.9 + late
    bank = plant.gateway._bank
    bank.evaluate(plant.now, AllSetpoints(), received_until=plant.now - late)
    assert bank._batteries["b1"].state(plant.now).status is battery_status


# How much a flood costs


def test_frames_without_new_values_cause_few_evaluations(
    evaluations: list[float],
) -> None:
    """A flood of them causes one now and then."""
    plant = Plant().started()
    evaluations.clear()
    began = plant.now
    for _ in range(1000):
        plant.clock.now += AT_ONCE
        plant.port("b1").push(*telegram())
        plant.step(1)
    elapsed = plant.now - began
    assert len(evaluations) <= elapsed / RECALCULATION_INTERVAL + elapsed / 0.1 + 1


def test_foreign_frames_cause_no_evaluation(evaluations: list[float]) -> None:
    """With any other traffic on a battery's bus."""
    plant = Plant().started()
    evaluations.clear()
    for number in range(50):
        plant.port("b1").push(replace(OTHER, data=bytes([number])))
        plant.step(1)
    assert evaluations == []


@pytest.mark.parametrize("key", ["b1", "i1"])
async def test_listeners_are_not_notified_without_a_change(key: str) -> None:
    """A snapshot is built only if it contains something new."""
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


async def test_listeners_are_notified_only_after_an_evaluation() -> None:
    """A measurement that waits for its turn is no change yet."""
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


# Frames that cannot wait


def test_frame_that_completes_a_telegram_is_evaluated_at_once() -> None:
    """However few ms after the last evaluation."""
    plant = Plant().started()
    plant.clock.now += 0.5
    sent_now = []
    for frame in telegram(current=-3.0):
        plant.clock.now += AT_ONCE
        plant.port("b1").push(frame)
        plant.step(1)
        sent_now.append(plant.port().sent[-1].at == plant.now)
    *before, last = sent_now
    assert last
    assert not any(before)


def test_last_battery_to_report_makes_a_telegram_due() -> None:
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
def test_lower_limit_is_sent_at_once(changes: dict[str, Any]) -> None:
    """In the middle of a telegram, just after an evaluation."""
    plant = Plant().started()
    plant.clock.now += 1.0
    plant.port("b1").push(*telegram())
    plant.step()
    sent = plant.sent(), plant.enabled()
    plant.clock.now += AT_ONCE
    for frame in telegram(**changes):
        plant.port("b1").push(frame)
    plant.step(1)
    assert (plant.sent(), plant.enabled()) != sent


def test_measurements_are_evaluated_at_the_recalculation_interval() -> None:
    """Within it after the last evaluation one waits; then it counts."""
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
