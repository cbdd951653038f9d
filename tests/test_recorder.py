"""Database rows of a live gateway in an hour, by a third of one, with default settings."""

from collections import Counter
from datetime import timedelta
from functools import partial
from typing import Any, Final
from unittest.mock import patch

import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)
from sqlalchemy import select

from custom_components.bms_gateway.const import DOMAIN
from custom_components.bms_gateway.engine.gateway import Gateway
from custom_components.bms_gateway.engine.simulator import Simulator, simulator_for
from homeassistant.components.recorder.db_schema import Events, States, StatesMeta
from homeassistant.core import HomeAssistant
from homeassistant.helpers.recorder import get_instance, session_scope
from homeassistant.util import dt as dt_util

from .bench import Bench
from .engine.wires import MovedClock, Wires

MOST_ROWS: Final = 2000
"""In an hour, with two batteries and two inverters."""

SECONDS: Final = 1200
"""Measured: two of the days below."""
STEP: Final = 0.5
"""Seconds; each battery sends once or twice a second, so that nothing is missed."""
INTERVAL: Final = 30
"""Seconds, the update interval by default."""


class House:
    """A gateway on in-memory buses with a simulated house, an hour in some seconds."""

    def __init__(
        self, hass: HomeAssistant, bench: Bench, capacities: tuple[float, float]
    ) -> None:
        """Take a bench for its two batteries (Ah) and two inverters."""
        self.hass = hass
        self.clock = MovedClock()
        self.port_services = Wires()
        self.simulator: Simulator
        bench.battery("b1", capacity_ah=capacities[0])
        bench.battery("b2", capacity_ah=capacities[1])
        bench.inverter("i1", rated_charge=100.0, rated_discharge=100.0)
        bench.inverter("i2", rated_charge=60.0, rated_discharge=60.0)
        self.entry = bench.entry = MockConfigEntry(
            domain=DOMAIN,
            entry_id="gw",
            title="Bank",
            subentries_data=bench._subentries,
        )

    async def start(self) -> None:
        """Set the gateway up and let it settle."""
        gateway = partial(
            Gateway, clock=self.clock, wall=self.clock, port_factory=self.port_services
        )
        self.entry.add_to_hass(self.hass)
        with patch("custom_components.bms_gateway.runtime.Gateway", gateway):
            assert await self.hass.config_entries.async_setup("gw")
        await self.hass.async_block_till_done()
        config = self.entry.runtime_data.config
        ports = {device.id: device.port for device in config.devices}
        self.simulator = simulator_for(config, ports=ports, clock=self.clock)
        self.ids = {device.port.channel: device.id for device in config.devices}
        await self.run(300)

    async def run(self, seconds: int) -> None:
        """Advance the time: frames at their times, timers at theirs."""
        for elapsed in range(INTERVAL, seconds + 1, INTERVAL):
            for _ in range(round(INTERVAL / STEP)):
                self._step()
            # A timer that is set now ends in as many real seconds
            due = 61 if elapsed % 60 == 0 else 31
            async_fire_time_changed(
                self.hass, dt_util.utcnow() + timedelta(seconds=due)
            )
            await self.hass.async_block_till_done()

    def _step(self) -> None:
        self.clock.now += STEP
        gateway: Gateway = self.entry.runtime_data.gateway
        for sender, frame in self.simulator.step(self.clock.now):
            port = self.port_services.ports[self._channel(sender)]
            port.push(frame)
        for _ in range(3):
            gateway.step()
        for channel, port in self.port_services.ports.items():
            for frame in port.sent:
                self.simulator.on_frame(self.ids[channel], frame, self.clock.now)
            port.sent.clear()

    def _channel(self, id: str) -> str:
        return next(channel for channel, other in self.ids.items() if other == id)


def rows(hass: HomeAssistant) -> Counter[str]:
    """Return the number of database rows by their subject."""
    counted: Counter[str] = Counter()
    with session_scope(hass=hass, read_only=True) as session:
        states = select(StatesMeta.entity_id).join(
            States, States.metadata_id == StatesMeta.metadata_id
        )
        for (entity_id,) in session.execute(states):
            counted[entity_id or ""] += 1
        for _ in session.execute(select(Events.event_id)):
            counted["events"] += 1
    return counted


async def counted(hass: HomeAssistant) -> Counter[str]:
    """Return the number of rows once everything is written."""
    instance = get_instance(hass)
    await instance.async_block_till_done()
    return await instance.async_add_executor_job(rows, hass)


@pytest.fixture(autouse=True)
def load_this_integration(recorder_mock: Any, enable_custom_integrations: None) -> None:
    """Have a database before there is a Home Assistant."""


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("capacities", "most"),
    [
        # As in the simulation that users can try
        pytest.param((280.0, 100.0), MOST_ROWS, id="usual"),
        # Full and empty in turn within a third of an hour: limits and their reasons
        # change all the time, as in a real house they do for some minutes a day
        pytest.param((100.0, 50.0), 3600, id="at its limits"),
    ],
)
async def test_rows_of_live_data_are_few(
    hass: HomeAssistant,
    bench: Bench,
    capacities: tuple[float, float],
    most: int,
) -> None:
    """A lively house: its day is ten minutes long, with clouds and kettles.

    `most`: rows in an hour.
    """
    house = House(hass, bench, capacities)
    await house.start()
    before = await counted(hass)
    await house.run(SECONDS)
    written = await counted(hass) - before
    # Enough that the test would notice a gateway that stands still
    allowed = most * SECONDS / 3600
    assert allowed / 3 < written.total() < allowed, written.most_common()
