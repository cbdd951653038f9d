"""Setpoints that are stored, and what a new start reads of them."""

from pathlib import Path

from custom_components.bms_gateway.engine.model import Direction
from custom_components.bms_gateway.engine.setpoints import AllSetpoints, Setpoints
from custom_components.bms_gateway.engine.temporary_limits import TemporaryLimit
from custom_components.bms_gateway.setpoints.store import SetpointStore
from homeassistant.core import HomeAssistant

TEMPORARY_LIMIT = TemporaryLimit(
    device_id="i1", direction=Direction.CHARGE, owner="Ann", amps=5.0, until=90.0
)
ASKED = AllSetpoints(
    bank=Setpoints(charge_current=50.0, charge_voltage=54.0),
    inverters={"i1": Setpoints(discharge_current=0.0, charging_allowed=False)},
    temporary_limits=(
        TEMPORARY_LIMIT,
        TemporaryLimit(
            device_id=None, direction=Direction.DISCHARGE, owner="", watts=1, by="u1"
        ),
    ),
    out_of_service=frozenset({"b1"}),
)


def write(path: Path, damaged: bytes) -> None:
    """Put content in place of the setpoints."""
    path.write_bytes(damaged)


def make_folder(path: Path) -> None:
    """Put a folder in place of the setpoints."""
    path.mkdir()


def files(path: Path) -> list[str]:
    """Return the files in place of the setpoints."""
    return [found.name for found in path.parent.glob(f"{path.name}*")]


async def open_store(hass: HomeAssistant) -> SetpointStore:
    """Return the store as a new start reads it."""
    store = SetpointStore(hass, "e1")
    await store.async_load(["i1"])
    return store


async def load(hass: HomeAssistant) -> tuple[AllSetpoints, bool]:
    """Return what a new start reads, and whether the user chose it."""
    store = await open_store(hass)
    return store.setpoints, store.confirmed
