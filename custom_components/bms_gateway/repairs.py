"""Repairs with a dialog: what to do about setpoints that could not be read."""

from dataclasses import replace
from typing import Any

from homeassistant.components.repairs import RepairsFlow, RepairsFlowResult
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant

from .coordinator import BmsGatewayConfigEntry
from .engine.setpoints import NO_SETPOINTS
from .who import REPAIR


async def async_create_fix_flow(
    hass: HomeAssistant,
    issue_id: str,
    data: dict[str, str | int | float | None] | None,
) -> RepairsFlow:
    """Return the dialog of the one repair that has one."""
    entry = hass.config_entries.async_get_known_entry(str((data or {})["entry_id"]))
    return SetpointsRepair(entry)


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
        if self._entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="not_loaded")
        keeper = self._entry.runtime_data.keeper
        setpoints = replace(keeper.setpoints, **changes)
        await keeper.async_confirm(setpoints, REPAIR)
        return self.async_create_entry(data={})
