"""Listening to ports, free ones and such in use, over python-can's virtual buses."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial
import time

from can.interfaces import virtual
import pytest

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
    """What a form was told, as it came."""

    def __init__(self) -> None:
        """Begin without news."""
        self.heard: list[ScanResult] = []

    def __call__(self, heard: ScanResult) -> None:
        """Take news."""
        self.heard.append(heard)


async def test_battery_is_heard_and_nothing_is_sent() -> None:
    """The form learns more with each frame."""
    far, news = Recorder("a"), News()
    async with far.opened() as port:
        listening = asyncio.create_task(
            listen(PORT, seconds=3600, settle=0, on_change=news)
        )
        await _joined(2)
        for frame in telegram():
            port.send(frame)
        heard = await listening
    assert far.frames == []
    assert heard.finding is Finding.BATTERY
    assert heard.battery
    assert (heard.battery.name, heard.battery.dialect) == ("PYLON", Dialect.PYLONTECH)
    assert (heard.battery.soc, heard.battery.voltage) == (50.0, 52.0)
    assert heard.acknowledges is True
    assert news.heard[-1] == heard
    assert len(news.heard) > 1
    assert all(a != b for a, b in zip(news.heard, news.heard[1:], strict=False))


async def test_listening_ends_when_it_is_clear_who_talks() -> None:
    """Nobody waits an hour for what a second told."""
    far = Recorder("a")
    async with far.opened() as port, asyncio.timeout(PATIENCE):
        listening = asyncio.create_task(listen(PORT, seconds=3600, settle=0))
        await _joined(2)
        for frame in telegram():
            port.send(frame)
        heard = await listening
    assert heard.finding is Finding.BATTERY


async def test_listening_goes_on_until_it_is_clear_who_hears_the_same() -> None:
    """One telegram that another port has heard, too, may be chance; the second is not."""
    far, comparison = Recorder("a"), Comparison()

    def say() -> None:
        now = time.monotonic()
        for frame in telegram():
            comparison.on_other_frame("b1", replace(frame, at=now))
            port.send(frame)

    async with far.opened() as port, asyncio.timeout(PATIENCE):
        listening = asyncio.create_task(
            listen(PORT, seconds=3600, settle=0, comparison=comparison)
        )
        await _joined(2)
        say()
        await until(lambda: comparison.is_open)
        assert not listening.done()
        say()
        await listening
    assert comparison.alike == {"b1"}


async def test_ports_that_nobody_uses_are_listened_to_beside() -> None:
    """One that cannot be opened is left out; all are closed at the end."""
    heard: list[tuple[str, int]] = []
    ports = {"here": PORT, "gone": PortConfig(Interface.SLCAN, "/dev/none")}
    far = Recorder("a")
    async with far.opened() as port:
        async with listen_on_others(
            ports, lambda key, frame: heard.append((key, frame.can_id))
        ):
            await _joined(2)
            port.send(Frame(0x351, bytes(8)))
            await until(lambda: bool(heard))
        await _joined(1)
    assert heard == [("here", 0x351)]
    assert far.frames == []


async def test_silence() -> None:
    """Also an answer."""
    heard = await listen(PORT, seconds=0.05)
    assert heard == ScanResult(acknowledges=True)
    assert heard.finding is Finding.SILENCE


async def test_ask() -> None:
    """One 0x305 of 8 zeros, and what answers it."""
    far = Recorder("a")
    async with far.opened():
        await listen(PORT, seconds=0.2, ask=True)
        await far.hears(1)
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
        (PortConfig(Interface.SOCKETCAND, "x"), {PortFault.NO_SUCH_CHANNEL}),
    ],
    ids=["socketcan", "bring up", "slcan", "socketcand"],
)
async def test_port_that_cannot_be_opened(
    socket_enabled: None, port: PortConfig, faults: set[PortFault]
) -> None:
    """The form is told at once, not after the time to listen."""
    async with asyncio.timeout(PATIENCE):
        heard = await listen(port, seconds=3600)
    assert heard.finding is Finding.FAULT
    assert heard.fault in faults
    assert heard.detail


async def test_port_that_is_lost_meanwhile() -> None:
    """What was heard before is kept."""
    news = News()
    with plugged_in(QUIET) as adapter:
        port = PortConfig(Interface.SLCAN, adapter.device)
        listening = asyncio.create_task(listen(port, seconds=3600, on_change=news))
        await adapter.until(lambda: "O" in adapter.commands)

        def is_heard() -> bool:
            # Again and again: what comes while it is greeted is lost
            adapter.say(b"t3058" + 16 * b"0" + b"\r")
            return bool(news.heard)

        await until(is_heard, "a frame of the adapter's is heard")
        adapter.unplug()
        heard = await listening
    assert heard.inverter
    assert heard.fault is PortFault.NO_SUCH_CHANNEL
    assert heard.acknowledges is False


@pytest.mark.parametrize("soc", [7.0, 13.0, 50.0])
async def test_adapter_with_a_protocol_of_its_own(soc: float) -> None:
    """The same fault whatever the battery says: 7 is a BEL, 13 a CR."""
    with plugged_in({}) as adapter:
        port = PortConfig(Interface.SLCAN, adapter.device)
        listening = asyncio.create_task(listen(port, seconds=3600))
        while not listening.done():
            adapter.say(waveshare.variable(telegram(soc=soc, current=1.3)))
            await asyncio.sleep(0.05)
        heard = await listening
    assert (heard.fault, heard.reason) == (PortFault.FAILED, PortReason.NOT_LAWICEL)
    assert heard.detail
    assert "Waveshare" in heard.detail
    assert heard.finding is Finding.FAULT


async def test_cancelled_listening_closes_the_port() -> None:
    """A form that is closed leaves nothing behind."""
    listening = asyncio.create_task(listen(PORT, seconds=3600))
    await _joined(1)
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    assert "a" not in virtual.channels


async def test_port_in_use_is_overheard() -> None:
    """Through its gateway's own reader; its working is not touched."""
    plant, news = Plant().started(), News()
    listening = asyncio.create_task(
        listen_in(partial(plant.gateway.tap, "b1"), seconds=0.2, on_change=news)
    )
    await asyncio.sleep(0)
    plant.run(2.0)
    heard = await listening
    assert heard.battery
    assert heard.battery.name == "PYLON"
    assert heard.acknowledges is None
    count = len(news.heard)
    plant.run(2.0)
    assert len(news.heard) == count
    assert plant.state().online


@pytest.mark.parametrize("turns", range(4))
async def test_frames_in_the_moment_in_which_the_time_is_over(turns: int) -> None:
    """They may come between the end and the listener's turn of a loop that is busy."""
    speaking: list[asyncio.Task[None]] = []

    async def speak(on_frame: Callable[[Frame], None]) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        for frame in telegram():
            on_frame(frame)

    def tap(on_frame: Callable[[Frame], None]) -> Callable[[], None]:
        speaking.append(asyncio.create_task(speak(on_frame)))
        return lambda: None

    await listen_in(tap, seconds=0, clock=lambda: 0.0)
    await speaking[0]


async def test_frames_in_the_moment_in_which_the_form_is_closed() -> None:
    """They do no harm: a port that is being closed may still be read."""
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


def test_tap_stays_when_the_port_is_replaced() -> None:
    """And ends when it is told to."""
    plant = Plant().started()
    frames: list[Frame] = []
    undo = plant.gateway.tap("b1", frames.append)
    plant.speak()
    plant.step()
    assert len(frames) == len(telegram())
    undo()
    plant.speak()
    plant.step()
    assert len(frames) == len(telegram())
    with pytest.raises(KeyError):
        plant.gateway.tap("none", frames.append)


def test_echoes_are_not_tapped() -> None:
    """What the gateway sends itself is nothing heard."""
    plant = Plant()
    frames: list[Frame] = []
    plant.gateway.tap("i1", frames.append)
    plant.started()
    assert plant.port().sent
    assert frames == []


async def _joined(members: int) -> None:
    """Wait until there are so many on the bus."""
    await until(lambda: len(virtual.channels.get("a", [])) == members)
