"""The CAN connections that this machine has: links and serial adapters, by name."""

from collections.abc import Mapping
from dataclasses import dataclass
import os
from typing import Any, Final

from homeassistant.components.usb import USBDevice, async_scan_serial_ports
from homeassistant.core import HomeAssistant

from .engine.config import Interface
from .engine.links import FoundLink, list_links
from .entry import CONF_CHANNEL, CONF_IDENTITY, CONF_INTERFACE, PortOwner

type Texts = Mapping[str, str]
"""Texts in Home Assistant's language, by the keys of `common` in the translations."""

SEPARATOR: Final = " · "


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A connection that was found, with what is told of it and what is stored."""

    label: str
    port: Mapping[str, Any]

    @property
    def key(self) -> str:
        """Return what tells it from the others in a list."""
        return f"{self.port[CONF_INTERFACE]}:{self.port[CONF_CHANNEL]}"

    def with_owner(self, owner: PortOwner, texts: Texts) -> str:
        """Return the label of a connection that is taken."""
        text = texts["connection_taken"]
        told = text.format(device=owner.device, gateway=owner.gateway)
        return SEPARATOR.join((self.label, told))


async def async_find_connections(hass: HomeAssistant, texts: Texts) -> list[Connection]:
    """Return all connections there are; no right is needed, nothing is opened."""
    links = await hass.async_add_executor_job(_links)
    adapters = await async_scan_serial_ports(hass)
    return [
        *(_of_link(link, texts) for link in links),
        *(_of_adapter(each) for each in adapters if isinstance(each, USBDevice)),
    ]


async def async_identify(hass: HomeAssistant, typed: Mapping[str, Any]) -> Any:
    """Return a port as it is found in the list, though it was entered by hand.

    What names the adapter that is there now follows it when it is renamed, and cannot
    be taken twice by two names.
    """
    match typed[CONF_INTERFACE]:
        case Interface.SOCKETCAN:
            found = [_port(each) for each in await hass.async_add_executor_job(_links)]
            same = [p for p in found if p[CONF_CHANNEL] == typed[CONF_CHANNEL]]
        case Interface.SLCAN:
            wanted = await hass.async_add_executor_job(_real, typed[CONF_CHANNEL])
            same = [
                dict(_of_adapter(each).port)
                for each in await async_scan_serial_ports(hass)
                if isinstance(each, USBDevice)
                and wanted in {each.device, each.resolved_device}
            ]
        case _:
            same = []
    return {**typed, **(same[0] if same else {})}


def adapter_port(device: str) -> dict[str, Any]:
    """Return what is stored of a serial adapter."""
    return {CONF_INTERFACE: Interface.SLCAN.value, CONF_CHANNEL: device}


def _links() -> list[FoundLink]:
    try:
        return list_links()
    except OSError:
        return []  # no CAN on this machine


def _real(path: str) -> str:
    return os.path.realpath(path)


def _of_link(link: FoundLink, texts: Texts) -> Connection:
    adapter = link.adapter
    told = [link.name, adapter.product or adapter.driver]
    told += [adapter.serial or adapter.place]
    if link.is_virtual:
        told += [texts["connection_virtual"]]
    if not link.is_up:
        told += [texts["connection_off"]]
    elif link.bitrate:
        told += [f"{link.bitrate / 1000:g} kbit/s"]
    return Connection(label=SEPARATOR.join(filter(None, told)), port=_port(link))


def _port(link: FoundLink) -> dict[str, Any]:
    port = {CONF_INTERFACE: Interface.SOCKETCAN.value, CONF_CHANNEL: link.name}
    return port | ({CONF_IDENTITY: link.identity} if link.identity else {})


def _of_adapter(adapter: USBDevice) -> Connection:
    told = (
        adapter.description or adapter.manufacturer,
        adapter.serial_number,
        adapter.resolved_device or adapter.device,
    )
    return Connection(
        label=SEPARATOR.join(filter(None, told)), port=adapter_port(adapter.device)
    )
