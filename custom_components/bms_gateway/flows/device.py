"""The steps that set up one battery or inverter: its port, then all the rest."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, override

from homeassistant.config_entries import ConfigSubentryData
from homeassistant.const import CONF_NAME
from homeassistant.data_entry_flow import FlowResult

from ..const import SUBENTRY_BATTERY, SUBENTRY_INVERTER
from .device_form import DeviceForm
from .listen import ListenSteps
from .port import Typed, async_texts


class DeviceSteps[ResultT: FlowResult[Any, Any]](ListenSteps[ResultT]):
    """Leads from the port to `async_accept_device`."""

    stored: Mapping[str, Any] = MappingProxyType({})
    """What is stored of a device that is being changed."""
    _typed: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
    """What was typed last, by the kind: not to be lost with a port that is refused."""

    async def async_accept_device(self, device: ConfigSubentryData) -> ResultT:
        """Take a battery or inverter that is complete."""
        raise NotImplementedError

    @override
    async def async_step_battery(self, user_input: Typed = None) -> ResultT:
        """Ask for what is to be known of a battery."""
        return await self._async_step_device_form(SUBENTRY_BATTERY, user_input)

    @override
    async def async_step_inverter(self, user_input: Typed = None) -> ResultT:
        """Ask for what is to be known of an inverter."""
        return await self._async_step_device_form(SUBENTRY_INVERTER, user_input)

    async def async_propose_name(self, kind: str, number: int = 1) -> str:
        """Return a name in Home Assistant's language, such as "Battery 2"."""
        texts = await async_texts(self.hass)
        return texts[f"name_{kind}"].format(number=number)

    @override
    def forget_port(self) -> None:
        super().forget_port()
        self._typed = {}

    async def _async_step_device_form(self, kind: str, typed: Typed) -> ResultT:
        assert self.port is not None
        values = {**self.heard_values, **self.stored, CONF_NAME: self.device_name}
        form = DeviceForm(kind, self.port, self.stored, self._typed.get(kind) or values)
        is_complete = typed is not None and form.accept(typed)
        if typed is not None:
            self._typed = {kind: form.values}
        if not is_complete:
            return self.async_show_form(
                step_id=kind,
                description_placeholders={"scan_result": await self.async_told()},
                **form.shown,
            )
        # Another flow may have taken it in the meantime
        if error := self.port_error():
            return await self.async_refuse(error)
        return await self.async_accept_device(form.subentry)
