"""The connections of a machine in the tests of flows, and their traffic."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import can
from can.interfaces import virtual
import pytest

from custom_components.bms_gateway.const import DOMAIN
from custom_components.bms_gateway.engine.can.interface.discovery import (
    Adapter,
    FoundLink,
)
from custom_components.bms_gateway.engine.model import Frame
from custom_components.bms_gateway.flows.ports import connections, listen as listen_flow
from homeassistant.components.usb import SerialDevice, USBDevice
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant

from .engine.ports import other_node

REQUEST: Final = Frame(0x305, bytes(8))
"""The request of an inverter."""


class Forms:
    """Forms with short scans, and the gateways they create."""

    def __init__(self, hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
        """Start with short scans."""
        self._hass = hass
        self._monkeypatch = monkeypatch
        self.listen(0.05)

    def listen(self, seconds: float, settle: float = 0.0) -> None:
        """Set the duration of scans, or `settle` once the result is clear."""
        self._monkeypatch.setattr(listen_flow, "LISTEN_TIME", seconds)
        self._monkeypatch.setattr(listen_flow, "SETTLE_TIME", settle)

    async def end(self) -> None:
        """Stop every gateway that was set up."""
        for entry in self._hass.config_entries.async_entries(DOMAIN):
            if entry.state is ConfigEntryState.LOADED:
                assert await self._hass.config_entries.async_unload(entry.entry_id)


class Machine(Forms):
    """Such forms, and the connections they find: none at first."""

    def __init__(self, hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
        """Find the connections of this machine again."""
        super().__init__(hass, monkeypatch)
        self.links: list[FoundLink] = []
        self.adapters: list[USBDevice | SerialDevice] = []
        monkeypatch.setattr(connections, "list_links", lambda: list(self.links))
        monkeypatch.setattr(connections, "async_scan_serial_ports", self._scan)

    async def _scan(self, _: HomeAssistant) -> list[USBDevice | SerialDevice]:
        return list(self.adapters)


def link(
    name: str,
    serial: str | None = None,
    *,
    adapter: Adapter | None = None,
    **known: Any,
) -> FoundLink:
    """Return a CAN link; with a serial it is that of a USB adapter."""
    place = "0000:00:14.0-usb-1"
    if serial:
        adapter = Adapter(
            driver="gs_usb",
            product="canable gs_usb",
            serial=serial,
            place=place,
            identities=(f"usb:1d50:606f:{serial}", f"path:{place}"),
        )
    adapter = adapter or Adapter()
    given: dict[str, Any] = {
        "is_up": True,
        "bitrate": 500_000,
        "state": None,
        "is_virtual": False,
        "adapter": adapter,
        "identity": next(iter(adapter.identities), None),
    }
    return FoundLink(name=name, **given | known)


def usb_device(device: str, **given: Any) -> USBDevice:
    """Return a serial adapter, by default one that is known to be for CAN."""
    known: dict[str, Any] = {
        "serial_number": "0042",
        "manufacturer": "Maker",
        "description": "CANable2",
        "vid": "16D0",
        "pid": "117E",
    }
    return USBDevice(device=device, **known | given)


def message(frame: Frame) -> can.Message:
    """Return a frame as python-can sends it."""
    return can.Message(
        arbitration_id=frame.can_id,
        data=frame.data,
        is_extended_id=frame.extended,
        is_error_frame=frame.error,
    )


@asynccontextmanager
async def sending(channel: str, *frames: Frame) -> AsyncIterator[None]:
    """Send frames on a virtual bus repeatedly while it is open."""

    def send() -> None:
        if members(channel) > 1:
            for frame in frames:
                node.send(message(frame))

    with other_node(channel) as node:
        async with repeating(send):
            yield


@asynccontextmanager
async def answering(channel: str, *frames: Frame) -> AsyncIterator[None]:
    """Send frames on a virtual bus in reply to requests."""

    def answer() -> None:
        while (received := node.recv(0)) is not None:
            if received.arbitration_id == REQUEST.can_id:
                for frame in frames:
                    node.send(message(frame))

    with other_node(channel) as node:
        async with repeating(answer):
            yield


@asynccontextmanager
async def repeating(act: Callable[[], None]) -> AsyncIterator[None]:
    """Do something repeatedly."""

    async def repeat() -> None:
        while True:
            act()
            await asyncio.sleep(0.01)

    repeats = asyncio.create_task(repeat())
    try:
        yield
    finally:
        repeats.cancel()
        await asyncio.wait([repeats])


def members(channel: str) -> int:
    """Return the number of members of a virtual bus."""
    return len(virtual.channels.get(channel, ()))
