"""Switches: is charging allowed, is discharging, does a device take part at all."""

from dataclasses import dataclass, replace
from typing import Any, Final, override

from homeassistant.components.switch import SwitchEntity, SwitchEntityDescription
from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .const import SUBENTRY_INVERTER
from .coordinator import BmsGatewayConfigEntry, BmsGatewayCoordinator
from .engine.battery.out_of_service import OUT_OF_SERVICE_AMPS
from .engine.battery.timing.timeouts import LONGEST_TIMEOUT
from .engine.model import BatteryState
from .errors import action_error
from .setpoints.entity import SetpointEntity, SetpointFieldEntity
from .state_throttle import is_heard

# Stopping must never wait for another one
PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class AllowedDescription(SwitchEntityDescription):
    """A direction that can be forbidden: its field of `Setpoints`.

    Without an entity category: it is a control, as the numbers are.
    """


ALLOWED: Final = (
    AllowedDescription(key="charging_allowed"),
    AllowedDescription(key="discharging_allowed"),
)
# Who turns off all switches of a room does not mean to leave a battery out
IN_SERVICE: Final = SwitchEntityDescription(
    key="in_service", entity_category=EntityCategory.CONFIG
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: BmsGatewayConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the switches of the bank, of every battery and of every inverter."""
    coordinator = entry.runtime_data

    @callback
    def add(subentry: ConfigSubentry) -> None:
        key = subentry.subentry_id
        switches: list[SwitchEntity] = [InService(coordinator, key)]
        if subentry.subentry_type == SUBENTRY_INVERTER:
            switches += [Allowed(coordinator, row, key) for row in ALLOWED]
        async_add_entities(switches, config_subentry_id=key)

    async_add_entities(Allowed(coordinator, row) for row in ALLOWED)
    coordinator.devices.async_on_subentry(add)


class Allowed(SetpointFieldEntity, SwitchEntity):
    """Whether a direction is allowed, by the bank or by one inverter; off is 0 A."""

    entity_description: AllowedDescription

    @property
    @override
    def is_on(self) -> bool:
        """Return whether it is allowed."""
        return getattr(self._asked, self.entity_description.key) is True

    @property
    @override
    def _face(self) -> bool:
        return self.is_on

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        """Allow it, as far as everything else does."""
        await self._async_ask(**{self.entity_description.key: True})

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        """Forbid it."""
        await self._async_ask(**{self.entity_description.key: False})


class InService(SetpointEntity, SwitchEntity):
    """Whether a battery or inverter is reckoned with."""

    def __init__(self, coordinator: BmsGatewayCoordinator, device_id: str) -> None:
        """Show what is stored of a battery or inverter."""
        super().__init__(coordinator, device_id, IN_SERVICE)
        self._device_id = device_id

    @property
    @override
    def is_on(self) -> bool:
        """Return whether the user wants it to take part."""
        return (
            self._device_id
            not in self.coordinator.setpoint_manager.setpoints.out_of_service
        )

    @property
    @override
    def _face(self) -> bool:
        return self.is_on

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        """Reckon with it again."""
        await self._async_set(out=frozenset())

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        """Leave it out, unless it is a battery that carries current."""
        battery = self.coordinator.gateway.snapshot.batteries.get(self._device_id)
        if self.is_on and battery:
            _check_at_rest(battery, self._device_name, self.coordinator.gateway.now)
        await self._async_set(out=frozenset({self._device_id}))

    @property
    def _device_name(self) -> str:
        config = self.coordinator.config
        return next(e.name for e in config.devices if e.id == self._device_id)

    async def _async_set(self, out: frozenset[str]) -> None:
        by = await self._async_who()
        setpoint_manager = self.coordinator.setpoint_manager
        others = setpoint_manager.setpoints.out_of_service - {self._device_id}
        await setpoint_manager.async_take(
            replace(setpoint_manager.setpoints, out_of_service=others | out), by
        )


def _check_at_rest(battery: BatteryState, name: str, now: float) -> None:
    """Refuse to leave out a battery that is connected: it would be overloaded unseen.

    One whose current is unknown may carry any; one that is not heard may be
    disconnected, which is what the switch is for.
    """
    current = battery.readings.current
    if current is None and is_heard(battery):
        # Counted the wrong way round, it is not believed, but it flows
        current = battery.last.current
    if current is None and (is_heard(battery) or _spoke_lately(battery, now)):
        raise action_error("battery_current_unknown", name=name)
    # One that is lost for want of its limits may still tell what it carries
    if current is not None and abs(current) > OUT_OF_SERVICE_AMPS:
        raise action_error("battery_carries", name=name, amps=f"{abs(current):.1f}")


def _spoke_lately(battery: BatteryState, now: float) -> bool:
    """Return whether it has sent anything of late, lost or not."""
    return (
        battery.last_frame_at is not None
        and now < battery.last_frame_at + LONGEST_TIMEOUT
    )
