"""Sets up a gateway with its batteries and inverters, and changes them afterwards."""

from collections.abc import Mapping
from typing import Any, Final, override

from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    ConfigEntry,
    ConfigFlow,
    ConfigFlowResult,
    ConfigSubentryData,
    ConfigSubentryFlow,
    OptionsFlow,
    SubentryFlowResult,
)
from homeassistant.const import CONF_NAME
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.translation import async_get_translations

from .const import CONF_SIMULATED, DOMAIN, SUBENTRY_BATTERY, SUBENTRY_INVERTER
from .device_form import DeviceForm, simulated_port
from .entry import CONF_CHANNEL, PortKey, PortOwner, port_key, taken_ports
from .schemas import CONF_BACKUP, GATEWAY_FORM, NAME_FORM, OPTIONS_FORM

type Typed = dict[str, Any] | None
"""What was typed into a form; None while it is to be shown."""

WITH_GRID: Final = {"discharge_grace": 0.0}
"""Seconds; where the grid supplies the house, a stop of discharge hurts nobody."""

SIMULATED_DEVICES: Final[tuple[tuple[str, int, Mapping[str, float]], ...]] = (
    (SUBENTRY_BATTERY, 1, {"capacity_ah": 280.0}),
    (SUBENTRY_BATTERY, 2, {"capacity_ah": 100.0}),
    (SUBENTRY_INVERTER, 1, {"rated_charge": 100.0, "rated_discharge": 100.0}),
    (SUBENTRY_INVERTER, 2, {"rated_charge": 60.0, "rated_discharge": 60.0}),
)
"""Unequal on purpose: equal batteries would show nothing of what a gateway does."""


async def async_propose_name(hass: HomeAssistant, kind: str, number: int = 1) -> str:
    """Return a name in Home Assistant's language, such as "Battery 2"."""
    texts = await async_get_translations(
        hass, hass.config.language, "common", (DOMAIN,)
    )
    return texts[f"component.{DOMAIN}.common.name_{kind}"].format(number=number)


class BmsGatewayConfigFlow(ConfigFlow, domain=DOMAIN):
    """The first set-up: a gateway, its batteries, its inverters, one entry."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._name = ""
        self._options: Mapping[str, Any] = {}
        self._devices: list[ConfigSubentryData] = []

    @override
    @staticmethod
    @callback
    def async_get_options_flow(config_entry: ConfigEntry) -> OptionsFlow:
        """Return the flow that changes how the gateway works."""
        return GatewayOptionsFlow()

    @override
    @classmethod
    @callback
    def async_get_supported_subentry_types(
        cls, config_entry: ConfigEntry
    ) -> dict[str, type[ConfigSubentryFlow]]:
        """Return the flows that add and change batteries and inverters."""
        return {
            SUBENTRY_BATTERY: DeviceSubentryFlow,
            SUBENTRY_INVERTER: DeviceSubentryFlow,
        }

    @override
    async def async_step_user(self, user_input: Typed = None) -> ConfigFlowResult:
        """Ask: real or simulated hardware?"""
        return self.async_show_menu(
            step_id="user", menu_options=["gateway", "simulated"]
        )

    async def async_step_simulated(self, user_input: Typed = None) -> ConfigFlowResult:
        """Ask for a name; the simulated hardware is there at once."""
        values = NAME_FORM.read(user_input)
        errors = NAME_FORM.errors(values)
        if user_input is None:
            values[CONF_NAME] = await async_propose_name(self.hass, "simulated")
        elif not errors:
            return await self._async_create_simulated(values[CONF_NAME])
        return self.async_show_form(
            step_id="simulated",
            data_schema=NAME_FORM.schema(values),
            errors=errors,
        )

    async def async_step_gateway(self, user_input: Typed = None) -> ConfigFlowResult:
        """Ask for the gateway's name and for what a stop of discharge would do."""
        values = GATEWAY_FORM.read(user_input)
        errors = GATEWAY_FORM.errors(values)
        if user_input is None:
            values[CONF_NAME] = await async_propose_name(self.hass, "gateway")
        elif not errors:
            self._name = values[CONF_NAME]
            self._options = {} if values[CONF_BACKUP] else WITH_GRID
            return await self.async_step_battery()
        return self.async_show_form(
            step_id="gateway",
            data_schema=GATEWAY_FORM.schema(values),
            errors=errors,
        )

    async def async_step_battery(self, user_input: Typed = None) -> ConfigFlowResult:
        """Ask for a battery."""
        form = await self._async_device_form(SUBENTRY_BATTERY)
        if user_input is None or not await form.async_accept(user_input, self._taken):
            return self.async_show_form(step_id="battery", **form.shown)
        self._devices.append(form.subentry)
        return await self.async_step_batteries()

    async def async_step_batteries(self, user_input: Typed = None) -> ConfigFlowResult:
        """Ask: another battery, an inverter, or none?"""
        return self.async_show_menu(
            step_id="batteries",
            menu_options=["battery", "inverter", "finish"],
            description_placeholders=self._summary,
        )

    async def async_step_inverter(self, user_input: Typed = None) -> ConfigFlowResult:
        """Ask for an inverter."""
        form = await self._async_device_form(SUBENTRY_INVERTER)
        if user_input is None or not await form.async_accept(user_input, self._taken):
            return self.async_show_form(step_id="inverter", **form.shown)
        self._devices.append(form.subentry)
        return await self.async_step_inverters()

    async def async_step_inverters(self, user_input: Typed = None) -> ConfigFlowResult:
        """Ask: another inverter, or done?"""
        return self.async_show_menu(
            step_id="inverters",
            menu_options=["inverter", "finish"],
            description_placeholders=self._summary,
        )

    async def async_step_finish(self, user_input: Typed = None) -> ConfigFlowResult:
        """Create the gateway, unless another flow took one of its ports meanwhile."""
        taken = taken_ports(self.hass)
        for device in self._devices:
            if owner := taken.get(port_key(device["data"])):
                return self.async_abort(
                    reason="port_taken",
                    description_placeholders={
                        "channel": device["data"][CONF_CHANNEL],
                        "gateway": owner.gateway,
                        "device": owner.device,
                    },
                )
        return self._create(self._name, self._options, simulated=False)

    async def async_step_reconfigure(
        self, user_input: Typed = None
    ) -> ConfigFlowResult:
        """Ask for another name of the gateway."""
        entry = self._get_reconfigure_entry()
        values = NAME_FORM.read(user_input)
        errors = NAME_FORM.errors(values)
        if user_input is None:
            values[CONF_NAME] = entry.title
        elif not errors:
            return self.async_update_and_abort(entry, title=values[CONF_NAME])
        return self.async_show_form(
            step_id="reconfigure",
            data_schema=NAME_FORM.schema(values),
            errors=errors,
        )

    @property
    def _summary(self) -> dict[str, str]:
        return {"devices": ", ".join(device["title"] for device in self._devices)}

    async def _async_device_form(self, kind: str) -> DeviceForm:
        number = 1 + sum(device["subentry_type"] == kind for device in self._devices)
        name = await async_propose_name(self.hass, kind, number)
        return DeviceForm(kind, name)

    def _taken(self) -> dict[PortKey, PortOwner]:
        own = {
            port_key(device["data"]): PortOwner(self._name, device["title"])
            for device in self._devices
        }
        return taken_ports(self.hass) | own

    async def _async_create_simulated(self, name: str) -> ConfigFlowResult:
        for kind, number, data in SIMULATED_DEVICES:
            title = await async_propose_name(self.hass, kind, number)
            self._devices.append(
                ConfigSubentryData(
                    data={**simulated_port(), **data},
                    subentry_type=kind,
                    title=title,
                    unique_id=None,
                )
            )
        return self._create(name, {}, simulated=True)

    def _create(
        self, name: str, options: Mapping[str, Any], *, simulated: bool
    ) -> ConfigFlowResult:
        return self.async_create_entry(
            title=name,
            data={CONF_SIMULATED: simulated},
            options=options,
            subentries=self._devices,
        )


class DeviceSubentryFlow(ConfigSubentryFlow):
    """Adds or changes a battery or an inverter of a gateway that is there."""

    async def async_step_user(self, user_input: Typed = None) -> SubentryFlowResult:
        """Add one."""
        return await self.async_step_device(user_input)

    async def async_step_reconfigure(
        self, user_input: Typed = None
    ) -> SubentryFlowResult:
        """Change one."""
        return await self.async_step_device(user_input)

    async def async_step_device(self, user_input: Typed = None) -> SubentryFlowResult:
        """Ask for the battery or inverter; applied to the running gateway."""
        form = await self._async_form()
        if user_input is None or not await form.async_accept(user_input, self._taken):
            return self.async_show_form(step_id="device", **form.shown)
        title, data = form.subentry["title"], form.subentry["data"]
        if self.source == SOURCE_RECONFIGURE:
            subentry = self._get_reconfigure_subentry()
            return self.async_update_and_abort(
                self._get_entry(), subentry, title=title, data=data
            )
        return self.async_create_entry(title=title, data=data)

    async def _async_form(self) -> DeviceForm:
        entry, kind = self._get_entry(), self._subentry_type
        simulated = entry.data.get(CONF_SIMULATED, False)
        if self.source == SOURCE_RECONFIGURE:
            subentry = self._get_reconfigure_subentry()
            return DeviceForm(kind, subentry.title, subentry.data, simulated=simulated)
        number = 1 + len(entry.get_subentries_of_type(kind))
        name = await async_propose_name(self.hass, kind, number)
        return DeviceForm(kind, name, simulated=simulated)

    def _taken(self) -> dict[PortKey, PortOwner]:
        if self.source == SOURCE_RECONFIGURE:
            return taken_ports(self.hass, but=self._reconfigure_subentry_id)
        return taken_ports(self.hass)


class GatewayOptionsFlow(OptionsFlow):
    """Changes how a gateway works; applied while it runs."""

    async def async_step_init(self, user_input: Typed = None) -> ConfigFlowResult:
        """Ask for everything at once, rare things folded up."""
        stored = self.config_entry.options
        values = stored if user_input is None else OPTIONS_FORM.read(user_input)
        errors = OPTIONS_FORM.errors(values)
        if user_input is None or errors:
            return self.async_show_form(
                step_id="init",
                data_schema=OPTIONS_FORM.schema(values, errors),
                errors=errors,
            )
        return self.async_create_entry(data=OPTIONS_FORM.merge(stored, values))
