"""Scans a port for some seconds, through the gateway's own reader if that has it open."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
import time
from typing import Final

from homeassistant.config_entries import ConfigEntry, ConfigEntryState, ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.event import async_track_time_interval

from ...config_entry import PortKey, port_config, port_key
from ...engine.config import PortConfig
from ...engine.detection.classify import ScanResult
from ...engine.detection.listener import Tap
from ...engine.detection.scan import LISTEN_TIME, SETTLE_TIME, listen, listen_in
from ...engine.gateway import Gateway
from ...engine.model import PortState, PortStatus
from ...runtime import BmsGatewayRuntime
from .same_bus import SameBus, SameBusDevices

PROGRESS_INTERVAL: Final = timedelta(seconds=0.25)


@dataclass(frozen=True, slots=True)
class RunningPort:
    """A port in use: it is scanned through the running reader, and never polled."""

    gateway: Gateway
    device_id: str
    config: PortConfig
    state: PortState

    @property
    def tap(self) -> Tap:
        """Return how to scan it."""
        return partial(self.gateway.tap, self.device_id)


def running_port(
    entry: ConfigEntry, subentry: ConfigSubentry, names: Collection[PortKey]
) -> RunningPort | None:
    """Return the port with these names if its gateway has it open for this device."""
    if entry.state is not ConfigEntryState.LOADED:
        return None
    if port_key(subentry.data) not in names:
        return None
    runtime: BmsGatewayRuntime = entry.runtime_data
    gateway = runtime.gateway
    state = gateway.snapshot.ports.get(subentry.subentry_id)
    if state is None or state.status is not PortStatus.OPEN:
        return None
    return RunningPort(gateway, subentry.subentry_id, port_config(subentry.data), state)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanned:
    """What a scan found."""

    result: ScanResult
    same_bus: SameBusDevices
    """The devices with the same frames on another port."""


async def async_scan(
    hass: HomeAssistant,
    port: PortConfig,
    on_progress: Callable[[float], None],
    *,
    running: RunningPort | None,
    poll: bool,
    but: str | None,
    unused_ports: Sequence[tuple[str, PortConfig]],
) -> Scanned:
    """Scan a port; nothing is sent except 0x305 where it is to `poll`.

    `on_progress`: called with the part of the time that is over. `running`: the port if
    this device's gateway has it open. `but`: the id of the device that is changed.
    `unused_ports`: chosen ports that no gateway has open yet, with their names.
    """
    began = time.monotonic()

    def show_progress(_: datetime) -> None:
        on_progress(min((time.monotonic() - began) / LISTEN_TIME, 1.0))

    stop = async_track_time_interval(
        hass, show_progress, PROGRESS_INTERVAL, cancel_on_shutdown=True
    )
    others = SameBus(hass, but)
    try:
        async with others.compared(unused_ports):
            if running:
                result = await listen_in(
                    running.tap,
                    seconds=LISTEN_TIME,
                    settle=SETTLE_TIME,
                    comparison=others.comparison,
                )
            else:
                result = await listen(
                    port,
                    seconds=LISTEN_TIME,
                    settle=SETTLE_TIME,
                    poll=poll,
                    comparison=others.comparison,
                )
        # The frontend asks for progress once it shows this step: it would never learn
        # of a scan that ended before, such as one of a link that does not exist
        await asyncio.sleep(max(0.0, began + SETTLE_TIME - time.monotonic()))
    finally:
        stop()
    return Scanned(result=result, same_bus=others.alike)
