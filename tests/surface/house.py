"""A gateway with two batteries and two inverters, in use."""

from typing import Any, Final

from custom_components.bms_gateway.const import DOMAIN
from homeassistant.helpers import device_registry as dr

from ..bench import Bench

BATTERIES: Final = ("b1", "b2")
INVERTERS: Final = ("i1", "i2")


async def start(bench: Bench, **options: Any) -> None:
    """Start the gateway and wait until the inverters receive limits."""
    for each in BATTERIES:
        bench.battery(each)
    for each in INVERTERS:
        bench.inverter(each)
    await bench.start(options=options)
    await bench.online(*BATTERIES, current=10.0)
    for each in INVERTERS:
        await bench.receives(each, 50.0, 50.0)


async def use(bench: Bench) -> None:
    """Change setpoints, add temporary limits, take a battery out of service."""
    for each in "gw", "i1":
        number = bench.entity_id("number", f"{each}_charge_current_setpoint")
        await call(bench, "number.set_value", entity_id=number, value=40.0)
        await limit(bench, each)
    await bench.send_telegrams(*BATTERIES, current=0.0)
    switch = bench.entity_id("switch", "b2_in_service")
    await call(bench, "switch.turn_off", entity_id=switch)
    await settle(bench)


async def settle(bench: Bench) -> None:
    """Wait until every entity shows the present state."""
    await bench.send_telegrams("b1", current=0.0)
    await bench.tick(61)


async def limit(bench: Bench, id: str) -> Any:
    """Limit the charge current of a device for an hour; return the response."""
    fields = {"charge_current": 20.0, "duration": "01:00:00", "owner": "Test"}
    return await answer(bench, "limit_current", id, **fields)


async def answer(bench: Bench, action: str, id: str, **fields: Any) -> Any:
    """Call an action of the integration for a device; return the response."""
    device_id = dr.async_get_device_id_by_identifier(
        bench.hass, (DOMAIN, id), config_entry_id="gw"
    )
    return await bench.hass.services.async_call(
        DOMAIN,
        action,
        {"device_id": device_id, **fields},
        blocking=True,
        return_response=True,
    )


async def call(bench: Bench, action: str, **fields: Any) -> None:
    """Call an action of Home Assistant."""
    domain, name = action.split(".")
    await bench.hass.services.async_call(domain, name, fields, blocking=True)
