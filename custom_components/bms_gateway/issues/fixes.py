"""What repairs with a dialog do to a running gateway once the user has confirmed."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant

from ..config_entry import CONF_BRING_UP, CONF_MAKE, PORT_DATA, port_config
from ..const import POLLED
from ..engine.can.backend import ready_link
from ..engine.can.interface.state import PortError
from ..engine.model import PortFault
from ..engine.protocol import proposed
from ..runtime import BmsGatewayConfigEntry
from ..setpoints.requester import REPAIR

SET_UP_TIME: Final = 10.0
"""Seconds after which a link's driver that has not answered counts as hung."""

type Fix = Callable[
    [HomeAssistant, BmsGatewayConfigEntry, ConfigSubentry], Awaitable[None]
]
"""Fixes the problem of a battery or inverter, or raises `FixFailed`."""


class FixFailed(Exception):
    """A problem could not be fixed; nothing was changed."""

    def __init__(self, reason: str, detail: str) -> None:
        """Take the key of the text for the user, and the system's own words."""
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


async def async_take_out_of_service(
    hass: HomeAssistant, entry: BmsGatewayConfigEntry, device: ConfigSubentry
) -> None:
    """Take an inverter out of service that is no longer received."""
    manager = entry.runtime_data.setpoint_manager
    out = manager.setpoints.out_of_service | {device.subentry_id}
    await manager.async_set(replace(manager.setpoints, out_of_service=out), REPAIR)


async def async_poll(
    hass: HomeAssistant, entry: BmsGatewayConfigEntry, device: ConfigSubentry
) -> None:
    """Poll a battery that is not received, from now on."""
    _store(hass, entry, device, {**device.data, **POLLED})


async def async_use_seen_make(
    hass: HomeAssistant, entry: BmsGatewayConfigEntry, device: ConfigSubentry
) -> None:
    """Choose for an inverter the make that it was recognised as."""
    snapshot = entry.runtime_data.gateway.snapshot
    make = proposed(snapshot.inverters[device.subentry_id].seen_makes)
    if make is not None:
        _store(hass, entry, device, {**device.data, CONF_MAKE: make.value})


async def async_set_up_link(
    hass: HomeAssistant, entry: BmsGatewayConfigEntry, device: ConfigSubentry
) -> None:
    """Set up a CAN link, now and whenever it is down.

    It is tried before it is stored: only what is permitted here is useful.
    """
    data = {**device.data, CONF_BRING_UP: True}
    try:
        async with asyncio.timeout(SET_UP_TIME):
            await hass.async_add_executor_job(ready_link, port_config(data))
    except (PortError, TimeoutError) as error:
        problem = PortError.of(error)
        refused = problem.fault is PortFault.NO_PERMISSION
        reason = "refused" if refused else "failed"
        raise FixFailed(reason, str(problem) or "-") from error
    _store(hass, entry, device, data)


def swap_ports(
    hass: HomeAssistant,
    entry: BmsGatewayConfigEntry,
    device: ConfigSubentry,
    other: ConfigSubentry,
) -> None:
    """Swap the ports of a battery and an inverter."""
    changes = (
        (device, _with_port_of(device, other)),
        (other, _with_port_of(other, device)),
    )
    for each, data in changes:
        _store(hass, entry, each, data)


def _with_port_of(device: ConfigSubentry, other: ConfigSubentry) -> dict[str, Any]:
    """Return a device's data with the port of another one."""
    own = {key: value for key, value in device.data.items() if key not in PORT_DATA}
    return own | {key: other.data[key] for key in PORT_DATA if key in other.data}


def _store(
    hass: HomeAssistant,
    entry: BmsGatewayConfigEntry,
    device: ConfigSubentry,
    data: Mapping[str, Any],
) -> None:
    hass.config_entries.async_update_subentry(entry, device, data=data)
