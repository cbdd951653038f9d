"""A port on a serial adapter, over a pseudo-terminal: LAWICEL's answers, or none."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
import fcntl
import os
from pathlib import Path
import threading
import time

import pytest

from custom_components.bms_gateway.engine.can import (
    port as port_module,
    stream_backend as stream_module,
)
from custom_components.bms_gateway.engine.can.port import Port
from custom_components.bms_gateway.engine.can.slcan import adapter as slcan_adapter
from custom_components.bms_gateway.engine.config import (
    GatewayConfig,
    Interface,
    PortConfig,
)
from custom_components.bms_gateway.engine.gateway import Gateway
from custom_components.bms_gateway.engine.model import (
    NO_CONTROLLER,
    BusState,
    Frame,
    PortFault,
    PortReason,
    PortState,
    PortStatus,
)

from ....waiting import PATIENCE, until, wait_until
from ...plant import battery, inverter
from ...ports import Recorder, content, one_clock, probe
from ...serial_adapter import ACKNOWLEDGING, QUIET, SerialAdapter, plugged_in
from ...telegrams import telegram

SLCAN = Interface.SLCAN
LIMITS = Frame(0x351, bytes(range(8)))
LIMITS_LINE = "t35180001020304050607"
NAME = Frame(0x35E, b"PYLON   ")
LOST = PortStatus.LOST


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the waits; lengthen the time-outs that a busy machine could exceed."""
    monkeypatch.setattr(slcan_adapter, "GREETING_TIME", 0.05)
    monkeypatch.setattr(stream_module, "STALE", PATIENCE)
    monkeypatch.setattr(stream_module, "UNACKNOWLEDGED", PATIENCE)
    monkeypatch.setattr(port_module, "FIRST_RETRY", 0.02)
    monkeypatch.setattr(port_module, "LONGEST_RETRY", 0.02)


@pytest.fixture
def unacknowledged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait less for answers that do not come."""
    monkeypatch.setattr(slcan_adapter, "ANSWER_TIME", 0.05)


@pytest.fixture(autouse=True)
async def nothing_left() -> AsyncIterator[None]:
    """Leave no thread, no descriptor and no exception in the loop behind."""
    exceptions: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: exceptions.append(context))
    before = _descriptors()
    yield
    await _threads_end()  # one that has closed its device still has to end
    assert exceptions == []
    assert _descriptors() == before


@pytest.fixture
async def adapter() -> AsyncIterator[SerialAdapter]:
    """Plug in an adapter that acknowledges."""
    with plugged_in() as plugged:
        yield plugged


# Opening


@pytest.mark.parametrize(
    ("bitrate", "command"), [(500_000, "S6"), (250_000, "S5"), (125_000, "S4")]
)
async def test_bitrate_is_set_before_the_channel_opens(
    adapter: SerialAdapter, bitrate: int, command: str
) -> None:
    """A wrong bitrate would disturb the bus."""
    near = Recorder(adapter.device, SLCAN, bitrate=bitrate)
    async with near.opened() as port:
        *greetings, first, second = filter(None, adapter.commands)
        assert {*greetings} == {"C", "V"}
        assert (first, second) == (command, "O")
        assert port.has_echo
        assert not port.echo_is_proof
    await adapter.until(lambda: adapter.commands[-1] == "C")


async def test_quiet_adapter_has_no_echo(unacknowledged: None) -> None:
    """It acknowledges no command."""
    with plugged_in(QUIET) as adapter:
        near = Recorder(adapter.device, SLCAN)
        async with near.opened() as port:
            assert not port.has_echo
            adapter.send(b"t35110A\r")
            await near.receives(1)
            assert port.send(LIMITS)
            await adapter.until(lambda: adapter.frames == [LIMITS_LINE])
    assert near.echoes == []


async def test_adapter_without_answers_is_recognised_by_frames(
    unacknowledged: None,
) -> None:
    """It passes on the frames of a busy bus."""
    with plugged_in({"O": b"t35110A\r"}) as adapter:
        async with Recorder(adapter.device, SLCAN).opened() as port:
            assert not port.has_echo


async def test_adapter_that_restarts_when_opened_is_greeted_again() -> None:
    """It loses the first commands."""
    with plugged_in() as adapter:
        adapter.late = []
        near = Recorder(adapter.device, SLCAN)
        async with near.running():
            await adapter.until(lambda: adapter.commands.count("V") == 2)
            adapter.late = None
            await near.becomes(PortStatus.OPEN)
            assert near.port.has_echo


async def test_slow_answer_is_not_taken_for_that_to_the_next_command(
    adapter: SerialAdapter,
) -> None:
    """A late refusal to close is not a refusal of the bitrate."""
    adapter.answers["C"] = b"\a"
    adapter.late = []
    near = Recorder(adapter.device, SLCAN)
    async with near.running():
        await adapter.until(lambda: adapter.commands.count("V") == 2)
        adapter.release()
        await near.becomes(PortStatus.OPEN)
    assert near.statuses[:2] == [(PortStatus.OPENING, None), (PortStatus.OPEN, None)]


async def test_adapter_without_answers_and_frames_is_a_fault(
    unacknowledged: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its port opens once it answers."""
    monkeypatch.setattr(slcan_adapter, "TRAFFIC_TIME", 0.05)
    with plugged_in({}) as adapter:
        near = Recorder(adapter.device, SLCAN)
        async with near.running():
            await near.becomes(LOST, PortFault.FAILED)
            assert near.port.state.detail == "The adapter does not answer"
            assert near.port.state.reason is PortReason.NOT_LAWICEL
            adapter.answers |= {"V": b"V1\r"}
            await near.becomes(PortStatus.OPEN)
            assert near.port.state.reason is None


@pytest.mark.parametrize(
    ("answers", "fault"),
    [
        ({"V": b"V1\r", "S": b"\a"}, PortFault.WRONG_BITRATE),
        ({"V": b"V1\r", "S": b"\r", "O": b"\a"}, PortFault.FAILED),
    ],
    ids=["bitrate", "channel"],
)
async def test_refusals_have_different_faults(
    answers: dict[str, bytes], fault: PortFault
) -> None:
    """Of the bitrate and of the channel."""
    with plugged_in(answers) as adapter:
        assert await probe(PortConfig(SLCAN, adapter.device)) is fault


async def test_faults_of_opening_are_distinguished(
    adapter: SerialAdapter, tmp_path: Path
) -> None:
    """Each mistake of a user has its own fault, and nothing stays open."""
    (tmp_path / "file").touch()
    assert await probe(PortConfig(SLCAN, adapter.device)) is None
    for device in ("/dev/none", str(tmp_path / "file"), "", "a\0b"):
        fault = await probe(PortConfig(SLCAN, device))
        assert fault in {PortFault.NO_SUCH_CHANNEL, PortFault.FAILED}
    odd = PortConfig(SLCAN, adapter.device, 300_000)
    assert await probe(odd) is PortFault.WRONG_BITRATE


async def test_adapter_in_use_by_another_program_is_busy(
    adapter: SerialAdapter,
) -> None:
    """Two programs would take each other's answers."""
    other = os.open(adapter.device, os.O_RDWR | os.O_NOCTTY)
    try:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert await probe(PortConfig(SLCAN, adapter.device)) is PortFault.BUSY
    finally:
        os.close(other)


# Reading


async def test_frame_after_any_invalid_bytes_is_received(
    adapter: SerialAdapter,
) -> None:
    """One bad byte, a bad line, an overflow, a refusal."""
    near = Recorder(adapter.device, SLCAN)
    invalid = [
        b"\xff",
        b"t35x8\r",
        b"\a",
        3000 * b"0",
        b"t3518\r",
        b"\r",
        b"V\r",
        b"\0",
    ]
    async with near.opened() as port:
        for count, each in enumerate(invalid, 1):
            adapter.send(each)
            adapter.send(b"\rt35")
            adapter.send(b"18000102")
            adapter.send(b"0304050607\r")
            await near.receives(count)
        assert port.state.received == len(invalid)
    assert {content(frame) for frame in near.frames} == {content(LIMITS)}


async def test_frame_keeps_its_age_while_the_loop_is_blocked(
    adapter: SerialAdapter,
) -> None:
    """The thread reads it and gives it its time stamp."""
    late = 0.0
    clock, wall = one_clock(lambda: late)
    near = Recorder(adapter.device, SLCAN, clock=clock, wall=wall)
    async with near.opened() as port:
        port.drain()
        before = time.time()
        adapter.send(b"t3510\r")
        wait_until(lambda: _waiting(port))
        after = time.time()
        late = 7.0
        port.drain()
        assert len(near.frames) == 1
    assert before <= near.frames[0].at <= after


async def test_bus_off_loses_the_port_and_restarts_the_adapter(
    adapter: SerialAdapter,
) -> None:
    """Its channel is closed and opened, which resets the controller."""
    near = Recorder(adapter.device, SLCAN)
    async with near.opened() as port:
        adapter.send(b"sp001130\r")
        await near.receives(1)
        passive = port.state.controller
        assert passive.state is BusState.ERROR_PASSIVE
        opened = adapter.commands.count("O")
        adapter.send(b"sb128255\r")
        await near.becomes(PortStatus.LOST, PortFault.BUS_OFF)
        assert near.changes[-1].controller.state is BusState.BUS_OFF
        await near.becomes(PortStatus.OPEN)
        assert adapter.commands.count("O") == opened + 1
        assert port.state.controller == NO_CONTROLLER


async def test_bus_error_is_counted_as_an_error(adapter: SerialAdapter) -> None:
    """It does not count as received."""
    near = Recorder(adapter.device, SLCAN)
    async with near.opened() as port:
        adapter.send(b"e1a\r")
        await near.receives(1)
        assert (port.state.received, port.state.errors) == (0, 1)
    assert near.frames[0].error


# Writing


async def test_acknowledged_frame_comes_back_as_echo(adapter: SerialAdapter) -> None:
    """In order, and not as a frame of another node."""
    near = Recorder(adapter.device, SLCAN)
    async with near.opened() as port:
        assert port.send(NAME)
        assert port.send(LIMITS)
        await near.sees_echoes(2)
    assert [content(f) for f in near.echoes] == [content(NAME), content(LIMITS)]
    assert near.frames == []


async def test_refused_frame_has_no_echo(adapter: SerialAdapter) -> None:
    """BEL: the adapter's queue is full."""
    near = Recorder(adapter.device, SLCAN)
    async with near.opened() as port:
        adapter.answers["t"] = b"\a"
        assert port.send(NAME)
        await adapter.until(lambda: len(adapter.frames) == 1)
        adapter.answers["t"] = b"z\r"
        assert port.send(LIMITS)
        await near.sees_echoes(1)
    assert [content(frame) for frame in near.echoes] == [content(LIMITS)]


async def test_lost_acknowledgement_does_not_shift_later_ones(
    adapter: SerialAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counting starts anew after the time-out."""
    near = Recorder(adapter.device, SLCAN)
    async with near.opened() as port:
        adapter.answers["t"] = b""
        assert port.send(NAME)
        await adapter.until(lambda: len(adapter.frames) == 1)
        monkeypatch.setattr(stream_module, "UNACKNOWLEDGED", -1.0)
        adapter.answers["t"] = b"z\r"
        assert port.send(Frame(0x305))
        await adapter.until(lambda: len(adapter.frames) == 2)
        monkeypatch.setattr(stream_module, "UNACKNOWLEDGED", 1000.0)
        assert port.send(LIMITS)
        await near.sees_echoes(1)
    assert content(near.echoes[-1]) != content(NAME)


async def test_unacknowledged_frames_are_bounded(adapter: SerialAdapter) -> None:
    """An adapter that does not answer is not filled with frames that become stale."""
    near = Recorder(adapter.device, SLCAN)
    async with near.opened() as port:
        adapter.answers["t"] = b""
        sent = 0
        while port.send(Frame(sent)):
            sent += 1
        assert sent == stream_module.MOST_QUEUED
        assert port.state.status is PortStatus.OPEN


async def test_blocked_write_loses_the_port(
    unacknowledged: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the loop nor closing waits for an adapter that accepts nothing."""
    monkeypatch.setattr(stream_module, "STUCK", 0.05)
    with plugged_in(QUIET) as adapter:
        near = Recorder(adapter.device, SLCAN)
        async with near.opened() as port:
            adapter.listens(False)

            def is_lost() -> bool:
                # As many as are queued: the terminal takes thousands
                for _ in range(stream_module.MOST_QUEUED):
                    port.send(LIMITS)
                return port.state.status is not PortStatus.OPEN

            await until(is_lost, "the port is lost")
            assert port.state.fault is PortFault.FAILED
            assert port.state.detail == "The adapter takes nothing"
            adapter.listens(True)
            await near.becomes(PortStatus.OPEN)


async def test_frame_that_could_not_be_written_in_time_is_dropped(
    adapter: SerialAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be stale when sent."""
    near = Recorder(adapter.device, SLCAN)
    async with near.opened() as port:
        monkeypatch.setattr(stream_module, "STALE", -1.0)
        assert port.send(LIMITS)
        wait_until(lambda: not _to_send(port))
        monkeypatch.setattr(stream_module, "STALE", 1000.0)
        assert port.send(NAME)
        await near.sees_echoes(1)
    assert [content(frame) for frame in near.echoes] == [content(NAME)]
    assert len(adapter.frames) == 1


# Losing and coming back


async def test_port_reopens_when_the_adapter_is_plugged_in_again(
    adapter: SerialAdapter, tmp_path: Path
) -> None:
    """It is lost once, and found under the same name."""
    by_id = tmp_path / "by-id"
    by_id.symlink_to(adapter.device)
    near = Recorder(str(by_id), SLCAN)
    async with near.opened() as port:
        adapter.unplug()
        by_id.unlink()
        await near.becomes(LOST, PortFault.NO_SUCH_CHANNEL)
        assert not port.send(LIMITS)
        with plugged_in() as again:
            by_id.symlink_to(again.device)
            await near.becomes(PortStatus.OPEN)
            again.send(b"t3510\r")
            await near.receives(1)
            assert near.statuses == [
                (PortStatus.OPENING, None),
                (PortStatus.OPEN, None),
                (PortStatus.LOST, PortFault.NO_SUCH_CHANNEL),
                (PortStatus.OPEN, None),
            ]


async def test_hanging_device_is_abandoned(
    adapter: SerialAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One thread hangs, not one more with every attempt, and nothing waits for it."""
    monkeypatch.setattr(stream_module, "OPEN_TIMEOUT", 0.05)
    go_on = threading.Event()
    connect = slcan_adapter.SlcanAdapter.connect

    def hang(self: slcan_adapter.SlcanAdapter) -> int:
        go_on.wait(PATIENCE)
        return connect(self)

    monkeypatch.setattr(slcan_adapter.SlcanAdapter, "connect", hang)
    near = Recorder(adapter.device, SLCAN)
    async with near.running():
        await near.becomes(LOST, PortFault.BUSY)
        assert len(_threads()) == 1
    assert near.port.state == PortState()
    go_on.set()
    await _threads_end()


async def test_hanging_close_does_not_delay_the_end(
    adapter: SerialAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A device may drain for 30 s when it is closed."""
    monkeypatch.setattr(stream_module, "CLOSE_TIMEOUT", 0.05)
    go_on = threading.Event()
    part = slcan_adapter.SlcanAdapter.part

    def hang(self: slcan_adapter.SlcanAdapter, descriptor: int) -> None:
        go_on.wait(PATIENCE)
        part(self, descriptor)

    monkeypatch.setattr(slcan_adapter.SlcanAdapter, "part", hang)
    async with Recorder(adapter.device, SLCAN).opened():
        pass
    assert len(_threads()) == 1
    go_on.set()
    await _threads_end()


async def test_cancelled_opening_leaves_no_thread_and_no_descriptor(
    adapter: SerialAdapter,
) -> None:
    """However early it is cancelled."""
    adapter.late = []
    for turns in range(5):
        async with Recorder(adapter.device, SLCAN).running():
            for _ in range(turns):
                await asyncio.sleep(0)
        await _threads_end()


# With an inverter behind it


@pytest.mark.parametrize("answers", [ACKNOWLEDGING, QUIET], ids=["answers", "quiet"])
async def test_inverter_on_a_serial_adapter_gets_limits_once_received(
    unacknowledged: None, answers: dict[str, bytes]
) -> None:
    """Before that it gets harmless frames only."""
    with plugged_in(answers) as adapter:
        port = PortConfig(SLCAN, adapter.device)
        config = GatewayConfig(
            name="Test",
            batteries=(battery("b1"),),
            inverters=(replace(inverter("i1"), port=port),),
        )
        gateway = Gateway(config)
        await gateway.start()
        try:
            async with Recorder("b1").opened() as pack:
                await _until_open(gateway)
                sending = asyncio.create_task(_send_telegrams(pack))
                await adapter.until(lambda: len(adapter.frames) >= 4)
                assert {line[:4] for line in adapter.frames} == {"t35E", "t356"}
                requesting = asyncio.create_task(_request(adapter))
                await adapter.until(
                    lambda: any(line[:4] == "t35C" for line in adapter.frames)
                )
                assert any(line[:4] == "t351" for line in adapter.frames)
                sending.cancel()
                requesting.cancel()
        finally:
            await gateway.stop()


async def _request(adapter: SerialAdapter) -> None:
    """Send 0x305 as an inverter does, which counts only for a few seconds."""
    while True:
        adapter.send(b"t3058" + 16 * b"0" + b"\r")
        await asyncio.sleep(0.5)


async def _send_telegrams(pack: Port) -> None:
    while True:
        for frame in telegram():
            pack.send(frame)
        await asyncio.sleep(0.2)


async def _until_open(gateway: Gateway) -> None:
    await until(
        lambda: all(
            state.status is PortStatus.OPEN for state in gateway.snapshot.ports.values()
        ),
        lambda: f"all are open: {gateway.snapshot.ports}",
    )


def _waiting(port: Port) -> bool:
    return bool(_bus(port)._received.qsize())


def _to_send(port: Port) -> bool:
    return bool(_bus(port)._to_send)


def _bus(port: Port) -> stream_module.StreamBus:
    assert port._reader
    assert isinstance(port._reader.bus, stream_module.StreamBus)
    return port._reader.bus


def _threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name[:4] == "CAN "]


async def _threads_end() -> None:
    for thread in _threads():
        await asyncio.to_thread(thread.join, PATIENCE)
    await asyncio.sleep(0)
    assert _threads() == []


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
