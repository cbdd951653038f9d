"""Repairs with a dialog: setpoints, lost inverters, CAN links, swapped ports."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, override

from homeassistant.components.repairs import RepairsFlow, RepairsFlowResult
from homeassistant.config_entries import ConfigEntryState, ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
)

from .config_entry import CONF_BRING_UP, PORT_DATA, port_config
from .const import DOMAIN, POLLED
from .engine.can.backend import ready_link
from .engine.can.interface.state import PortError
from .engine.model import PortFault
from .engine.setpoints import NO_SETPOINTS, AllSetpoints
from .flows.forms import Field, Form
from .issues.registry import ATTR_DEVICE_ID, ATTR_ENTRY_ID, ATTR_KEY
from .runtime import BmsGatewayConfigEntry
from .setpoints.manager import SetpointManager
from .setpoints.requester import REPAIR

CONF_OTHER: Final = "other"
SET_UP_TIME: Final = 10.0
"""Seconds after which a link's driver that has not answered counts as hung."""


async def async_create_fix_flow(
    hass: HomeAssistant,
    issue_id: str,
    data: dict[str, str | int | float | None] | None,
) -> RepairsFlow:
    """Return the repair flow for a gateway or one of its devices."""
    issue_data = data or {}
    entry = hass.config_entries.async_get_known_entry(str(issue_data[ATTR_ENTRY_ID]))
    device_id = str(issue_data[ATTR_DEVICE_ID])
    match issue_data[ATTR_KEY]:
        case (
            "port_link_down" | "port_wrong_bitrate" | "port_bus_off" | "port_no_carrier"
        ):
            return SetUpRepair(entry, device_id)
        case "battery_on_inverter_port" | "inverter_on_battery_port":
            return SwapPortsRepair(entry, device_id)
        case (
            "inverter_no_requests"
            | "inverter_not_responding"
            | "inverter_not_responding_replug"
        ):
            return OutOfServiceRepair(entry, device_id)
        case "battery_not_polled" | "battery_not_polled_replug":
            return PollRepair(entry, device_id)
        case _:
            return SetpointsRepair(entry)


class SetpointsRepair(RepairsFlow):
    """Asks the user for the setpoints to use in place of unreadable ones."""

    def __init__(self, entry: BmsGatewayConfigEntry) -> None:
        """Repair the setpoints of one gateway."""
        self._entry = entry

    async def async_step_init(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Show the choices."""
        return self.async_show_menu(
            menu_options=["keep", "clear"],
            description_placeholders={"name": self._entry.title},
        )

    async def async_step_keep(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Keep what the numbers show now: 0 A, and anything lowered since."""
        return await self._async_confirm()

    async def async_step_clear(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Remove all limits: only the batteries decide."""
        return await self._async_confirm(bank=NO_SETPOINTS, inverters={})

    async def _async_confirm(self, **changes: Any) -> RepairsFlowResult:
        if (setpoint_manager := _setpoint_manager(self._entry)) is None:
            return self.async_abort(reason="not_loaded")
        await setpoint_manager.async_confirm(
            replace(setpoint_manager.setpoints, **changes), REPAIR
        )
        return self.async_create_entry(data={})


class DeviceRepair(RepairsFlow):
    """Fixes a problem of a battery or inverter after confirmation."""

    def __init__(self, entry: BmsGatewayConfigEntry, device_id: str) -> None:
        """Repair one device of a gateway."""
        self._entry = entry
        self._device_id = device_id
        self._placeholders: dict[str, str] = {}

    @property
    def _device(self) -> ConfigSubentry:
        return self._entry.subentries[self._device_id]

    @property
    def _form(self) -> Form:
        """The form to fill in."""
        return Form(fields=(), defaults={})

    async def async_step_init(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Start with the text of the repair."""
        issue = ir.async_get(self.hass).async_get_issue(DOMAIN, self.issue_id)
        if issue and issue.translation_placeholders:
            self._placeholders = issue.translation_placeholders
        return await self.async_step_confirm()

    async def async_step_confirm(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Ask for confirmation, then fix the problem."""
        if (setpoint_manager := _setpoint_manager(self._entry)) is None:
            return self.async_abort(reason="not_loaded")
        if user_input is not None:
            return await self._async_fix(setpoint_manager, user_input)
        return self.async_show_form(
            step_id="confirm",
            data_schema=self._form.schema({}),
            description_placeholders=self._placeholders,
        )

    async def _async_fix(
        self, setpoint_manager: SetpointManager, answers: Mapping[str, str]
    ) -> RepairsFlowResult:
        raise NotImplementedError  # each kind of repair has its own fix


class OutOfServiceRepair(DeviceRepair):
    """Offers to take an inverter out of service that is no longer received."""

    @override
    async def _async_fix(
        self, setpoint_manager: SetpointManager, answers: Mapping[str, str]
    ) -> RepairsFlowResult:
        await setpoint_manager.async_set(
            _without(setpoint_manager.setpoints, self._device_id), REPAIR
        )
        return self.async_create_entry(data={})


class PollRepair(DeviceRepair):
    """Offers to poll a battery that is not received, from now on."""

    @override
    async def _async_fix(
        self, setpoint_manager: SetpointManager, answers: Mapping[str, str]
    ) -> RepairsFlowResult:
        data = {**self._device.data, **POLLED}
        self.hass.config_entries.async_update_subentry(
            self._entry, self._device, data=data
        )
        return self.async_create_entry(data={})


class SetUpRepair(DeviceRepair):
    """Offers to set up a CAN link, now and whenever it is down."""

    @override
    async def _async_fix(
        self, setpoint_manager: SetpointManager, answers: Mapping[str, str]
    ) -> RepairsFlowResult:
        """Try it before storing it: only what is permitted here is useful."""
        data = {**self._device.data, CONF_BRING_UP: True}
        try:
            async with asyncio.timeout(SET_UP_TIME):
                await self.hass.async_add_executor_job(ready_link, port_config(data))
        except (PortError, TimeoutError) as error:
            problem = PortError.of(error)
            refused = problem.fault is PortFault.NO_PERMISSION
            return self.async_abort(
                reason="refused" if refused else "failed",
                description_placeholders=self._placeholders
                | {"detail": str(problem) or "-"},
            )
        self.hass.config_entries.async_update_subentry(
            self._entry, self._device, data=data
        )
        return self.async_create_entry(data={})


class SwapPortsRepair(DeviceRepair):
    """Offers to swap the ports of a battery and an inverter."""

    @override
    async def async_step_confirm(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Ask which device to swap with, if there is one."""
        if not self._others:
            return self.async_abort(
                reason="no_counterpart", description_placeholders=self._placeholders
            )
        return await super().async_step_confirm(user_input)

    @property
    def _others(self) -> list[ConfigSubentry]:
        return [
            each
            for each in self._entry.subentries.values()
            if each.subentry_type != self._device.subentry_type
        ]

    @override
    @property
    def _form(self) -> Form:
        """Ask which device to swap with; propose the first with the wrong traffic."""
        snapshot = self._entry.runtime_data.gateway.snapshot
        working = {key for key, each in snapshot.batteries.items() if each.online}
        working |= {
            k for k, each in snapshot.inverters.items() if not each.battery_detected
        }
        others = sorted(self._others, key=lambda each: each.subentry_id in working)
        options = [
            SelectOptionDict(value=each.subentry_id, label=each.title)
            for each in others
        ]
        choice = SelectSelector(SelectSelectorConfig(options=options))
        return Form(
            fields=(Field(key=CONF_OTHER, selector=choice),),
            defaults={CONF_OTHER: others[0].subentry_id},
        )

    @override
    async def _async_fix(
        self, setpoint_manager: SetpointManager, answers: Mapping[str, str]
    ) -> RepairsFlowResult:
        device, other = self._device, self._entry.subentries[answers[CONF_OTHER]]
        changes = (
            (device, _with_port_of(device, other)),
            (other, _with_port_of(other, device)),
        )
        for each, data in changes:
            self.hass.config_entries.async_update_subentry(self._entry, each, data=data)
        return self.async_create_entry(data={})


def _with_port_of(device: ConfigSubentry, other: ConfigSubentry) -> dict[str, Any]:
    """Return a device's data with the port of another one."""
    own = {key: value for key, value in device.data.items() if key not in PORT_DATA}
    return own | {key: other.data[key] for key in PORT_DATA if key in other.data}


def _setpoint_manager(entry: BmsGatewayConfigEntry) -> SetpointManager | None:
    """Return the gateway's setpoint manager; None if the gateway is not running."""
    loaded = entry.state is ConfigEntryState.LOADED
    return entry.runtime_data.setpoint_manager if loaded else None


def _without(setpoints: AllSetpoints, device_id: str) -> AllSetpoints:
    return replace(setpoints, out_of_service=setpoints.out_of_service | {device_id})
