"""Switches: charging allowed, discharging allowed, device in service."""

from dataclasses import dataclass, replace
from typing import Any, Final, override

from homeassistant.components.switch import SwitchEntity, SwitchEntityDescription
from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .const import SUBENTRY_INVERTER
from .engine.battery.out_of_service import OUT_OF_SERVICE_AMPS
from .engine.battery.timing.timeouts import LONGEST_TIMEOUT
from .engine.model import BatteryState
from .errors import action_error
from .runtime import BmsGatewayConfigEntry, BmsGatewayRuntime
from .setpoints.entity import SetpointEntity, SetpointFieldEntity
from .throttle.availability import is_received

# Stopping must never wait for another call
PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class AllowedDescription(SwitchEntityDescription):
    """A direction that can be blocked: its field of `Setpoints`.

    It has no entity category: it is a control, like the numbers.
    """


ALLOWED: Final = (
    AllowedDescription(key="charging_allowed"),
    AllowedDescription(key="discharging_allowed"),
)
# A configuration entity: turning off all switches of a room must not exclude a battery
IN_SERVICE: Final = SwitchEntityDescription(
    key="in_service", entity_category=EntityCategory.CONFIG
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: BmsGatewayConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the switches of the bank, of every battery and of every inverter."""
    runtime = entry.runtime_data

    @callback
    def add(subentry: ConfigSubentry) -> None:
        key = subentry.subentry_id
        switches: list[SwitchEntity] = [InService(runtime, key)]
        if subentry.subentry_type == SUBENTRY_INVERTER:
            switches += [Allowed(runtime, row, key) for row in ALLOWED]
        async_add_entities(switches, config_subentry_id=key)

    async_add_entities(Allowed(runtime, row) for row in ALLOWED)
    runtime.devices.async_on_subentry(add)


class Allowed(SetpointFieldEntity, SwitchEntity):
    """Whether the bank or one inverter may charge or discharge; off is 0 A."""

    entity_description: AllowedDescription

    @property
    @override
    def is_on(self) -> bool:
        """Return whether the direction is allowed."""
        return getattr(self._setpoints, self.entity_description.key) is True

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        """Allow the direction, as far as all other limits do."""
        await self._async_set_fields(**{self.entity_description.key: True})

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        """Block the direction."""
        await self._async_set_fields(**{self.entity_description.key: False})


class InService(SetpointEntity, SwitchEntity):
    """Whether a battery or inverter is part of the gateway."""

    def __init__(self, runtime: BmsGatewayRuntime, device_id: str) -> None:
        """Show the stored state of a battery or inverter."""
        super().__init__(runtime, device_id, IN_SERVICE)
        self._device_id = device_id

    @property
    @override
    def is_on(self) -> bool:
        """Return whether the user has it in service."""
        return (
            self._device_id
            not in self._runtime.setpoint_manager.setpoints.out_of_service
        )

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        """Put it back into service."""
        await self._async_set(out=frozenset())

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        """Take it out of service, unless it is a battery that carries current."""
        battery = self.coordinator.gateway.snapshot.batteries.get(self._device_id)
        if self.is_on and battery:
            _check_at_rest(battery, self._device_name, self.coordinator.gateway.now)
        await self._async_set(out=frozenset({self._device_id}))

    @property
    def _device_name(self) -> str:
        config = self.coordinator.config
        return next(e.name for e in config.devices if e.id == self._device_id)

    async def _async_set(self, out: frozenset[str]) -> None:
        by = await self._async_requester_name()
        setpoint_manager = self._runtime.setpoint_manager
        others = setpoint_manager.setpoints.out_of_service - {self._device_id}
        await setpoint_manager.async_set(
            replace(setpoint_manager.setpoints, out_of_service=others | out), by
        )


def _check_at_rest(battery: BatteryState, name: str, now: float) -> None:
    """Reject taking a connected battery out of service: it could be overloaded unseen.

    A battery whose current is unknown may carry any. One that is not received may be
    disconnected, which is the purpose of the switch.
    """
    current = battery.readings.current
    if current is None and is_received(battery):
        # A current of the wrong sign is not used, but it flows
        current = battery.last.current
    if current is None and (is_received(battery) or _sent_recently(battery, now)):
        raise action_error("battery_current_unknown", name=name)
    # A battery lost for lack of its limits may still report its current
    if current is not None and abs(current) > OUT_OF_SERVICE_AMPS:
        raise action_error("battery_carries", name=name, amps=f"{abs(current):.1f}")


def _sent_recently(battery: BatteryState, now: float) -> bool:
    """Return whether the battery has sent anything recently, lost or not."""
    return (
        battery.last_frame_at is not None
        and now < battery.last_frame_at + LONGEST_TIMEOUT
    )
