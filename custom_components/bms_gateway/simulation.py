"""Simulated hardware for an entry that was set up to try things out."""

from .engine.config import BatteryConfig, GatewayConfig, InverterConfig
from .engine.simulator import Simulator, simulator_for

type Devices = tuple[tuple[BatteryConfig, ...], tuple[InverterConfig, ...]]


class Simulation:
    """Plays the batteries and inverters that a gateway has on virtual ports."""

    def __init__(self) -> None:
        """Play nothing yet."""
        self._devices: Devices = ((), ())
        self._simulator: Simulator | None = None

    async def async_apply(self, config: GatewayConfig) -> None:
        """Play these batteries and inverters; begin anew if they are others."""
        devices = (config.batteries, config.inverters)
        if devices == self._devices:
            return
        await self.async_stop()
        self._devices = devices
        if config.batteries:
            self._simulator = simulator_for(config)
            await self._simulator.start()

    async def async_stop(self) -> None:
        """Fall silent and close the ports."""
        if self._simulator:
            await self._simulator.stop()
        self._simulator = None
        self._devices = ((), ())
