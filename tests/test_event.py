"""Event entities: a battery's events are written at once, on it and on the gateway."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from custom_components.bms_gateway.engine.model import Alarm
from custom_components.bms_gateway.event_detector import (
    Event as BatteryEvent,
    EventType,
)
from custom_components.bms_gateway.monitor import EVENT_DETECTORS
from homeassistant.const import EVENT_STATE_CHANGED, STATE_UNKNOWN
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er

from .bench import Bench

type EventsOf = Callable[[str], list[Mapping[str, Any]]]


@pytest.fixture
def events_of(hass: HomeAssistant, bench: Bench) -> EventsOf:
    """Return the events of an entity since the last call."""
    found: list[tuple[str, Mapping[str, Any]]] = []

    @callback
    def on_change(event: Event[Any]) -> None:
        state = event.data["new_state"]
        if state and state.domain == "event" and state.attributes.get("event_type"):
            found.append((state.entity_id, state.attributes))

    hass.bus.async_listen(EVENT_STATE_CHANGED, on_change)

    def look(unique_id: str) -> list[Mapping[str, Any]]:
        entity_id = bench.entity_id("event", unique_id)
        keys = "event_type", "device_id", "alarm", "direction", "modules_missing"
        return [
            {key: attributes[key] for key in keys if key in attributes}
            for each, attributes in found
            if each == entity_id
        ]

    return look


async def test_alarms_are_events(bench: Bench, events_of: EventsOf) -> None:
    """Each by itself, with its battery, on the gateway and on the battery."""
    await bench.battery("b1").battery("b2").inverter("i1").start()
    await bench.online("b1", "b2")
    assert bench.state("event", "gw_events").state == STATE_UNKNOWN
    # 0x359 byte 0: bit 1 over-voltage, bit 3 over-temperature
    await bench.send_telegrams("b1", protections=(0b1010, 0))
    await bench.until(lambda: len(events_of("gw_events")) == 2)
    raised = [
        {
            "event_type": "protection_raised",
            "device_id": bench.device_id("b1"),
            "alarm": alarm,
        }
        for alarm in ("over_temperature", "over_voltage")
    ]
    assert events_of("gw_events") == events_of("b1_events") == raised
    assert events_of("b2_events") == []
    # The end of a protection counts once two telegrams report it
    for _ in range(2):
        await bench.move(1.0)
        await bench.send_telegrams("b1", "b2")
    await bench.until(lambda: len(events_of("gw_events")) == 4)
    assert events_of("gw_events")[-1] == {
        "event_type": "protection_cleared",
        "device_id": bench.device_id("b1"),
        "alarm": "over_voltage",
    }


async def test_conditions_before_a_reload_raise_no_events(
    hass: HomeAssistant, bench: Bench, events_of: EventsOf
) -> None:
    """Changes during the reload do."""
    await bench.battery("b1").inverter("i1").start()
    # 0x359 byte 0: bit 1 over-voltage, bit 2 under-voltage, bit 3 over-temperature
    await bench.online("b1", protections=(0b1010, 0))
    await bench.until(lambda: len(events_of("gw_events")) == 2)
    assert await hass.config_entries.async_unload("gw")
    await bench.setup()
    events: list[BatteryEvent] = []
    bench.runtime.monitor.async_on_event(events.append)
    await bench.online("b1", protections=(0b0110, 0))
    await bench.until(
        lambda: (
            events
            == [
                BatteryEvent(EventType.PROTECTION_RAISED, "b1", Alarm.UNDER_VOLTAGE),
                BatteryEvent(
                    EventType.PROTECTION_CLEARED, "b1", Alarm.OVER_TEMPERATURE
                ),
            ]
        )
    )
    assert await hass.config_entries.async_remove("gw")
    assert hass.data[EVENT_DETECTORS] == {}


async def test_loss_and_return_are_events(bench: Bench, events_of: EventsOf) -> None:
    """With the id of the battery's device."""
    await bench.battery("b1").battery("b2").inverter("i1").start()
    await bench.online("b1", "b2")
    for _ in range(6):
        await bench.move(2)
        await bench.send_telegrams("b2")
    lost = {"event_type": "battery_lost", "device_id": bench.device_id("b1")}
    await bench.until(lambda: events_of("gw_events") == [lost])
    for _ in range(4):
        await bench.send_telegrams("b1", "b2")
    back = {"event_type": "battery_restored", "device_id": bench.device_id("b1")}
    await bench.until(lambda: events_of("gw_events") == [lost, back])
    assert events_of("b1_events") == [lost, back]
    assert events_of("b2_events") == []


async def test_missing_modules_are_an_event(bench: Bench, events_of: EventsOf) -> None:
    """With their number."""
    await bench.battery("b1").inverter("i1").start()
    await bench.online("b1")
    for modules in (2, 1, 1, 1):
        await bench.move(2)
        await bench.send_telegrams("b1", modules=modules)
    missing = {
        "event_type": "modules_missing",
        "device_id": bench.device_id("b1"),
        "modules_missing": 1,
    }
    await bench.until(lambda: events_of("b1_events") == [missing])


async def test_ignored_charge_request_is_an_event_and_a_repair(
    bench: Bench, events_of: EventsOf
) -> None:
    """After ten minutes, even if it is not passed on; gone with the request."""
    await bench.battery("b1").inverter("i1").start()
    # 0x35C: bit 5 force-charge
    await bench.online("b1", enables=0xE0)
    for _ in range(310):
        bench.ahead += 2
        await bench.send_telegrams("b1", enables=0xE0)
    await bench.tick(61)
    asks = {"event_type": "charge_request_unmet", "device_id": bench.device_id("b1")}
    assert events_of("b1_events") == [asks]
    assert bench.issues() == {"force_charge_b1": "force_charge"}
    await bench.send_telegrams("b1")
    await bench.until(lambda: bench.issues() == {})


async def test_current_out_of_service_is_an_event(
    hass: HomeAssistant, bench: Bench, events_of: EventsOf
) -> None:
    """It is connected: it counts again."""
    await bench.battery("b1").battery("b2").inverter("i1").start()
    await bench.online("b1", "b2")
    await hass.services.async_call(
        "switch",
        "turn_off",
        {"entity_id": bench.entity_id("switch", "b2_in_service")},
        blocking=True,
    )
    for _ in range(7):
        bench.ahead += 2
        await bench.send_telegrams("b1", "b2", current=20.0)
    carries = {
        "event_type": "out_of_service_current",
        "device_id": bench.device_id("b2"),
    }
    await bench.until(lambda: events_of("gw_events") == [carries])
    assert bench.issues() == {"out_of_service_current_b2": "out_of_service_current"}


async def test_excess_current_of_an_inverter_is_an_event(
    bench: Bench, events_of: EventsOf
) -> None:
    """With its direction, and a repair until it obeys; its sensor is followed."""
    hass, sensor = bench.hass, "sensor.roof"
    bench.battery("b1").inverter("i1", title="Roof", current_sensor=sensor)
    await bench.start()
    await bench.online("b1", dcl=0.0, current=-20.0)

    async def draw(amps: float, sensed: str) -> None:
        for _ in range(28):
            bench.ahead += 2
            hass.states.async_set(sensor, sensed, {"unit_of_measurement": "A"})
            await bench.send_telegrams("b1", dcl=0.0, current=amps)

    await draw(-20.0, "0")
    assert bench.issues() == {}
    await draw(-20.0, "unavailable")
    takes = {
        "event_type": "inverter_over_limit",
        "device_id": bench.device_id("i1"),
        "direction": "discharge",
    }
    await bench.until(lambda: events_of("gw_events") == [takes])
    assert events_of("b1_events") == []
    assert bench.issues() == {
        "over_limit_i1_discharge": "inverter_over_limit_discharge"
    }
    await draw(0.0, "unavailable")
    await bench.until(lambda: bench.issues() == {})


async def test_disabled_event_entity_affects_no_other(
    hass: HomeAssistant, bench: Bench, events_of: EventsOf
) -> None:
    """The others still write, and the repair stays."""
    await bench.battery("b1").inverter("i1").start()
    er.async_get(hass).async_update_entity(
        bench.entity_id("event", "gw_events"),
        disabled_by=er.RegistryEntryDisabler.USER,
    )
    assert await hass.config_entries.async_unload("gw")
    await bench.setup()
    await bench.online("b1", protections=(0b10, 0))
    await bench.until(lambda: len(events_of("b1_events")) == 1)
