"""Scan of ports, free ones and ports in use, over python-can's virtual buses."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial
import time

from can.interfaces import virtual
import pytest

from custom_components.bms_gateway.engine.can.slcan import adapter as slcan_adapter
from custom_components.bms_gateway.engine.config import Interface, PortConfig
from custom_components.bms_gateway.engine.detection.classify import Finding, ScanResult
from custom_components.bms_gateway.engine.detection.scan import (
    listen,
    listen_in,
    listen_on_others,
)
from custom_components.bms_gateway.engine.model import (
    Dialect,
    Frame,
    PortFault,
    PortReason,
)
from custom_components.bms_gateway.engine.topology.comparison import Comparison

from ...waiting import PATIENCE, until
from .. import waveshare
from ..plant import Plant
from ..ports import Recorder, content
from ..serial_adapter import QUIET, plugged_in
from ..telegrams import telegram

PORT = PortConfig(Interface.VIRTUAL, "a")


class News:
    """The results that a form received, in order."""

    def __init__(self) -> None:
        """Begin without results."""
        self.result: list[ScanResult] = []

    def __call__(self, result: ScanResult) -> None:
        """Take a result."""
        self.result.append(result)


async def test_a_battery_is_detected_and_nothing_is_sent() -> None:
    """The form gets more with each frame."""
    far, news = Recorder("a"), News()
    async with far.opened() as port:
        listening = asyncio.create_task(
            listen(PORT, seconds=3600, settle=0, on_change=news)
        )
        await _joined(2)
        for frame in telegram():
            port.send(frame)
        result = await listening
    assert far.frames == []
    assert result.finding is Finding.BATTERY
    assert result.battery
    assert (result.battery.name, result.battery.dialect) == ("PYLON", Dialect.PYLONTECH)
    assert (result.battery.soc, result.battery.voltage) == (50.0, 52.0)
    assert result.acknowledges is True
    assert news.result[-1] == result
    assert len(news.result) > 1
    assert all(a != b for a, b in zip(news.result, news.result[1:], strict=False))


async def test_a_scan_ends_when_the_sender_is_identified() -> None:
    """It does not take an hour if a second is enough."""
    far = Recorder("a")
    async with far.opened() as port, asyncio.timeout(PATIENCE):
        listening = asyncio.create_task(listen(PORT, seconds=3600, settle=0))
        await _joined(2)
        for frame in telegram():
            port.send(frame)
        result = await listening
    assert result.finding is Finding.BATTERY


async def test_a_scan_continues_until_the_comparison_is_clear() -> None:
    """One telegram that another port received, too, may be chance; the second is not."""
    far, comparison = Recorder("a"), Comparison()

    def send_telegram() -> None:
        now = time.monotonic()
        for frame in telegram():
            comparison.on_other_frame("b1", replace(frame, at=now))
            port.send(frame)

    async with far.opened() as port, asyncio.timeout(PATIENCE):
        listening = asyncio.create_task(
            listen(PORT, seconds=3600, settle=0, comparison=comparison)
        )
        await _joined(2)
        send_telegram()
        await until(lambda: comparison.is_open)
        assert not listening.done()
        send_telegram()
        await listening
    assert comparison.alike == {"b1"}


async def test_unused_ports_are_listened_to_during_a_scan() -> None:
    """One that cannot be opened is left out; all are closed at the end."""
    result: list[tuple[str, int]] = []
    ports = {"here": PORT, "gone": PortConfig(Interface.SLCAN, "/dev/none")}
    far = Recorder("a")
    async with far.opened() as port:
        async with listen_on_others(
            ports, lambda key, frame: result.append((key, frame.can_id))
        ):
            await _joined(2)
            port.send(Frame(0x351, bytes(8)))
            await until(lambda: bool(result))
        await _joined(1)
    assert result == [("here", 0x351)]
    assert far.frames == []


async def test_scan_without_frames_has_the_result_silence() -> None:
    """Also an answer."""
    result = await listen(PORT, seconds=0.05)
    assert result == ScanResult(acknowledges=True)
    assert result.finding is Finding.SILENCE


async def test_a_poll_is_sent_on_request() -> None:
    """One 0x305 of 8 zeros, and the answer."""
    far = Recorder("a")
    async with far.opened():
        await listen(PORT, seconds=0.2, poll=True)
        await far.receives(1)
    assert [content(frame) for frame in far.frames] == [(0x305, bytes(8))]


@pytest.mark.parametrize(
    ("port", "faults"),
    [
        (
            PortConfig(Interface.SOCKETCAN, "bms-none"),
            {PortFault.NO_SUCH_CHANNEL, PortFault.NOT_SUPPORTED},
        ),
        (
            PortConfig(Interface.SOCKETCAN, "bms-none", bring_up=True),
            {PortFault.NO_SUCH_CHANNEL, PortFault.NOT_SUPPORTED},
        ),
        (PortConfig(Interface.SLCAN, "/dev/none"), {PortFault.NO_SUCH_CHANNEL}),
    ],
    ids=["socketcan", "bring up", "slcan"],
)
async def test_a_port_that_cannot_be_opened_is_reported_at_once(
    socket_enabled: None, port: PortConfig, faults: set[PortFault]
) -> None:
    """Not after the time of a scan."""
    async with asyncio.timeout(PATIENCE):
        result = await listen(port, seconds=3600)
    assert result.finding is Finding.FAULT
    assert result.fault in faults
    assert result.detail


async def test_the_result_survives_the_loss_of_the_port(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Frames from before it are kept."""
    monkeypatch.setattr(slcan_adapter, "GREETING_TIME", 0.05)
    monkeypatch.setattr(slcan_adapter, "ANSWER_TIME", 0.05)
    news = News()
    with plugged_in(QUIET) as adapter:
        port = PortConfig(Interface.SLCAN, adapter.device)
        listening = asyncio.create_task(listen(port, seconds=3600, on_change=news))
        await adapter.until(lambda: "O" in adapter.commands)

        def is_received() -> bool:
            # Again and again: what comes while it is greeted is lost
            adapter.send(b"t3058" + 16 * b"0" + b"\r")
            return bool(news.result)

        await until(is_received, "a frame of the adapter is received")
        adapter.unplug()
        result = await listening
    assert result.inverter
    assert result.fault is PortFault.NO_SUCH_CHANNEL
    assert result.acknowledges is False


@pytest.mark.parametrize("soc", [7.0, 13.0, 50.0])
async def test_an_adapter_with_another_protocol_is_recognised(soc: float) -> None:
    """The same fault whatever the battery sends: 7 is a BEL, 13 a CR."""
    with plugged_in({}) as adapter:
        port = PortConfig(Interface.SLCAN, adapter.device)
        listening = asyncio.create_task(listen(port, seconds=3600))
        while not listening.done():
            adapter.send(waveshare.variable(telegram(soc=soc, current=1.3)))
            await asyncio.sleep(0.05)
        result = await listening
    assert (result.fault, result.reason) == (PortFault.FAILED, PortReason.NOT_LAWICEL)
    assert result.detail
    assert "Waveshare" in result.detail
    assert result.finding is Finding.FAULT


async def test_a_cancelled_scan_closes_the_port() -> None:
    """A form that is closed leaves nothing behind."""
    listening = asyncio.create_task(listen(PORT, seconds=3600))
    await _joined(1)
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    assert "a" not in virtual.channels


async def test_a_port_in_use_is_scanned_through_its_tap() -> None:
    """Through its gateway's own reader; its operation is not affected."""
    plant, news = Plant().started(), News()
    listening = asyncio.create_task(
        listen_in(partial(plant.gateway.tap, "b1"), seconds=0.2, on_change=news)
    )
    await asyncio.sleep(0)
    plant.run(2.0)
    result = await listening
    assert result.battery
    assert result.battery.name == "PYLON"
    assert result.acknowledges is None
    count = len(news.result)
    plant.run(2.0)
    assert len(news.result) == count
    assert plant.state().online


@pytest.mark.parametrize("turns", range(4))
async def test_frames_at_the_end_of_a_scan_are_harmless(turns: int) -> None:
    """They may come between the end and the listener's turn of a busy loop."""
    sending: list[asyncio.Task[None]] = []

    async def send_frames(on_frame: Callable[[Frame], None]) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        for frame in telegram():
            on_frame(frame)

    def tap(on_frame: Callable[[Frame], None]) -> Callable[[], None]:
        sending.append(asyncio.create_task(send_frames(on_frame)))
        return lambda: None

    await listen_in(tap, seconds=0, clock=lambda: 0.0)
    await sending[0]


async def test_frames_while_the_form_closes_are_harmless() -> None:
    """A port that is being closed may still be read."""
    taps: list[Callable[[Frame], None]] = []

    def tap(on_frame: Callable[[Frame], None]) -> Callable[[], None]:
        taps.append(on_frame)
        return lambda: None

    listening = asyncio.create_task(listen_in(tap, seconds=3600, clock=lambda: 0.0))
    await until(lambda: bool(taps))
    listening.cancel()
    await asyncio.wait([listening])
    for frame in telegram():
        taps[0](frame)


def test_a_tap_survives_the_replacement_of_a_port() -> None:
    """It ends when it is undone."""
    plant = Plant().started()
    frames: list[Frame] = []
    undo = plant.gateway.tap("b1", frames.append)
    plant.send_telegrams()
    plant.step()
    assert len(frames) == len(telegram())
    undo()
    plant.send_telegrams()
    plant.step()
    assert len(frames) == len(telegram())
    with pytest.raises(KeyError):
        plant.gateway.tap("none", frames.append)


def test_echoes_are_not_tapped() -> None:
    """Frames that the gateway sends are not received ones."""
    plant = Plant()
    frames: list[Frame] = []
    plant.gateway.tap("i1", frames.append)
    plant.started()
    assert plant.port().sent
    assert frames == []


async def _joined(members: int) -> None:
    """Wait until that many nodes are on the bus."""
    await until(lambda: len(virtual.channels.get("a", [])) == members)
