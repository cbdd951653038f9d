"""Diagnostics: all of it, as JSON, without serial numbers."""

from dataclasses import replace
import json
from unittest.mock import PropertyMock, patch

from custom_components.bms_gateway.diagnostics import (
    async_get_config_entry_diagnostics,
    plain,
)
from custom_components.bms_gateway.engine.gateway import Gateway
from custom_components.bms_gateway.engine.model import Alarm, Readings
from homeassistant.core import HomeAssistant

from .bench import Bench


async def test_what_is_known_without_serials(hass: HomeAssistant, bench: Bench) -> None:
    """A user posts this file where everybody reads it."""
    await bench.battery("b1").inverter("i1").start(options={"start_timeout": 20.0})
    await bench.online("b1")
    known = bench.snapshot
    battery = known.batteries["b1"]
    serial = replace(battery, readings=replace(battery.readings, serial="S-1234"))
    with patch.object(
        Gateway,
        "snapshot",
        PropertyMock(return_value=replace(known, batteries={"b1": serial})),
    ):
        told = await async_get_config_entry_diagnostics(hass, bench.entry)
    text = json.dumps(told)
    assert "S-1234" not in text
    assert "REDACTED" in text
    assert told["options"] == {"start_timeout": 20.0}
    assert told["config"]["batteries"][0]["id"] == "b1"
    assert told["snapshot"]["batteries"]["b1"]["readings"]["soc"] == 50.0
    assert told["setpoints"]["bank"]["charge_current"] is None


def test_sets_and_bytes_are_made_plain() -> None:
    """JSON knows neither."""
    readings = Readings(
        protections=frozenset({Alarm.OTHER, Alarm.GENERAL}), flag_bytes=b"\x01\x00"
    )
    assert plain(readings)["protections"] == ["general", "other"]
    assert plain(readings)["flag_bytes"] == "0100"
