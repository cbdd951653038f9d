"""Simulated hardware for an entry that was set up for a trial."""

import asyncio

from .engine.config import BatteryConfig, GatewayConfig, InverterConfig
from .engine.simulator import Simulator, simulator_for

type Devices = tuple[tuple[BatteryConfig, ...], tuple[InverterConfig, ...]]


class Simulation:
    """Simulates the batteries and inverters of a gateway on virtual ports."""

    def __init__(self) -> None:
        """Simulate nothing yet."""
        self._devices: Devices = ((), ())
        self._simulator: Simulator | None = None
        # Two changes in a row must not each leave a simulator behind
        self._lock = asyncio.Lock()
        self._ended = False

    async def async_apply(self, config: GatewayConfig) -> None:
        """Simulate these batteries and inverters; restart if they have changed."""
        devices = (config.batteries, config.inverters)
        async with self._lock:
            if self._ended or devices == self._devices:
                return
            await self._stop()
            self._devices = devices
            if config.batteries:
                self._simulator = simulator_for(config)
                await self._simulator.start()

    async def async_end(self) -> None:
        """Stop sending for good and close the ports."""
        async with self._lock:
            self._ended = True
            await self._stop()

    async def _stop(self) -> None:
        if self._simulator:
            await self._simulator.stop()
        self._simulator = None
