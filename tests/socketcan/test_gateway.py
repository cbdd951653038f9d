"""The engine's gateway on the kernel's CAN links, without Home Assistant."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
import subprocess
from typing import Final

import can
import pytest

from custom_components.bms_gateway.engine.config import (
    BatteryConfig,
    GatewayConfig,
    Interface,
    InverterConfig,
    PortConfig,
)
from custom_components.bms_gateway.engine.gateway import Gateway
from custom_components.bms_gateway.engine.model import PortFault, PortStatus, Snapshot
from custom_components.bms_gateway.engine.setpoints import AllSetpoints, Setpoints
from tests.engine.ports import other_node
from tests.waiting import until

from .adapter import plugged
from .conftest import Link, LinkFactory

pytestmark = pytest.mark.socketcan

PERIOD: Final = 0.1
"""Seconds between two telegrams of a battery."""

# Pylontech CAN protocol 1.2: one module; 56.0 V, 100.0 A, 100.0 A, 46.4 V; 80 %, 100 %;
# 52.00 V, 10.0 A, 20.4 degC; both enabled
TELEGRAM: Final = {
    0x359: "0000000001504E00",
    0x351: "3002E803E803D001",
    0x355: "5000640000000000",
    0x356: "50146400CC000000",
    0x35C: "C000000000000000",
    0x35E: "50594C4F4E000000",
}
ALLOWED: Final = 100.0
"""A that this battery allows; the inverter is rated for more."""

MISSING: Final = PortFault.NO_SUCH_CHANNEL

FLOOD: Final = 5000
"""Frames in a second: 500 kbit/s carry about 4000 of 8 bytes."""
SOCKET: Final = 280
"""Frames that a socket holds; further ones are lost."""


@pytest.fixture
def battery(can_link: LinkFactory) -> Link:
    """Create the battery's link."""
    return can_link()


@pytest.fixture
def inverter(can_link: LinkFactory) -> Link:
    """Create the inverter's link."""
    return can_link()


async def test_gateway_starts_before_its_links_exist() -> None:
    """They are created one after the other, long after the start."""
    battery, inverter = Link(), Link()
    async with _gateway(battery, inverter) as gateway:
        await _until(gateway, lambda now: _fault(now, "b") is MISSING)
        _make(battery)
        await _until(gateway, lambda now: _fault(now, "i") is MISSING)
        _make(inverter)
        async with _speaking(battery):
            await _until(gateway, lambda now: _sent_limit(now) == ALLOWED)
    battery.delete()
    inverter.delete()


async def test_battery_is_back_when_its_link_is_created_again(
    battery: Link, inverter: Link
) -> None:
    """It is lost with its link, and counts again once it is received."""
    async with _gateway(battery, inverter) as gateway:
        async with _speaking(battery):
            await _until(gateway, lambda now: _sent_limit(now) == ALLOWED)
        battery.delete()
        await _until(gateway, lambda now: _sent_limit(now) == 0)
        _make(battery)
        async with _speaking(battery):
            # At once within the bridged time, by the ramp after it
            await _until(gateway, lambda now: _sent_limit(now) > 0)


async def test_telegrams_are_sent_again_when_the_inverter_link_is_back(
    battery: Link, inverter: Link
) -> None:
    """As soon as the link exists."""
    async with _gateway(battery, inverter) as gateway, _speaking(battery):
        await _until(gateway, lambda now: _sent_limit(now) == ALLOWED)
        inverter.delete()
        await _until(gateway, lambda now: _fault(now, "i") is MISSING)
        _make(inverter)
        with other_node(inverter.name, Interface.SOCKETCAN) as listener:
            await _until(gateway, lambda now: now.ports["i"].status is PortStatus.OPEN)
            await _sends(gateway)
            assert _limits(listener) == {ALLOWED}


async def test_setpoint_takes_effect_on_a_flooded_bus(
    battery: Link, inverter: Link, tmp_path: Path
) -> None:
    """The bus is busier than a real one can be.

    The number of frames read of it depends on the machine. How a port and a gateway
    treat a bus that cannot be read to its end: engine/can/port/test_flood.py,
    engine/scenarios/test_flood.py.
    """
    log = tmp_path / "flood"
    log.write_text(_flood(), "ascii")
    async with _gateway(battery, inverter) as gateway, _speaking(battery):
        await _until(gateway, lambda now: _sent_limit(now) == ALLOWED)
        with _playing(battery, log):
            await _receive(gateway, 2 * SOCKET)
            gateway.set_setpoints(AllSetpoints(bank=Setpoints(charge_current=50.0)))
            await _until(gateway, lambda now: _sent_limit(now) == 50)
            await _receive(gateway, 2 * SOCKET)
            await _sends(gateway)
        assert gateway.snapshot.batteries["b"].losses == 0
        assert gateway.snapshot.inverters["i"].telegrams_dropped == 0
        assert gateway.snapshot.ports["b"].status is PortStatus.OPEN


async def test_invalid_frames_beside_a_battery_change_no_limit(
    battery: Link, inverter: Link
) -> None:
    """Frames that are not a battery's, or too short."""
    nothing = bytes.fromhex("3002000000000000")
    garbage = [
        can.Message(arbitration_id=0x351, data=nothing, is_extended_id=True),
        can.Message(
            arbitration_id=0x351, dlc=8, is_remote_frame=True, is_extended_id=False
        ),
        can.Message(arbitration_id=0x351, data=nothing, is_error_frame=True),
        *(
            can.Message(
                arbitration_id=can_id, data=nothing[:size], is_extended_id=False
            )
            for can_id in (0x123, 0x311, 0x351, 0x453)
            for size in range(3)
        ),
    ]
    async with _gateway(battery, inverter) as gateway, _speaking(battery):
        with (
            other_node(battery.name, Interface.SOCKETCAN) as peer,
            other_node(inverter.name, Interface.SOCKETCAN) as listener,
        ):
            for _ in range(10):
                for message in garbage:
                    peer.send(message)
                await _sends(gateway)
            assert _limits(listener) == {ALLOWED}


async def test_request_counts_only_on_the_inverters_link(
    battery: Link, inverter: Link
) -> None:
    """A 0x305 received on a battery's bus has no effect."""
    request = can.Message(
        arbitration_id=0x305, data=b"\x01\x02\x03\x04\x05\x1a", is_extended_id=False
    )
    async with _gateway(battery, inverter) as gateway:
        with other_node(battery.name, Interface.SOCKETCAN) as peer:
            await _until(gateway, lambda now: now.ports["b"].status is PortStatus.OPEN)
            peer.send(request)
            await _until(gateway, lambda now: now.ports["b"].received == 1)
        assert gateway.snapshot.batteries["b"].last_frame_at is None
        assert gateway.snapshot.inverters["i"].connected is None
        async with _speaking(battery):
            await _until(gateway, lambda now: _sent_limit(now) == ALLOWED)
        with other_node(inverter.name, Interface.SOCKETCAN) as peer:
            peer.send(request)
            await _until(gateway, lambda now: now.inverters["i"].connected is True)


async def test_frames_of_another_program_are_not_taken_for_an_echo(
    battery: Link,
) -> None:
    """A second socket sends the same name; the kernel accepts neither."""
    with plugged() as adapter:
        link = Link()
        link.name = adapter.name
        with other_node(link.name, Interface.SOCKETCAN) as other:
            async with _gateway(battery, link) as gateway, _speaking(battery):
                await _until(gateway, lambda now: now.inverters["i"].listening is False)
                name = bytes.fromhex(TELEGRAM[0x35E])
                for _ in range(3):
                    other.send(
                        can.Message(
                            arbitration_id=0x35E, data=name, is_extended_id=False
                        )
                    )
                telegrams = gateway.snapshot.batteries["b"].telegrams
                await _until(
                    gateway, lambda now: now.batteries["b"].telegrams > telegrams + 15
                )
                assert gateway.snapshot.inverters["i"].confirmed is None
                assert _limits(other) == set()


@asynccontextmanager
async def _gateway(battery: Link, inverter: Link) -> AsyncIterator[Gateway]:
    """Run a gateway of one battery and one inverter."""
    gateway = Gateway(
        GatewayConfig(
            name="Bank",
            batteries=(
                BatteryConfig(id="b", name="B", port=_port(battery), capacity_ah=100),
            ),
            inverters=(
                InverterConfig(
                    id="i",
                    name="I",
                    port=_port(inverter),
                    rated_charge=200,
                    rated_discharge=200,
                ),
            ),
        )
    )
    await gateway.start()
    try:
        yield gateway
    finally:
        await gateway.stop()


@asynccontextmanager
async def _speaking(link: Link) -> AsyncIterator[None]:
    """Send the battery's telegram repeatedly."""
    with other_node(link.name, Interface.SOCKETCAN) as node:
        telemetry = asyncio.create_task(_send_telegrams(node))
        try:
            yield
        finally:
            telemetry.cancel()
            await asyncio.gather(telemetry, return_exceptions=True)


async def _send_telegrams(node: can.BusABC) -> None:
    while True:
        for can_id, data in TELEGRAM.items():
            node.send(
                can.Message(
                    arbitration_id=can_id,
                    data=bytes.fromhex(data),
                    is_extended_id=False,
                )
            )
        await asyncio.sleep(PERIOD)


async def _until(gateway: Gateway, condition: Callable[[Snapshot], bool]) -> None:
    await until(
        lambda: condition(gateway.snapshot),
        lambda: f"{gateway.snapshot.ports} {gateway.snapshot.inverters}",
    )


async def _receive(gateway: Gateway, count: int) -> None:
    """Wait until that many more frames have come from the battery's bus."""
    before = gateway.snapshot.ports["b"].received
    await _until(gateway, lambda now: now.ports["b"].received >= before + count)


async def _sends(gateway: Gateway) -> None:
    """Wait until one more telegram was sent to the inverter."""
    before = gateway.snapshot.inverters["i"].telegrams_sent
    await _until(gateway, lambda now: now.inverters["i"].telegrams_sent > before)


def _make(link: Link) -> None:
    link.create()
    link.up()


@contextmanager
def _playing(link: Link, log: Path) -> Iterator[None]:
    """Send a capture again and again."""
    command = ("canplayer", "-I", str(log), "-l", "i", f"{link.name}=can1")
    with subprocess.Popen(command) as player:
        try:
            yield
        finally:
            player.kill()


def _port(link: Link) -> PortConfig:
    return PortConfig(Interface.SOCKETCAN, link.name)


def _fault(now: Snapshot, port: str) -> PortFault | None:
    return now.ports[port].fault


def _sent_limit(now: Snapshot) -> float:
    """Return the charge current limit (A) sent to the inverter; -1 for none."""
    confirmed = now.inverters["i"].confirmed
    return confirmed.charge_current_limit if confirmed else -1


def _limits(listener: can.BusABC) -> set[float]:
    """Return the charge current limits (A) that a listener received."""
    return {
        int.from_bytes(message.data[2:4], "little") / 10
        for message in _received(listener)
        if message.arbitration_id == 0x351
    }


def _received(listener: can.BusABC) -> Iterable[can.Message]:
    while (message := listener.recv(0)) is not None:
        yield message


def _flood() -> str:
    """Return the battery's telegram, over and over, as a capture."""
    frames = list(TELEGRAM.items())
    lines = []
    for number in range(FLOOD):
        can_id, data = frames[number % len(frames)]
        lines.append(f"({1 + number / FLOOD:.6f}) can1 {can_id:03X}#{data}\n")
    return "".join(lines)
