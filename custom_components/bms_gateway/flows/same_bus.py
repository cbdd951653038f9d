"""Which batteries and inverters are on the bus of a port that is listened to."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from typing import NamedTuple

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant

from ..const import DOMAIN
from ..coordinator import BmsGatewayCoordinator
from ..engine.config import InverterConfig, PortConfig
from ..engine.detection.scan import listen_on_others
from ..engine.topology.comparison import Comparison


class Alike(NamedTuple):
    """The names of devices on whose ports the same came in the same moments."""

    heard: tuple[str, ...] = ()
    """It was heard there, too."""
    sent: tuple[str, ...] = ()
    """It was sent there by the gateway: these are inverters."""


class SameBus:
    """Compares a port with those of all gateways that run, and with some others."""

    def __init__(self, hass: HomeAssistant, but: str | None) -> None:
        """Leave out the device whose id is `but`: it is the one that is listened for."""
        self._hass = hass
        self._but = but
        self._heard: dict[str, str] = {}
        self._sent: dict[str, str] = {}
        self.comparison = Comparison()

    @property
    def alike(self) -> Alike:
        """What was found until now."""
        found = sorted(self.comparison.alike)
        return Alike(
            tuple(self._heard[key] for key in found if key in self._heard),
            tuple(self._sent[key] for key in found if key in self._sent),
        )

    @asynccontextmanager
    async def compared(
        self, ports: Sequence[tuple[str, PortConfig]]
    ) -> AsyncIterator[None]:
        """Hear the others meanwhile; `ports`, with their names, nobody has open yet."""
        self._heard |= {f"{n}": name for n, (name, _) in enumerate(ports)}
        unused = {f"{n}": config for n, (_, config) in enumerate(ports)}
        with ExitStack() as taps:
            for undo in self._tap():
                taps.callback(undo)
            async with listen_on_others(unused, self.comparison.on_other_frame):
                yield

    def _tap(self) -> Iterator[Callable[[], None]]:
        """Hear what comes and what is sent on the ports of all gateways that run."""
        for entry in self._hass.config_entries.async_entries(DOMAIN):
            if entry.state is not ConfigEntryState.LOADED:
                continue
            coordinator: BmsGatewayCoordinator = entry.runtime_data
            tap = coordinator.gateway.tap
            for device in coordinator.config.devices:
                if device.id == self._but:
                    continue
                key = f"{device.id} heard"
                self._heard[key] = device.name
                yield tap(device.id, partial(self.comparison.on_other_frame, key))
                if isinstance(device, InverterConfig):
                    key = f"{device.id} sent"
                    self._sent[key] = device.name
                    on_frame = partial(self.comparison.on_other_frame, key)
                    yield tap(device.id, on_frame, own=True)
