"""The config flow: sets up a gateway with its batteries and inverters in one go."""

from collections.abc import Mapping
from typing import Any, override

from homeassistant.components.usb import usb_unique_id_from_service_info
from homeassistant.config_entries import (
    ConfigEntry,
    ConfigFlow,
    ConfigFlowResult,
    ConfigSubentryData,
    ConfigSubentryFlow,
    OptionsFlow,
)
from homeassistant.const import CONF_NAME
from homeassistant.core import callback
from homeassistant.helpers.service_info.usb import UsbServiceInfo

from .config_entry import taken_ports
from .const import CONF_SIMULATED, DOMAIN, SUBENTRY_BATTERY, SUBENTRY_INVERTER
from .flows.device import DeviceSteps
from .flows.device_setup import OTHER_KIND, DeviceSetup
from .flows.forms.form import UserInput, read, show_form
from .flows.forms.schemas import (
    CONF_BACKUP,
    CONF_FILE,
    CONF_GATEWAY,
    GATEWAY_FORM,
    NAME_FORM,
    NEW,
    UPLOAD_FORM,
    WITH_GRID,
)
from .flows.import_daemon.steps import DaemonImport
from .flows.new_gateway import NewGateway, async_simulated_devices
from .flows.nominal_voltage import other_batteries
from .flows.options import GatewayOptionsFlow
from .flows.ports.adapter import (
    adapter_name,
    add_device,
    async_gateway_form,
    async_is_in_use,
)
from .flows.ports.choice import PortChoice
from .flows.ports.connections import adapter_port
from .flows.subentry import DeviceSubentryFlow
from .flows.texts import async_propose_gateway_name, async_propose_name


class BmsGatewayConfigFlow(DeviceSteps[ConfigFlowResult], ConfigFlow, domain=DOMAIN):
    """Sets up a gateway, its batteries and its inverters as one entry.

    For a discovered adapter it can also add one device to an existing gateway.
    """

    _import: DaemonImport

    def __init__(self) -> None:
        """Start with no devices."""
        self._new = NewGateway()
        self._existing: ConfigEntry | None = None
        """The gateway that gets one more device."""
        self._adapter: Mapping[str, Any] | None = None
        """The adapter that was plugged in: proposed for the first device."""

    @override
    @staticmethod
    @callback
    def async_get_options_flow(config_entry: ConfigEntry) -> OptionsFlow:
        """Return the flow that changes the gateway's options."""
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
    async def async_step_user(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Ask for real or simulated hardware, or for the daemon's configuration."""
        return self.async_show_menu(
            step_id="user", menu_options=["gateway", "import_daemon", "simulated"]
        )

    @override
    async def async_step_usb(self, discovery_info: UsbServiceInfo) -> ConfigFlowResult:
        """Handle a serial adapter that was plugged in."""
        await self.async_set_unique_id(usb_unique_id_from_service_info(discovery_info))
        self._abort_if_unique_id_configured()  # ignored by the user
        self._adapter = adapter_port(discovery_info.device)
        if await async_is_in_use(self.hass, discovery_info.device):
            return self.async_abort(reason="already_configured")
        self.context["title_placeholders"] = {"name": adapter_name(discovery_info)}
        return await self.async_step_adapter()

    async def async_step_adapter(
        self, user_input: UserInput = None
    ) -> ConfigFlowResult:
        """Ask which gateway the adapter belongs to; if there is none, create one."""
        form = await async_gateway_form(self.hass)
        if user_input is None and form:
            return show_form(self, "adapter", form, {})
        chosen = (user_input or {}).get(CONF_GATEWAY, NEW)
        self._existing = self.hass.config_entries.async_get_entry(chosen)
        if self._existing is None:
            return await self.async_step_gateway()
        return await self.async_step_adapter_kind()

    async def async_step_adapter_kind(
        self, user_input: UserInput = None
    ) -> ConfigFlowResult:
        """Ask what is connected to the adapter."""
        return self.async_show_menu(
            step_id="adapter_kind", menu_options=["add_battery", "add_inverter"]
        )

    async def async_step_simulated(
        self, user_input: UserInput = None
    ) -> ConfigFlowResult:
        """Ask for a name, then create the simulated hardware."""
        if user_input is None:
            proposed = {
                CONF_NAME: await async_propose_gateway_name(self.hass, "simulated")
            }
            return show_form(self, "simulated", NAME_FORM, proposed)
        values, errors = read(NAME_FORM, user_input)
        if errors:
            return show_form(self, "simulated", NAME_FORM, values, errors)
        self._new.name = values[CONF_NAME]
        self._new.devices = await async_simulated_devices(self.hass)
        return self._create(simulated=True)

    async def async_step_gateway(
        self, user_input: UserInput = None
    ) -> ConfigFlowResult:
        """Ask for the gateway's name and whether the inverters supply backup power."""
        if user_input is None:
            proposed = {
                CONF_NAME: await async_propose_gateway_name(self.hass, "gateway")
            }
            return show_form(self, "gateway", GATEWAY_FORM, proposed)
        values, errors = read(GATEWAY_FORM, user_input)
        if errors:
            return show_form(self, "gateway", GATEWAY_FORM, values, errors)
        self._new.name = values[CONF_NAME]
        self._new.options = {} if values[CONF_BACKUP] else WITH_GRID
        return await self.async_step_add_battery()

    async def async_step_add_battery(
        self, user_input: UserInput = None
    ) -> ConfigFlowResult:
        """Start with a battery."""
        return await self._async_add(SUBENTRY_BATTERY)

    async def async_step_add_inverter(
        self, user_input: UserInput = None
    ) -> ConfigFlowResult:
        """Start with an inverter."""
        return await self._async_add(SUBENTRY_INVERTER)

    async def async_step_detected_kind(
        self, user_input: UserInput = None
    ) -> ConfigFlowResult:
        """Continue with an inverter instead of a battery, or the reverse."""
        kind = OTHER_KIND[self.device.kind]
        self.device.become(kind, await self._async_device_name(kind))
        return await self.async_ask_settings()

    async def async_step_more(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Ask for another battery, another inverter, or to finish."""
        return self.async_show_menu(
            step_id="more",
            menu_options=["add_battery", "add_inverter", "finish"],
            description_placeholders={"devices": self._new.titles},
        )

    async def async_step_import_daemon(
        self, user_input: UserInput = None
    ) -> ConfigFlowResult:
        """Ask for the daemon's file until it can be imported."""
        problems = ""
        if user_input is not None:
            self._import = DaemonImport(self.hass)
            problems = await self._import.async_read(user_input[CONF_FILE])
            if not problems:
                return await self.async_step_import_review()
        return self.async_show_form(
            step_id="import_daemon",
            data_schema=UPLOAD_FORM,
            errors={CONF_FILE: "invalid_file"} if problems else {},
            description_placeholders={"problems": problems},
        )

    async def async_step_import_review(
        self, user_input: UserInput = None
    ) -> ConfigFlowResult:
        """Show the imported gateway, and ask for settings the file does not have."""
        review = await self._import.async_review(user_input)
        if not isinstance(review, NewGateway):
            return show_form(self, "import_review", **review)
        self._new = review
        return await self.async_step_finish()

    async def async_step_finish(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Create the gateway unless another flow has taken one of its ports."""
        if taken := self._new.port_taken(taken_ports(self.hass)):
            return self.async_abort(reason="port_taken", description_placeholders=taken)
        # A gateway is not an adapter: it stays when the adapter is used elsewhere
        await self.async_set_unique_id(None)
        return self._create(simulated=False)

    async def async_step_reconfigure(
        self, user_input: UserInput = None
    ) -> ConfigFlowResult:
        """Ask for a new name of the gateway."""
        entry = self._get_reconfigure_entry()
        if user_input is None:
            return show_form(self, "reconfigure", NAME_FORM, {CONF_NAME: entry.title})
        values, errors = read(NAME_FORM, user_input)
        if errors:
            return show_form(self, "reconfigure", NAME_FORM, values, errors)
        return self.async_update_and_abort(entry, title=values[CONF_NAME])

    async def _async_add(self, kind: str) -> ConfigFlowResult:
        is_first = not self._new.devices
        self.device = DeviceSetup(
            kind=kind,
            name=await self._async_device_name(kind),
            ports=PortChoice(
                self.hass,
                lambda: taken_ports(self.hass) | self._new.ports,
                proposed=self._adapter if is_first else None,
            ),
            accept=self._async_accept,
            skip=None if is_first else self.async_step_more,
            may_change_kind=True,
            unused_ports=self._new.unused_ports,
            other_batteries=other_batteries(self._existing)
            if self._existing
            else self._new.batteries,
        )
        return await self.async_step_port()

    async def _async_device_name(self, kind: str) -> str:
        kinds = self._new.kinds
        if self._existing:
            kinds = [each.subentry_type for each in self._existing.subentries.values()]
        return await async_propose_name(self.hass, kind, 1 + kinds.count(kind))

    async def _async_accept(self, device: ConfigSubentryData) -> ConfigFlowResult:
        """Collect the device, or add it to the gateway that was chosen."""
        if self._existing:
            added = add_device(self.hass, self._existing, device)
            return self.async_abort(reason="added", description_placeholders=added)
        self._new.devices.append(device)
        if (volts := self.device.detected_nominal) is not None:
            self._new.detected[device["title"]] = volts
        return await self.async_step_more()

    def _create(self, *, simulated: bool) -> ConfigFlowResult:
        return self.async_create_entry(
            title=self._new.name,
            data={CONF_SIMULATED: simulated},
            options=self._new.options,
            subentries=self._new.devices,
        )
