"""The subentry flow: adds a battery or inverter to a gateway, or changes one."""

from collections.abc import Mapping
from functools import partial
from typing import override

from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    ConfigEntryState,
    ConfigSubentryData,
    ConfigSubentryFlow,
    SubentryFlowResult,
)

from ..config_entry import (
    PORT_DATA,
    PortKey,
    PortOwner,
    port_config,
    port_key,
    taken_ports,
)
from ..const import CONF_SIMULATED
from ..engine.detection.listener import Tap
from ..engine.gateway import Gateway
from ..engine.model import PortStatus
from ..runtime import BmsGatewayRuntime
from .device import DeviceSteps
from .device_form import simulated_port
from .port import UserInput, async_propose_name


class DeviceSubentryFlow(DeviceSteps[SubentryFlowResult], ConfigSubentryFlow):
    """Adds or changes a device of the running gateway; the others are undisturbed."""

    async def async_step_user(self, user_input: UserInput = None) -> SubentryFlowResult:
        """Add a device."""
        self.kind = self._subentry_type
        entry = self._get_entry()
        number = 1 + len(entry.get_subentries_of_type(self.kind))
        self.device_name = await async_propose_name(self.hass, self.kind, number)
        if entry.data.get(CONF_SIMULATED, False):
            self.port = simulated_port()
            return await self.async_step_device()
        return await self.async_step_port()

    async def async_step_reconfigure(
        self, user_input: UserInput = None
    ) -> SubentryFlowResult:
        """Change a device: its connection, or everything else."""
        subentry = self._get_reconfigure_subentry()
        self.kind, self.device_name = self._subentry_type, subentry.title
        self.stored = subentry.data
        self.port = {k: v for k, v in subentry.data.items() if k in PORT_DATA}
        if self._get_entry().data.get(CONF_SIMULATED, False):
            return await self.async_step_device()
        return self.async_show_menu(
            step_id="reconfigure", menu_options=[self.kind, "port"]
        )

    @override
    async def async_accept_device(
        self, device: ConfigSubentryData
    ) -> SubentryFlowResult:
        """Store the device."""
        title, data = device["title"], device["data"]
        if self.source == SOURCE_RECONFIGURE:
            subentry = self._get_reconfigure_subentry()
            return self.async_update_and_abort(
                self._get_entry(), subentry, title=title, data=data
            )
        return self.async_create_entry(title=title, data=data)

    @override
    def taken(self) -> Mapping[PortKey, PortOwner]:
        if self.source == SOURCE_RECONFIGURE:
            return taken_ports(self.hass, but=self._reconfigure_subentry_id)
        return taken_ports(self.hass)

    @override
    def tap(self) -> Tap | None:
        """Scan through the running reader if it has the port open."""
        if gateway := self._reader:
            return partial(gateway.tap, self._reconfigure_subentry_id)
        return None

    @override
    def own_id(self) -> str | None:
        return (
            self._reconfigure_subentry_id if self.source == SOURCE_RECONFIGURE else None
        )

    @override
    def may_listen(self) -> bool:
        """Return False for a port in use with another bitrate."""
        if self._reader is None or self.port is None:
            return True
        return port_config(self.port).bitrate == port_config(self.stored).bitrate

    @override
    def may_want_replugging(self) -> bool:
        """Return False for a port in use on which frames were received before."""
        if gateway := self._reader:
            port = gateway.snapshot.ports[self._reconfigure_subentry_id]
            if not port.is_silent:
                return False
        return super().may_want_replugging()

    @property
    def _reader(self) -> Gateway | None:
        """The running gateway if it has the chosen port open for this very device."""
        entry = self._get_entry()
        if (
            self.source != SOURCE_RECONFIGURE
            or entry.state is not ConfigEntryState.LOADED
            or port_key(self.stored) not in self.names
        ):
            return None
        runtime: BmsGatewayRuntime = entry.runtime_data
        gateway = runtime.gateway
        port = gateway.snapshot.ports.get(self._reconfigure_subentry_id)
        return gateway if port and port.status is PortStatus.OPEN else None
