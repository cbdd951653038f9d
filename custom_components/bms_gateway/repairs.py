"""Repairs with a dialog: unreadable setpoints, and inverters that are gone."""

from dataclasses import replace
from typing import Any

from homeassistant.components.repairs import RepairsFlow, RepairsFlowResult
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant

from .coordinator import BmsGatewayConfigEntry
from .engine.setpoints import NO_SETPOINTS, AllSetpoints
from .issues import ATTR_DEVICE_ID, ATTR_ENTRY_ID
from .keeper import SetpointKeeper
from .who import REPAIR


async def async_create_fix_flow(
    hass: HomeAssistant,
    issue_id: str,
    data: dict[str, str | int | float | None] | None,
) -> RepairsFlow:
    """Return the dialog for what is wrong with a gateway, or with one of its devices."""
    about = data or {}
    entry = hass.config_entries.async_get_known_entry(str(about[ATTR_ENTRY_ID]))
    device_id = about.get(ATTR_DEVICE_ID)
    return SetpointsRepair(entry) if device_id is None else GoneRepair(entry, device_id)


class SetpointsRepair(RepairsFlow):
    """Lets a person choose what holds instead of setpoints that were unreadable."""

    def __init__(self, entry: BmsGatewayConfigEntry) -> None:
        """Ask for one gateway."""
        self._entry = entry

    async def async_step_init(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Show the choices."""
        return self.async_show_menu(
            menu_options=["keep", "release"],
            description_placeholders={"name": self._entry.title},
        )

    async def async_step_keep(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Keep what the numbers show now: 0 A, or what was set meanwhile."""
        return await self._async_confirm()

    async def async_step_release(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Limit nothing: the batteries alone decide."""
        return await self._async_confirm(bank=NO_SETPOINTS, inverters={})

    async def _async_confirm(self, **changes: Any) -> RepairsFlowResult:
        if (keeper := _keeper(self._entry)) is None:
            return self.async_abort(reason="not_loaded")
        await keeper.async_confirm(replace(keeper.setpoints, **changes), REPAIR)
        return self.async_create_entry(data={})


class GoneRepair(RepairsFlow):
    """Offers to take an inverter out of service that asks for nothing any more."""

    def __init__(self, entry: BmsGatewayConfigEntry, device_id: object) -> None:
        """Ask for one inverter of a gateway."""
        self._entry = entry
        self._device_id = str(device_id)

    async def async_step_init(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Ask whether it is to be taken out of service."""
        return await self.async_step_confirm()

    async def async_step_confirm(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Take it out of service once that is confirmed."""
        if user_input is None:
            return self.async_show_form(
                step_id="confirm",
                description_placeholders={
                    "name": self._entry.subentries[self._device_id].title
                },
            )
        if (keeper := _keeper(self._entry)) is None:
            return self.async_abort(reason="not_loaded")
        await keeper.async_take(_without(keeper.setpoints, self._device_id), REPAIR)
        return self.async_create_entry(data={})


def _keeper(entry: BmsGatewayConfigEntry) -> SetpointKeeper | None:
    """Return who takes the answer; None: the gateway does not run."""
    loaded = entry.state is ConfigEntryState.LOADED
    return entry.runtime_data.keeper if loaded else None


def _without(setpoints: AllSetpoints, device_id: str) -> AllSetpoints:
    return replace(setpoints, out_of_service=setpoints.out_of_service | {device_id})
