"""The config flow: sets up a gateway with its batteries and inverters in one go."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, override

from homeassistant.components.usb import (
    human_readable_device_name,
    usb_unique_id_from_service_info,
)
from homeassistant.config_entries import (
    ConfigEntry,
    ConfigFlow,
    ConfigFlowResult,
    ConfigSubentry,
    ConfigSubentryData,
    ConfigSubentryFlow,
    OptionsFlow,
)
from homeassistant.const import CONF_NAME
from homeassistant.core import callback
from homeassistant.helpers.service_info.usb import UsbServiceInfo

from .config_entry import (
    CONF_CHANNEL,
    PortKey,
    PortOwner,
    port_config,
    port_key,
    taken_ports,
)
from .const import CONF_SIMULATED, DOMAIN, SUBENTRY_BATTERY, SUBENTRY_INVERTER
from .engine.config import PortConfig
from .flows.connections import adapter_port, async_find_connections, async_identify
from .flows.device import DeviceSteps
from .flows.device_form import simulated_port
from .flows.import_daemon.steps import DaemonImport, NewGateway
from .flows.options import GatewayOptionsFlow
from .flows.port import UserInput, async_propose_name, async_texts
from .flows.schemas import (
    CONF_BACKUP,
    CONF_FILE,
    CONF_GATEWAY,
    GATEWAY_FORM,
    NAME_FORM,
    NEW,
    UPLOAD_FORM,
    WITH_GRID,
    gateway_choice,
)
from .flows.subentry import DeviceSubentryFlow

SIMULATED_DEVICES: Final[tuple[tuple[str, int, Mapping[str, float]], ...]] = (
    (SUBENTRY_BATTERY, 1, {"capacity_ah": 280.0}),
    (SUBENTRY_BATTERY, 2, {"capacity_ah": 100.0}),
    (SUBENTRY_INVERTER, 1, {"rated_charge": 100.0, "rated_discharge": 100.0}),
    (SUBENTRY_INVERTER, 2, {"rated_charge": 60.0, "rated_discharge": 60.0}),
)
"""Unequal on purpose: equal batteries would not show what a gateway does."""


class BmsGatewayConfigFlow(DeviceSteps[ConfigFlowResult], ConfigFlow, domain=DOMAIN):
    """Sets up a gateway, its batteries and its inverters as one entry.

    For a discovered adapter it can also add one device to an existing gateway.
    """

    may_change_kind = True
    _import: DaemonImport

    def __init__(self) -> None:
        """Start with no devices."""
        self._name = ""
        self._options: Mapping[str, Any] = {}
        self._devices: list[ConfigSubentryData] = []
        self._gateway: ConfigEntry | None = None

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
        self._proposed_port = adapter_port(discovery_info.device)
        found = await async_find_connections(self.hass, await async_texts(self.hass))
        adapter = await async_identify(self.hass, found, self._proposed_port)
        if adapter.owner(taken_ports(self.hass)):
            return self.async_abort(reason="already_configured")
        name = human_readable_device_name(
            discovery_info.device,
            discovery_info.serial_number,
            discovery_info.manufacturer,
            discovery_info.description,
            discovery_info.vid,
            discovery_info.pid,
        )
        self.context["title_placeholders"] = {"name": name}
        return await self.async_step_adapter()

    async def async_step_adapter(
        self, user_input: UserInput = None
    ) -> ConfigFlowResult:
        """Ask which gateway the adapter belongs to; if there is none, create one."""
        gateways = {
            entry.entry_id: entry.title
            for entry in self.hass.config_entries.async_entries(
                DOMAIN, include_ignore=False
            )
            if not entry.data.get(CONF_SIMULATED, False)
        }
        if user_input is None and gateways:
            texts = await async_texts(self.hass)
            form = gateway_choice({**gateways, NEW: texts["gateway_new"]})
            return self.async_show_form(step_id="adapter", data_schema=form.schema({}))
        chosen = (user_input or {}).get(CONF_GATEWAY, NEW)
        self._gateway = self.hass.config_entries.async_get_entry(chosen)
        if self._gateway is None:
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

    async def async_step_gateway(
        self, user_input: UserInput = None
    ) -> ConfigFlowResult:
        """Ask for the gateway's name and whether the inverters supply backup power."""
        values = GATEWAY_FORM.read(user_input)
        errors = GATEWAY_FORM.errors(values)
        if user_input is None:
            values[CONF_NAME] = await async_propose_name(self.hass, "gateway")
        elif not errors:
            self._name = values[CONF_NAME]
            self._options = {} if values[CONF_BACKUP] else WITH_GRID
            return await self.async_step_add_battery()
        return self.async_show_form(
            step_id="gateway",
            data_schema=GATEWAY_FORM.schema(values),
            errors=errors,
        )

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
        other = {
            SUBENTRY_BATTERY: SUBENTRY_INVERTER,
            SUBENTRY_INVERTER: SUBENTRY_BATTERY,
        }
        await self._async_set_kind(other[self.kind])
        if error := self.port_error():
            return await self.async_refuse(error)
        return await self.async_step_device()

    @override
    def may_leave_out(self) -> bool:
        return bool(self._devices)

    @override
    async def async_leave_out(self) -> ConfigFlowResult:
        self.forget_port()
        return await self.async_step_more()

    @override
    async def async_accept_device(self, device: ConfigSubentryData) -> ConfigFlowResult:
        """Collect the device, or add it to the gateway that was chosen."""
        self.forget_port()
        if self._gateway is None:
            self._devices.append(device)
            return await self.async_step_more()
        self.hass.config_entries.async_add_subentry(
            self._gateway,
            ConfigSubentry(
                data=MappingProxyType(device["data"]),
                subentry_type=device["subentry_type"],
                title=device["title"],
                unique_id=None,
            ),
        )
        return self.async_abort(
            reason="added",
            description_placeholders={
                "device": device["title"],
                "gateway": self._gateway.title,
            },
        )

    async def async_step_more(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Ask for another battery, another inverter, or to finish."""
        return self.async_show_menu(
            step_id="more",
            menu_options=["add_battery", "add_inverter", "finish"],
            description_placeholders={
                "devices": ", ".join(device["title"] for device in self._devices)
            },
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
            data_schema=UPLOAD_FORM.schema({}),
            errors={CONF_FILE: "invalid_file"} if problems else {},
            description_placeholders={"problems": problems},
        )

    async def async_step_import_review(
        self, user_input: UserInput = None
    ) -> ConfigFlowResult:
        """Show the imported gateway, and ask for settings the file does not have."""
        review = await self._import.async_review(user_input)
        if not isinstance(review, NewGateway):
            return self.async_show_form(step_id="import_review", **review)
        self._name, self._options = review.name, review.options
        self._devices = review.devices
        return await self.async_step_finish()

    async def async_step_finish(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Create the gateway unless another flow has taken one of its ports."""
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
        # A gateway is not an adapter: it stays when the adapter is used elsewhere
        await self.async_set_unique_id(None)
        return self._create(self._name, self._options, simulated=False)

    async def async_step_reconfigure(
        self, user_input: UserInput = None
    ) -> ConfigFlowResult:
        """Ask for a new name of the gateway."""
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

    @override
    def taken(self) -> Mapping[PortKey, PortOwner]:
        own = {
            port_key(device["data"]): PortOwner(self._name, device["title"])
            for device in self._devices
        }
        return taken_ports(self.hass) | own

    @override
    def unused_ports(self) -> Sequence[tuple[str, PortConfig]]:
        return [
            (device["title"], port_config(device["data"])) for device in self._devices
        ]

    async def _async_add(self, kind: str) -> ConfigFlowResult:
        await self._async_set_kind(kind)
        return await self.async_step_port()

    async def _async_set_kind(self, kind: str) -> None:
        kinds = [device["subentry_type"] for device in self._devices]
        if self._gateway:
            kinds = [each.subentry_type for each in self._gateway.subentries.values()]
        self.kind = kind
        self.device_name = await async_propose_name(
            self.hass, kind, 1 + kinds.count(kind)
        )

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
