"""Calls of the actions of a gateway with two inverters, and what they leave."""

from typing import Any

from custom_components.bms_gateway.const import DOMAIN
from custom_components.bms_gateway.engine.temporary_limits import TemporaryLimit
from homeassistant.core import Context
from homeassistant.helpers import device_registry as dr

from ..bench import Bench

KEY = f"{DOMAIN}.gw.setpoints"


def device(bench: Bench, identifier: str) -> str:
    """Return the device id of a gateway, battery or inverter."""
    return dr.async_get_device_id_by_identifier(
        bench.hass, (DOMAIN, identifier), config_entry_id="gw"
    )


async def call(
    bench: Bench, action: str, target: str, context: Context | None = None, **data: Any
) -> dict[str, Any]:
    """Call an action for a device, and return its response."""
    answer = await bench.hass.services.async_call(
        DOMAIN,
        action,
        {"device_id": device(bench, target), **data},
        blocking=True,
        return_response=True,
        context=context,
    )
    assert isinstance(answer, dict)
    return dict(answer)


async def limit(bench: Bench, target: str = "gw", **data: Any) -> dict[str, Any]:
    """Limit a current."""
    return await call(bench, "limit_current", target, **data)


async def clear(bench: Bench, target: str = "gw", **data: Any) -> dict[str, Any]:
    """Clear limits."""
    return await call(bench, "clear_limit", target, **data)


def temporary_limits(bench: Bench) -> list[TemporaryLimit]:
    """Return the active temporary limits."""
    return list(bench.runtime.setpoint_manager.setpoints.temporary_limits)


async def ready(bench: Bench) -> None:
    """Start a gateway for 50 A with a battery and two inverters of 25 A."""
    bench.battery("b1")
    for inverter in "i1", "i2":
        bench.inverter(inverter, rated_charge=25.0, rated_discharge=25.0)
    await bench.start()


async def at_work(bench: Bench, **reports: Any) -> None:
    """Start it, and wait until both inverters are sent the battery's limit."""
    await ready(bench)
    await bench.online("b1", **reports)
    for inverter in "i1", "i2":
        await bench.receives(inverter, 25.0, 25.0)


async def later(bench: Bench, seconds: float) -> None:
    """Advance the time in one step, also for timers that were set long ago."""
    bench.ahead += seconds
    await bench.tick(bench.ahead)
