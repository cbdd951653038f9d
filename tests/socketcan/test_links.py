"""Finding, setting up and identifying the kernel's CAN links."""

import asyncio
from pathlib import Path

import pytest

from custom_components.bms_gateway.engine.can import port as port_module
from custom_components.bms_gateway.engine.can.backend import ready_link
from custom_components.bms_gateway.engine.can.bus import as_message
from custom_components.bms_gateway.engine.can.interface.discovery import (
    FoundLink,
    list_links,
)
from custom_components.bms_gateway.engine.can.interface.state import (
    PortError,
    read_link,
)
from custom_components.bms_gateway.engine.can.port import Port
from custom_components.bms_gateway.engine.can.slcan import codec
from custom_components.bms_gateway.engine.config import Interface, PortConfig
from custom_components.bms_gateway.engine.detection import scan as listening_module
from custom_components.bms_gateway.engine.detection.classify import Finding
from custom_components.bms_gateway.engine.detection.scan import listen
from custom_components.bms_gateway.engine.model import (
    BusState,
    Frame,
    PortFault,
    PortStatus,
)
from tests.connected import repeating
from tests.engine.ports import Recorder, probe
from tests.engine.telegrams import telegram
from tests.waiting import PATIENCE, until

from .adapter import plugged
from .conftest import GiveSerial, LinkFactory
from .rights import without_rights

pytestmark = pytest.mark.socketcan

SOCKETCAN = Interface.SOCKETCAN
NAME = Frame(0x35E, b"PYLON   ")


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try often to reopen a link."""
    monkeypatch.setattr(port_module, "FIRST_RETRY", 0.02)
    monkeypatch.setattr(port_module, "LONGEST_RETRY", 0.02)


def _found(name: str) -> FoundLink:
    (link,) = [link for link in list_links() if link.name == name]
    return link


def _queue_length(name: str) -> int:
    return int(Path(f"/sys/class/net/{name}/tx_queue_len").read_text())


def _port(name: str, *, serial: str | None = None, **options: bool) -> PortConfig:
    identity = f"usb:1d50:606f:{serial}" if serial else None
    return PortConfig(SOCKETCAN, name, identity=identity, **options)


def _recorder(config: PortConfig) -> Recorder:
    recorder = Recorder(config.channel, SOCKETCAN)
    recorder.port = Port(
        config,
        on_frame=recorder._on_frame,
        on_echo=recorder._on_echo,
        on_change=recorder._on_change,
    )
    return recorder


# The list


async def test_every_can_link_is_listed(can_link: LinkFactory) -> None:
    """With its state, and no other link."""
    virtual = can_link()
    with plugged(bitrate=250_000) as adapter, plugged(up=False) as other:
        found = {link.name: link for link in list_links()}
        assert "lo" not in found
        link = found[virtual.name]
        assert (link.is_up, link.is_virtual, link.bitrate) == (True, True, None)
        link = found[adapter.name]
        assert (link.is_up, link.is_virtual, link.bitrate) == (True, False, 250_000)
        assert link.state is BusState.ERROR_ACTIVE
        link = found[other.name]
        assert (link.is_up, link.bitrate, link.state) == (False, None, BusState.STOPPED)


# Setting up


async def test_link_that_is_down_is_set_up() -> None:
    """As the kernel reports bitrate, queue and state."""
    with plugged(up=False) as adapter:
        near = _recorder(_port(adapter.name, bring_up=True))
        async with adapter.taking(), near.opened() as port:
            link = _found(adapter.name)
            assert (link.is_up, link.bitrate) == (True, 500_000)
            assert link.state is BusState.ERROR_ACTIVE
            assert _queue_length(adapter.name) == 100
            assert port.send(NAME)
            await near.sees_echoes(1)
        assert adapter.received[:3] == ["C", "S6", "O"]


async def test_wrong_bitrate_is_corrected() -> None:
    """LAWICEL's S5 is 250 kbit/s, S6 is 500."""
    with plugged(bitrate=250_000) as adapter:
        near = _recorder(_port(adapter.name, bring_up=True))
        async with adapter.taking(), near.opened():
            assert read_link(adapter.name).bitrate == 500_000


async def test_right_link_is_not_touched() -> None:
    """Otherwise it would lose frames, also those of other programs."""
    with plugged(bitrate=500_000) as adapter:
        near = _recorder(_port(adapter.name, bring_up=True))
        async with adapter.taking(), near.opened() as port:
            assert port.send(NAME)
            await near.sees_echoes(1)
            await adapter.receives("t35E850594C4F4E202020")
            assert len(adapter.received) == 1


async def test_nothing_is_set_up_without_permission() -> None:
    """The user did not permit it."""
    with plugged(up=False) as adapter:
        assert await probe(_port(adapter.name)) is PortFault.LINK_DOWN
        assert not read_link(adapter.name).is_up


async def test_virtual_link_is_brought_up(can_link: LinkFactory) -> None:
    """It has no bitrate to set."""
    link = can_link()
    link.down()
    near = _recorder(_port(link.name, bring_up=True))
    async with near.opened():
        link.down()
        await near.until(lambda: len(near.changes) >= 4)
        await near.becomes(PortStatus.OPEN)
    assert (PortStatus.LOST, PortFault.LINK_DOWN) in near.statuses


async def test_missing_right_to_set_up_is_a_fault() -> None:
    """Nothing else happens."""
    with plugged(up=False) as adapter:
        config = _port(adapter.name, bring_up=True)
        error = await asyncio.to_thread(_open_without_rights, config)
        assert error.fault is PortFault.NO_PERMISSION
        assert not read_link(adapter.name).is_up


# Identity


async def test_swapped_links_lead_to_the_same_adapters(
    can_link: LinkFactory, serials: GiveSerial
) -> None:
    """After the order changed, each port has its own adapter's bus again."""
    one, two = can_link(), can_link()
    serials(one.name, "A")
    serials(two.name, "B")
    near = _recorder(_port(one.name, serial="A"))
    far = Recorder(one.name, SOCKETCAN)  # at the end, the other adapter's bus
    async with near.opened() as port:
        assert port.state.link == one.name
        one.down()
        await near.becomes(PortStatus.LOST, PortFault.LINK_DOWN)
        two.down()
        old, new = one.name, two.name
        one.rename(f"{old}y")
        two.rename(old)
        one.rename(new)
        serials(old, "B")
        serials(new, "A")
        one.up()
        two.up()
        await near.becomes(PortStatus.OPEN)
        assert port.state.link == new
        async with far.opened():
            assert port.send(NAME)
            await near.sees_echoes(1)
            far.port.drain()
    assert far.frames == []


async def test_adapter_plugged_in_later_under_another_name_is_opened(
    can_link: LinkFactory, serials: GiveSerial
) -> None:
    """It is opened; the link that has the old name is not."""
    stranger = can_link()
    serials(stranger.name, "X")
    near = _recorder(_port(stranger.name, serial="A"))
    async with near.running():
        await near.becomes(PortStatus.LOST, PortFault.NO_SUCH_CHANNEL)
        assert "usb:1d50:606f:A" in (near.port.state.detail or "")
        mine = can_link()
        serials(mine.name, "A")
        await near.becomes(PortStatus.OPEN)
        assert near.port.state.link == mine.name


async def test_adapter_is_found_under_the_new_name_of_its_link(
    can_link: LinkFactory, serials: GiveSerial
) -> None:
    """Under any name that a rule of udev gives it."""
    link = can_link()
    serials(link.name, "A")
    near = _recorder(_port(link.name, serial="A"))
    async with near.opened():
        old = link.name
        link.down()
        await near.becomes(PortStatus.LOST, PortFault.LINK_DOWN)
        link.rename(f"{old}x")
        serials(link.name, "A")
        serials(old, "gone")
        link.up()
        await near.becomes(PortStatus.OPEN)
        assert near.port.state.link == f"{old}x"


# Listening


async def test_link_is_scanned_without_acknowledging_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After the gateway brought it up: LAWICEL's L, then O."""
    monkeypatch.setattr(listening_module, "LISTEN_ONLY_TIME", 0.1)
    with plugged(up=False) as adapter:
        async with adapter.taking():
            result = await listen(_port(adapter.name, bring_up=True), seconds=0.2)
            await adapter.receives("O")
        assert result.finding is Finding.SILENCE
        assert read_link(adapter.name).is_up
    commands = [command for command in adapter.received if command in ("L", "O", "S6")]
    assert commands == ["S6", "L", "S6", "O"]
    assert [c for c in adapter.received if c[:1] == "t"] == []


async def test_closed_form_leaves_no_link_that_does_not_acknowledge(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It would look like a working link."""
    monkeypatch.setattr(listening_module, "LISTEN_ONLY_TIME", 3600)
    with plugged(up=False) as adapter:
        async with adapter.taking():
            config = _port(adapter.name, bring_up=True)
            listening = asyncio.create_task(listen(config, seconds=3600))
            await adapter.receives("L")
            listening.cancel()
            await asyncio.wait([listening])
            # The kernel answers no query while its driver waits for the adapter, which runs
            # in this loop: only when that has opened may the loop query the link
            await adapter.receives("O")
            await until(lambda: read_link(adapter.name).is_up)


async def test_fault_of_a_link_that_is_down_has_its_present_name(
    can_link: LinkFactory, serials: GiveSerial
) -> None:
    """A repair shows the command for it."""
    link = can_link()
    link.down()
    serials(link.name, "A")
    near = _recorder(_port("can-before", serial="A"))
    async with near.running():
        await near.becomes(PortStatus.LOST, PortFault.LINK_DOWN)
        assert near.port.state.link == link.name


async def test_errors_before_acknowledging_do_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A lone battery has no node that acknowledges, and causes only errors."""
    monkeypatch.setattr(listening_module, "LISTEN_ONLY_TIME", 3600)
    news: list[Finding] = []
    with plugged(up=False) as adapter:
        async with adapter.taking():
            config = _port(adapter.name, bring_up=True)
            listening = asyncio.create_task(
                listen(
                    config,
                    seconds=3600.1,
                    settle=0,
                    on_change=lambda result: news.append(result.finding),
                )
            )
            await until(lambda: _is_listened_to(adapter.name))
            adapter.send("e1a")
            for frame in telegram():  # which ends the scan without acknowledging
                adapter.send(codec.encode(as_message(frame)).decode().strip())
            await adapter.receives("O")
            result = await listening
    assert news[0] is Finding.ERRORS
    assert result.finding is Finding.SILENCE


async def test_battery_is_detected(can_link: LinkFactory) -> None:
    """Nothing is sent meanwhile."""
    link = can_link()
    far = Recorder(link.name, SOCKETCAN)
    async with far.opened() as port:

        def send() -> None:
            for frame in telegram():
                port.send(frame)

        async with repeating(send):
            result = await listen(_port(link.name), seconds=PATIENCE, settle=0)
    assert result.finding is Finding.BATTERY
    assert result.battery
    assert result.battery.name == "PYLON"
    assert far.frames == []


def _is_listened_to(name: str) -> bool:
    """Return whether a socket on a link receives frames, including error frames."""
    receivers = Path("/proc/net/can/rcvlist_err").read_text("ascii").splitlines()
    return any(line.split()[:1] == [name] for line in receivers)


def _open_without_rights(config: PortConfig) -> PortError:
    with without_rights(), pytest.raises(PortError) as raised:
        ready_link(config)
    return raised.value
