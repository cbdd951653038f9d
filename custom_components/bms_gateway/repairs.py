"""Repairs with a dialog: setpoints, lost inverters, CAN links, swapped ports."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from homeassistant.components.repairs import RepairsFlow, RepairsFlowResult
from homeassistant.config_entries import ConfigEntryState, ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
)

from .const import DOMAIN
from .engine.setpoints import NO_SETPOINTS
from .flows.forms.form import make_form
from .issues.fixes import (
    Fix,
    FixFailed,
    async_poll,
    async_set_up_link,
    async_take_out_of_service,
    async_use_seen_make,
    swap_ports,
)
from .issues.registry import ATTR_DEVICE_ID, ATTR_ENTRY_ID, ATTR_KEY
from .runtime import BmsGatewayConfigEntry
from .setpoints.requester import REPAIR

CONF_OTHER: Final = "other"

FIXES: Final[Mapping[str, Fix]] = {
    "port_link_down": async_set_up_link,
    "port_wrong_bitrate": async_set_up_link,
    "port_bus_off": async_set_up_link,
    "port_no_carrier": async_set_up_link,
    "inverter_no_requests": async_take_out_of_service,
    "inverter_not_responding": async_take_out_of_service,
    "inverter_not_responding_replug": async_take_out_of_service,
    "inverter_other_make": async_use_seen_make,
    "battery_not_polled": async_poll,
    "battery_not_polled_replug": async_poll,
}
"""The repairs that need no more than a confirmation, by the key of their issue."""

type UserInput = dict[str, str] | None


async def async_create_fix_flow(
    hass: HomeAssistant,
    issue_id: str,
    data: dict[str, str | int | float | None] | None,
) -> RepairsFlow:
    """Return the repair flow for a gateway or one of its devices."""
    issue_data = data or {}
    entry = hass.config_entries.async_get_known_entry(str(issue_data[ATTR_ENTRY_ID]))
    device_id = str(issue_data[ATTR_DEVICE_ID])
    key = str(issue_data[ATTR_KEY])
    if fix := FIXES.get(key):
        return DeviceRepair(entry, device_id, fix)
    if key in {"battery_on_inverter_port", "inverter_on_battery_port"}:
        return SwapPortsRepair(entry, device_id)
    return SetpointsRepair(entry)


class SetpointsRepair(RepairsFlow):
    """Asks the user for the setpoints to use in place of unreadable ones."""

    def __init__(self, entry: BmsGatewayConfigEntry) -> None:
        """Repair the setpoints of one gateway."""
        self._entry = entry

    async def async_step_init(self, user_input: UserInput = None) -> RepairsFlowResult:
        """Show the choices."""
        return self.async_show_menu(
            menu_options=["keep", "clear"],
            description_placeholders={"name": self._entry.title},
        )

    async def async_step_keep(self, user_input: UserInput = None) -> RepairsFlowResult:
        """Keep what the numbers show now: 0 A, and anything lowered since."""
        return await self._async_confirm()

    async def async_step_clear(self, user_input: UserInput = None) -> RepairsFlowResult:
        """Remove all limits: only the batteries decide."""
        return await self._async_confirm(bank=NO_SETPOINTS, inverters={})

    async def _async_confirm(self, **changes: Any) -> RepairsFlowResult:
        if not _is_running(self._entry):
            return self.async_abort(reason="not_loaded")
        manager = self._entry.runtime_data.setpoint_manager
        await manager.async_confirm(replace(manager.setpoints, **changes), REPAIR)
        return self.async_create_entry(data={})


class DeviceRepair(RepairsFlow):
    """Fixes a problem of a battery or inverter after confirmation."""

    def __init__(self, entry: BmsGatewayConfigEntry, device_id: str, fix: Fix) -> None:
        """Repair one device of a gateway."""
        self._entry = entry
        self._device_id = device_id
        self._fix = fix
        self._placeholders: Mapping[str, str] = {}

    async def async_step_init(self, user_input: UserInput = None) -> RepairsFlowResult:
        """Start with the text of the repair."""
        self._placeholders = _placeholders(self)
        return await self.async_step_confirm()

    async def async_step_confirm(
        self, user_input: UserInput = None
    ) -> RepairsFlowResult:
        """Ask for confirmation, then fix the problem."""
        if not _is_running(self._entry):
            return self.async_abort(reason="not_loaded")
        if user_input is None:
            return self.async_show_form(
                step_id="confirm",
                data_schema=make_form({}, {}),
                description_placeholders=self._placeholders,
            )
        device = self._entry.subentries[self._device_id]
        try:
            await self._fix(self.hass, self._entry, device)
        except FixFailed as failed:
            return self.async_abort(
                reason=failed.reason,
                description_placeholders={
                    **self._placeholders,
                    "detail": failed.detail,
                },
            )
        return self.async_create_entry(data={})


class SwapPortsRepair(RepairsFlow):
    """Offers to swap the ports of a battery and an inverter."""

    def __init__(self, entry: BmsGatewayConfigEntry, device_id: str) -> None:
        """Repair one device of a gateway."""
        self._entry = entry
        self._device_id = device_id
        self._placeholders: Mapping[str, str] = {}

    async def async_step_init(self, user_input: UserInput = None) -> RepairsFlowResult:
        """Start with the text of the repair."""
        self._placeholders = _placeholders(self)
        return await self.async_step_confirm()

    async def async_step_confirm(
        self, user_input: UserInput = None
    ) -> RepairsFlowResult:
        """Ask which device to swap with, if there is one; propose the likeliest."""
        devices = self._entry.subentries
        device = devices[self._device_id]
        others = [
            each
            for each in devices.values()
            if each.subentry_type != device.subentry_type
        ]
        if not others:
            return self.async_abort(
                reason="no_counterpart", description_placeholders=self._placeholders
            )
        if not _is_running(self._entry):
            return self.async_abort(reason="not_loaded")
        if user_input is not None:
            swap_ports(self.hass, self._entry, device, devices[user_input[CONF_OTHER]])
            return self.async_create_entry(data={})
        options = [
            SelectOptionDict(value=each.subentry_id, label=each.title)
            for each in _wrong_first(self._entry, others)
        ]
        choice = SelectSelector(SelectSelectorConfig(options=options))
        return self.async_show_form(
            step_id="confirm",
            data_schema=make_form(
                {CONF_OTHER: choice}, {CONF_OTHER: options[0]["value"]}
            ),
            description_placeholders=self._placeholders,
        )


def _wrong_first(
    entry: BmsGatewayConfigEntry, devices: list[ConfigSubentry]
) -> list[ConfigSubentry]:
    """Return devices, first those with the wrong traffic on their port."""
    snapshot = entry.runtime_data.gateway.snapshot
    working = {key for key, each in snapshot.batteries.items() if each.online}
    working |= {
        k for k, each in snapshot.inverters.items() if not each.battery_detected
    }
    return sorted(devices, key=lambda each: each.subentry_id in working)


def _placeholders(flow: RepairsFlow) -> Mapping[str, str]:
    """Return the placeholders of the issue that a flow repairs."""
    issue = ir.async_get(flow.hass).async_get_issue(DOMAIN, flow.issue_id)
    return (issue and issue.translation_placeholders) or {}


def _is_running(entry: BmsGatewayConfigEntry) -> bool:
    return entry.state is ConfigEntryState.LOADED
