"""The steps that set up one battery or inverter: its port, then the form."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, override

from homeassistant.config_entries import ConfigSubentryData
from homeassistant.const import CONF_NAME
from homeassistant.data_entry_flow import FlowResult

from ..const import SUBENTRY_BATTERY, SUBENTRY_INVERTER
from .device_form import DeviceForm
from .listen import ListenSteps
from .port import UserInput


class DeviceSteps[ResultT: FlowResult[Any, Any]](ListenSteps[ResultT]):
    """Leads from the port to `async_accept_device`."""

    stored: Mapping[str, Any] = MappingProxyType({})
    """The stored data of a device that is being changed."""
    _last_input: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
    """The last input by kind: not to be lost when a port is rejected."""

    async def async_accept_device(self, device: ConfigSubentryData) -> ResultT:
        """Accept a complete battery or inverter."""
        raise NotImplementedError  # a new entry and a subentry store it differently

    @override
    async def async_step_battery(self, user_input: UserInput = None) -> ResultT:
        """Ask for the data of a battery."""
        return await self._async_step_device_form(SUBENTRY_BATTERY, user_input)

    @override
    async def async_step_inverter(self, user_input: UserInput = None) -> ResultT:
        """Ask for the data of an inverter."""
        return await self._async_step_device_form(SUBENTRY_INVERTER, user_input)

    @override
    def forget_port(self) -> None:
        super().forget_port()
        self._last_input = {}

    async def _async_step_device_form(
        self, kind: str, user_input: UserInput
    ) -> ResultT:
        assert self.port is not None
        values = {**self.detected_values, **self.stored, CONF_NAME: self.device_name}
        form = DeviceForm(
            kind, self.port, self.stored, self._last_input.get(kind) or values
        )
        is_complete = user_input is not None and form.accept(user_input)
        if user_input is not None:
            self._last_input = {kind: form.values}
        if not is_complete:
            return self.async_show_form(
                step_id=kind,
                description_placeholders={"scan_result": await self.async_scan_text()},
                **form.shown,
            )
        # Another flow may have taken it in the meantime
        if error := self.port_error():
            return await self.async_refuse(error)
        return await self.async_accept_device(form.subentry)
