"""The CAN connections of this machine, links and serial adapters, with labels."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
import os
from typing import Any, Final

from homeassistant.components.usb import (
    SerialDevice,
    USBDevice,
    async_get_serial_port_consumers,
    async_get_usb_matchers_for_device,
    async_scan_serial_ports,
)
from homeassistant.core import HomeAssistant

from ...config_entry import (
    CONF_CHANNEL,
    CONF_IDENTITY,
    CONF_INTERFACE,
    PortKey,
    PortOwner,
    port_key,
)
from ...const import DOMAIN
from ...engine.can.interface.discovery import FoundLink, list_links
from ...engine.config import Interface
from ...engine.model import BusState
from ..texts import Texts

SEPARATOR: Final = " · "
_DISTURBED: Final = frozenset({BusState.ERROR_PASSIVE, BusState.BUS_OFF})
"""No device acknowledges, or the bitrate is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A connection of this machine, or one entered by hand."""

    label: str
    port: Mapping[str, Any]
    """Its stored data."""
    names: tuple[PortKey, ...]
    """All keys under which it may be stored: by its adapter, or by its present name."""
    is_can: bool = True
    """Whether it is known to be for CAN; other serial adapters look the same."""

    @property
    def key(self) -> str:
        """Return the key that identifies it in a list."""
        return f"{self.port[CONF_INTERFACE]}:{self.port[CONF_CHANNEL]}"

    def owner(self, taken: Mapping[PortKey, PortOwner]) -> PortOwner | None:
        """Return the owner of the port, by any of its names."""
        return next((taken[name] for name in self.names if name in taken), None)

    def list_label(self, taken: Mapping[PortKey, PortOwner], texts: Texts) -> str:
        """Return the label for a list, with the owner if it is taken."""
        owner = self.owner(taken)
        if owner is None:
            return self.label
        text = texts["connection_taken"]
        owned = text.format(device=owner.device, gateway=owner.gateway)
        return SEPARATOR.join((self.label, owned))


async def async_find_connections(hass: HomeAssistant, texts: Texts) -> list[Connection]:
    """Return all connections; needs no permission and opens nothing.

    Serial adapters that another integration uses are left out.
    """
    links = await hass.async_add_executor_job(_links)
    ports = await _async_serial_ports(hass)
    used = await async_get_serial_port_consumers(hass, ports)
    adapters = [
        port
        for port in ports
        if isinstance(port, USBDevice)
        and not any(by.active for by in used.get(port.device, ()))
    ]
    return [
        *(_of_link(link, texts) for link in links),
        *(_of_adapter(hass, adapter) for adapter in adapters),
    ]


async def async_identify(
    hass: HomeAssistant, found: Iterable[Connection], typed: Mapping[str, Any]
) -> Connection:
    """Return the connection entered by hand, or the one in the list that it is.

    Named by its adapter if that is there now, it is followed when it is renamed, and
    cannot be taken twice by two names.
    """
    port = {key: typed[key] for key in (CONF_INTERFACE, CONF_CHANNEL)}
    names = [port_key(port)]
    if port[CONF_INTERFACE] == Interface.SLCAN:
        path = await hass.async_add_executor_job(_real, port[CONF_CHANNEL])
        names.append((Interface.SLCAN, path))
    same = (each for each in found if not set(names).isdisjoint(each.names))
    entered = Connection(label=port[CONF_CHANNEL], port=port, names=tuple(names))
    return next(same, entered)


def adapter_port(device: str) -> dict[str, Any]:
    """Return the stored data of a serial adapter."""
    return {CONF_INTERFACE: Interface.SLCAN.value, CONF_CHANNEL: device}


def _links() -> list[FoundLink]:
    try:
        return list_links()
    except OSError:
        return []  # no CAN on this machine


async def _async_serial_ports(hass: HomeAssistant) -> Sequence[SerialDevice]:
    try:
        return await async_scan_serial_ports(hass)
    except OSError:
        return []  # no serial devices, or no way to list them


def _real(path: str) -> str:
    return os.path.realpath(path)


def _of_link(link: FoundLink, texts: Texts) -> Connection:
    adapter = link.adapter
    parts = [link.name, adapter.product, adapter.driver]
    parts += [adapter.serial or adapter.place]
    if link.is_virtual:
        parts += [texts["connection_virtual"]]
    if not link.is_up:
        parts += [texts["connection_off"]]
    elif link.bitrate:
        parts += [f"{link.bitrate / 1000:g} kbit/s"]
    if link.is_up and link.state in _DISTURBED:
        parts += [texts["connection_disturbed"]]
    port = {CONF_INTERFACE: Interface.SOCKETCAN.value, CONF_CHANNEL: link.name}
    return Connection(
        label=SEPARATOR.join(filter(None, parts)),
        port=port | ({CONF_IDENTITY: link.identity} if link.identity else {}),
        names=tuple(
            (Interface.SOCKETCAN, name) for name in (*adapter.identities, link.name)
        ),
    )


def _of_adapter(hass: HomeAssistant, adapter: USBDevice) -> Connection:
    parts = (
        adapter.description or adapter.manufacturer,
        adapter.serial_number,
        adapter.resolved_device or adapter.device,
    )
    matchers = async_get_usb_matchers_for_device(hass, adapter)
    paths = filter(None, (adapter.device, adapter.resolved_device))
    return Connection(
        label=SEPARATOR.join(filter(None, parts)),
        port=adapter_port(adapter.device),
        names=tuple((Interface.SLCAN, path) for path in paths),
        is_can=any(matcher["domain"] == DOMAIN for matcher in matchers),
    )
