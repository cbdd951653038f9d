"""Base of the setpoint entities, which show the stored setpoints."""

from dataclasses import replace
from typing import Any, override

from homeassistant.core import callback
from homeassistant.helpers.entity import EntityDescription

from ..engine.setpoints import Setpoints
from ..entity import BmsEntity
from ..runtime import BmsGatewayRuntime
from .requester import async_requester_name


class SetpointEntity(BmsEntity):
    """A control for the user: always available, never waiting for a port.

    Lowering a limit must never be impossible.
    """

    _written: object = None

    @property
    @override
    def available(self) -> bool:
        """Return True: a setpoint does not depend on the CAN bus."""
        return True

    @property
    def _displayed(self) -> object:
        """Return everything that the entity shows."""
        return self.state

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        if (displayed := self._displayed) != self._written:
            self._written = displayed
            self.async_write_ha_state()

    async def _async_requester_name(self) -> str:
        return await async_requester_name(self.hass, self._context)


class SetpointFieldEntity(SetpointEntity):
    """One field of the `Setpoints` of an inverter or, by default, the bank."""

    def __init__(
        self,
        runtime: BmsGatewayRuntime,
        description: EntityDescription,
        inverter_id: str | None = None,
    ) -> None:
        """Show the stored setpoint."""
        device_id = inverter_id or runtime.entry.entry_id
        super().__init__(runtime, device_id, description)
        self._inverter_id = inverter_id

    @property
    def _setpoints(self) -> Setpoints:
        """The setpoints of this device."""
        return self._runtime.setpoint_manager.setpoints.of(self._inverter_id)

    async def _async_set_fields(self, **values: Any) -> None:
        """Set new values of fields."""
        by = await self._async_requester_name()
        setpoints = self._runtime.setpoint_manager.setpoints
        await self._runtime.setpoint_manager.async_set(
            setpoints.with_setpoints(
                self._inverter_id, replace(self._setpoints, **values)
            ),
            by,
        )
