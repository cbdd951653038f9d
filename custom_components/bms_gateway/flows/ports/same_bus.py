"""Finds batteries and inverters on the same bus as the port being scanned."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from typing import NamedTuple

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant

from ...const import DOMAIN
from ...engine.config import InverterConfig, PortConfig
from ...engine.detection.scan import listen_on_others
from ...engine.topology.comparison import Comparison
from ...runtime import BmsGatewayRuntime


class SameBusDevices(NamedTuple):
    """The names of devices on whose ports the same frames came at the same times."""

    received: tuple[str, ...] = ()
    """The same frames were received there."""
    sent: tuple[str, ...] = ()
    """The gateway sent them there: these are inverters."""


class SameBus:
    """Compares a port with those of all running gateways, and with some others."""

    def __init__(self, hass: HomeAssistant, but: str | None) -> None:
        """Leave out the device with the id `but`: the one being set up."""
        self._hass = hass
        self._but = but
        self._received: dict[str, str] = {}
        self._sent: dict[str, str] = {}
        self.comparison = Comparison()

    @property
    def alike(self) -> SameBusDevices:
        """The devices found so far."""
        found = sorted(self.comparison.alike)
        return SameBusDevices(
            tuple(self._received[key] for key in found if key in self._received),
            tuple(self._sent[key] for key in found if key in self._sent),
        )

    @asynccontextmanager
    async def compared(
        self, ports: Sequence[tuple[str, PortConfig]]
    ) -> AsyncIterator[None]:
        """Receive on the other ports meanwhile; `ports` with names are not open yet."""
        self._received |= {f"{n}": name for n, (name, _) in enumerate(ports)}
        unused = {f"{n}": config for n, (_, config) in enumerate(ports)}
        with ExitStack() as taps:
            for undo in self._tap():
                taps.callback(undo)
            async with listen_on_others(unused, self.comparison.on_other_frame):
                yield

    def _tap(self) -> Iterator[Callable[[], None]]:
        """Receive what is received and sent on the ports of all running gateways."""
        for entry in self._hass.config_entries.async_entries(DOMAIN):
            if entry.state is not ConfigEntryState.LOADED:
                continue
            runtime: BmsGatewayRuntime = entry.runtime_data
            tap = runtime.gateway.tap
            for device in runtime.config.devices:
                if device.id == self._but:
                    continue
                key = f"{device.id} received"
                self._received[key] = device.name
                yield tap(device.id, partial(self.comparison.on_other_frame, key))
                if isinstance(device, InverterConfig):
                    key = f"{device.id} sent"
                    self._sent[key] = device.name
                    on_frame = partial(self.comparison.on_other_frame, key)
                    yield tap(device.id, on_frame, own=True)
