"""Events on the bus and those of event entities, with the keys of their data."""

from typing import Any

from custom_components.bms_gateway.const import DOMAIN
from homeassistant.const import EVENT_STATE_CHANGED, MATCH_ALL
from homeassistant.core import Event, HomeAssistant, callback

from ..bench import Bench
from .house import start
from .outline import names
from .snapshot import check
from .test_entities import REGISTERED


async def test_events_match_the_snapshot(hass: HomeAssistant, bench: Bench) -> None:
    """Those that a protection, a loss and too much current cause."""
    on_bus: dict[str, set[str]] = {}
    of_entities: dict[str, set[str]] = {}

    @callback
    def on_event(event: Event[Any]) -> None:
        name = str(event.event_type)
        if name.startswith(DOMAIN):
            on_bus.setdefault(name, set()).update(event.data)
        if event.event_type != EVENT_STATE_CHANGED or not (
            state := event.data["new_state"]
        ):
            return
        if kind := state.attributes.get("event_type"):
            keys = of_entities.setdefault(kind, set())
            keys |= state.attributes.keys() - REGISTERED - {"event_type"}

    async def caused(kind: str) -> None:
        await bench.until(lambda: kind in of_entities)

    hass.bus.async_listen(MATCH_ALL, on_event)
    await start(bench)
    # 0x359: byte 0 protections, bit 1 over-voltage
    await bench.send_telegrams("b1", protections=(0b10, 0))
    await caused("protection_raised")
    for _ in range(2):
        await bench.move(1.0)
        await bench.send_telegrams("b1", "b2")
    await caused("protection_cleared")
    for _ in range(6):
        await bench.move(2)
        await bench.send_telegrams("b2")
    await caused("battery_lost")
    for _ in range(4):
        await bench.send_telegrams("b1", "b2")
    await caused("battery_restored")
    for _ in range(28):
        bench.ahead += 2
        await bench.send_telegrams("b1", "b2", dcl=0.0, current=-20.0)
    await caused("inverter_over_limit")
    check(
        "events",
        {
            "bus": {kind: names(keys) for kind, keys in on_bus.items()},
            "entities": {kind: names(keys) for kind, keys in of_entities.items()},
        },
    )
