"""The subentry flow: adds a battery or inverter to a gateway, or changes one."""

from functools import partial

from homeassistant.config_entries import (
    ConfigSubentryData,
    ConfigSubentryFlow,
    SubentryFlowResult,
)

from ..config_entry import PORT_DATA, taken_ports
from ..const import CONF_SIMULATED
from .device import DeviceSteps
from .device_setup import DeviceSetup
from .forms.form import UserInput
from .new_gateway import simulated_port
from .nominal_voltage import other_batteries
from .ports.choice import PortChoice
from .ports.listen import RunningPort, running_port
from .texts import async_propose_name


class DeviceSubentryFlow(DeviceSteps[SubentryFlowResult], ConfigSubentryFlow):
    """Adds or changes a device of the running gateway; the others are undisturbed."""

    async def async_step_user(self, user_input: UserInput = None) -> SubentryFlowResult:
        """Add a device."""
        kind = self._subentry_type
        number = 1 + len(self._get_entry().get_subentries_of_type(kind))
        self.device = DeviceSetup(
            kind=kind,
            name=await async_propose_name(self.hass, kind, number),
            ports=PortChoice(
                self.hass,
                partial(taken_ports, self.hass),
                stored=simulated_port() if self._is_simulated else None,
            ),
            accept=self._async_add,
            other_batteries=other_batteries(self._get_entry()),
            simulated=self._is_simulated,
        )
        if self._is_simulated:
            return await self.async_ask_settings()
        return await self.async_step_port()

    async def async_step_reconfigure(
        self, user_input: UserInput = None
    ) -> SubentryFlowResult:
        """Change a device: its connection, or everything else."""
        subentry = self._get_reconfigure_subentry()
        ports = PortChoice(
            self.hass,
            partial(taken_ports, self.hass, but=subentry.subentry_id),
            stored={k: v for k, v in subentry.data.items() if k in PORT_DATA},
        )

        def running() -> RunningPort | None:
            return running_port(self._get_entry(), subentry, ports.names)

        self.device = DeviceSetup(
            kind=self._subentry_type,
            name=subentry.title,
            ports=ports,
            accept=self._async_change,
            changed=subentry,
            running_port=running,
            other_batteries=other_batteries(self._get_entry(), subentry.subentry_id),
            simulated=self._is_simulated,
        )
        if self._is_simulated:
            return await self.async_ask_settings()
        return self.async_show_menu(
            step_id="reconfigure", menu_options=[self.device.kind, "port"]
        )

    @property
    def _is_simulated(self) -> bool:
        return bool(self._get_entry().data.get(CONF_SIMULATED, False))

    async def _async_add(self, device: ConfigSubentryData) -> SubentryFlowResult:
        return self.async_create_entry(title=device["title"], data=device["data"])

    async def _async_change(self, device: ConfigSubentryData) -> SubentryFlowResult:
        return self.async_update_and_abort(
            self._get_entry(),
            self._get_reconfigure_subentry(),
            title=device["title"],
            data=device["data"],
        )
