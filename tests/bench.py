"""A gateway in a real Home Assistant, with batteries and inverters on virtual buses."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from functools import partial
from struct import Struct
import time
from typing import Any, Final, Self
from unittest.mock import patch
from uuid import uuid4

import can
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)

from custom_components.bms_gateway.const import (
    DOMAIN,
    SUBENTRY_BATTERY,
    SUBENTRY_INVERTER,
)
from custom_components.bms_gateway.engine.config import Interface
from custom_components.bms_gateway.engine.gateway import Gateway
from custom_components.bms_gateway.engine.model import PortStatus, Snapshot
from custom_components.bms_gateway.runtime import BmsGatewayRuntime
from homeassistant.config_entries import ConfigEntryState, ConfigSubentryDataWithId
from homeassistant.const import MATCH_ALL
from homeassistant.core import Event, HomeAssistant, State, callback
from homeassistant.helpers import (
    device_registry as dr,
    entity_registry as er,
    issue_registry as ir,
)
from homeassistant.util import dt as dt_util

from .waiting import What, until

# Pylontech CAN protocol 1.2, little-endian
LIMITS: Final = Struct("<HhhH")
"""0x351: CVL 0.1 V, CCL 0.1 A, DCL 0.1 A, DVL 0.1 V."""
STATE: Final = Struct("<HH")
"""0x355: SOC 1 %, SOH 1 %."""
MEASURED: Final = Struct("<hhh")
"""0x356: voltage 0.01 V, current 0.1 A (charge positive), temperature 0.1 °C."""


def telegram(
    *,
    cvl: float = 56.0,
    ccl: float = 100.0,
    dcl: float = 100.0,
    soc: int = 50,
    voltage: float = 52.0,
    current: float = 0.0,
    protections: tuple[int, int] = (0, 0),
    enables: int = 0xC0,
    modules: int = 2,
    name: str = "PYLON",
) -> list[tuple[int, bytes]]:
    """Return the frames that a battery sends each second.

    `name`: batteries that send the same at the same times are one battery.
    `protections`: bytes 0 and 1 of 0x359, bit 1 of the first is over-voltage.
    `enables`: 0x35C, bit 7 charge, bit 6 discharge.
    """
    limits = LIMITS.pack(round(cvl * 10), round(ccl * 10), round(dcl * 10), 480)
    measured = MEASURED.pack(round(voltage * 100), round(current * 10), 215)
    return [
        (0x359, bytes((*protections, 0, 0, modules, 0x50, 0x4E))),
        (0x351, limits),
        (0x355, STATE.pack(soc, 99)),
        (0x356, measured),
        (0x35C, bytes((enables, 0))),
        (0x35E, name.encode().ljust(8)),
    ]


class Bench:
    """A gateway, the peers on its ports, and the time."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Prepare a gateway without devices."""
        self.hass = hass
        self.ahead = 0.0
        self.buses: dict[str, can.BusABC] = {}
        self.entry: MockConfigEntry
        self._subentries: list[ConfigSubentryDataWithId] = []
        self._news = asyncio.Event()
        self._undo = [hass.bus.async_listen(MATCH_ALL, self._on_event)]

    def battery(self, id: str, **data: Any) -> Self:
        """Add a battery of 100 Ah on a bus of its own."""
        self._subentries.append(self.subentry(SUBENTRY_BATTERY, id, **data))
        return self

    def inverter(self, id: str, **data: Any) -> Self:
        """Add an inverter for 50 A on a bus of its own."""
        self._subentries.append(self.subentry(SUBENTRY_INVERTER, id, **data))
        return self

    def subentry(
        self, kind: str, id: str, title: str | None = None, **data: Any
    ) -> ConfigSubentryDataWithId:
        """Return the data of a battery or inverter, and put a peer on its bus."""
        channel = f"{id}-{uuid4()}"
        self.buses[id] = can.Bus(
            interface="virtual", channel=channel, ignore_config=True
        )
        own = (
            {"capacity_ah": 100.0}
            if kind == SUBENTRY_BATTERY
            else {"rated_charge": 50.0, "rated_discharge": 50.0}
        )
        port = {"interface": "virtual", "channel": channel, "bitrate": 500_000}
        return ConfigSubentryDataWithId(
            data=port | own | data,
            subentry_id=id,
            subentry_type=kind,
            title=title or f"My {id}",
            unique_id=None,
        )

    async def start(
        self,
        options: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
        title: str = "Bank",
    ) -> Self:
        """Set the gateway up."""
        self.entry = MockConfigEntry(
            domain=DOMAIN,
            entry_id="gw",
            title=title,
            data=data or {},
            options=options or {},
            subentries_data=self._subentries,
        )
        self.entry.add_to_hass(self.hass)
        await self.setup()
        return self

    async def setup(self) -> None:
        """Set the gateway up, again if need be; its engine has this bench's clock."""
        with patch(
            "custom_components.bms_gateway.runtime.Gateway",
            partial(Gateway, clock=self.clock),
        ):
            assert await self.hass.config_entries.async_setup(self.entry.entry_id)
        await self.hass.async_block_till_done()
        self._undo.append(self.runtime.gateway.subscribe(self._on_news))
        # Frames sent on a virtual bus before the gateway has opened it are lost
        await self.opened(
            *(
                device.id
                for device in self.runtime.config.devices
                if device.port.interface is Interface.VIRTUAL
            )
        )

    async def opened(self, *ids: str) -> None:
        """Wait until ports are open."""
        await self.until(
            lambda: all(
                each in self.snapshot.ports
                and self.snapshot.ports[each].status is PortStatus.OPEN
                for each in ids
            )
        )

    async def stop(self) -> None:
        """Remove the gateway and its peers."""
        if self.entry.state is ConfigEntryState.LOADED:
            await self.hass.config_entries.async_unload(self.entry.entry_id)
        for undo in self._undo:
            undo()
        for bus in self.buses.values():
            bus.shutdown()

    @property
    def runtime(self) -> BmsGatewayRuntime:
        """The running gateway for Home Assistant."""
        runtime: BmsGatewayRuntime = self.entry.runtime_data
        return runtime

    @property
    def snapshot(self) -> Snapshot:
        """The engine's present snapshot."""
        return self.runtime.gateway.snapshot

    def clock(self) -> float:
        """Return the engine's time: real time plus what was skipped."""
        return time.monotonic() + self.ahead

    async def move(self, seconds: float) -> None:
        """Advance the time of the engine and of Home Assistant."""
        self.ahead += seconds
        await self.tick(seconds)

    async def tick(self, seconds: float) -> None:
        """Advance only timers: nothing that was received gets older."""
        async_fire_time_changed(
            self.hass, dt_util.utcnow() + timedelta(seconds=seconds)
        )
        await self.hass.async_block_till_done()

    def send(self, id: str, frames: Iterable[tuple[int, bytes]]) -> None:
        """Send from a battery or inverter."""
        for can_id, data in frames:
            self.buses[id].send(
                can.Message(arbitration_id=can_id, data=data, is_extended_id=False)
            )

    async def online(self, *ids: str, **reports: Any) -> None:
        """Have batteries send twice, so that they are accepted, and wait for that."""
        for _ in range(2):
            await self.send_telegrams(*ids, **reports)
        await self.until(
            lambda: all(self.snapshot.batteries[each].online for each in ids)
        )

    async def send_telegrams(self, *ids: str, **reports: Any) -> None:
        """Have each battery send one telegram, and wait until it is received."""
        batteries = self.snapshot.batteries
        before = {
            each: batteries[each].telegrams if each in batteries else 0 for each in ids
        }
        for each in ids:
            name = "PYLON" if each == "b1" else f"PYLON{each}"
            self.send(each, telegram(**{"name": name[:8]} | reports))
        await self.until(
            lambda: all(
                self.snapshot.batteries[each].telegrams > before[each] for each in ids
            )
        )

    def received(self, id: str) -> list[can.Message]:
        """Return what an inverter received since the last call."""
        found = []
        while (message := self.buses[id].recv(0)) is not None:
            found.append(message)
        return found

    async def receives(self, id: str, charge: float, discharge: float) -> None:
        """Wait until an inverter receives these limits (A) in a telegram of its own."""
        last: list[tuple[float, float]] = []

        def received_it() -> bool:
            for message in self.received(id):
                if message.arbitration_id == 0x351:
                    _, ccl, dcl, _ = LIMITS.unpack(message.data)
                    last.append((ccl / 10, dcl / 10))
            return bool(last) and last[-1] == (charge, discharge)

        wanted = f"{id} receives {charge} A and {discharge} A"
        await self._until(received_it, lambda: f"{wanted}, not {last}")

    def state(self, platform: str, unique_id: str) -> State:
        """Return the state of an entity."""
        entity_id = self.entity_id(platform, unique_id)
        state = self.hass.states.get(entity_id)
        assert state is not None, entity_id
        return state

    def entity_id(self, platform: str, unique_id: str) -> str:
        """Return the id of an entity."""
        registry = er.async_get(self.hass)
        found = registry.async_get_entity_id(platform, DOMAIN, unique_id)
        assert found is not None, unique_id
        return found

    def device_id(self, key: str) -> str:
        """Return Home Assistant's id of the gateway's, a battery's or inverter's device."""
        return dr.async_get_device_id_by_identifier(
            self.hass, (DOMAIN, key), config_entry_id="gw"
        )

    async def shows(self, platform: str, unique_id: str, value: str) -> State:
        """Wait until an entity shows a value."""
        await self._until(
            lambda: self.state(platform, unique_id).state == value,
            lambda: f"{value}, not {self.state(platform, unique_id)}",
        )
        return self.state(platform, unique_id)

    def issues(self) -> dict[str, str]:
        """Return the present repairs: ids and keys of texts."""
        return {
            issue.issue_id: issue.translation_key or ""
            for issue in ir.async_get(self.hass).issues.values()
            if issue.domain == DOMAIN
        }

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition, checked on every change and often in between."""
        await self._until(condition)

    async def _until(self, condition: Callable[[], bool], what: What = "") -> None:
        await until(condition, what, news=self._news)
        await self.hass.async_block_till_done()

    @callback
    def _on_event(self, _: Event) -> None:
        self._news.set()

    def _on_news(self, _: Snapshot) -> None:
        self._news.set()
