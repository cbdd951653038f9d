"""Diagnostics: all of it, as JSON, without serial numbers."""

from dataclasses import replace
from io import StringIO
import json
from typing import Any
from unittest.mock import PropertyMock, patch

import can

from custom_components.bms_gateway.const import DOMAIN
from custom_components.bms_gateway.diagnostics import (
    SERIAL_FRAMES,
    async_get_config_entry_diagnostics,
    async_get_device_diagnostics,
    plain,
)
from custom_components.bms_gateway.engine.gateway import Gateway
from custom_components.bms_gateway.engine.model import Alarm, Readings
from custom_components.bms_gateway.engine.protocol import deye, frames
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr

from .bench import Bench


async def test_diagnostics_hide_serial_numbers(
    hass: HomeAssistant, bench: Bench
) -> None:
    """A user posts this file in public."""
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
        diagnostics = await async_get_config_entry_diagnostics(hass, bench.entry)
    text = json.dumps(diagnostics)
    assert "S-1234" not in text
    assert "REDACTED" in text
    assert diagnostics["options"] == {"start_timeout": 20.0}
    assert diagnostics["config"]["batteries"][0]["id"] == "b1"
    assert diagnostics["snapshot"]["batteries"]["b1"]["readings"]["soc"] == 50.0
    assert diagnostics["setpoints"]["bank"]["charge_current"] is None


def test_sets_and_bytes_become_json() -> None:
    """JSON knows neither."""
    readings = Readings(
        protections=frozenset({Alarm.OTHER, Alarm.GENERAL}), flag_bytes=b"\x01\x00"
    )
    assert plain(readings)["protections"] == ["general", "other"]
    assert plain(readings)["flag_bytes"] == "0100"


async def test_last_frames_are_a_candump_log(hass: HomeAssistant, bench: Bench) -> None:
    """With the timing of each, but without frames that hold a serial number."""
    await bench.battery("b1").inverter("i1").start()
    bench.send("b1", [(0x380, b"S-1234")])
    await bench.online("b1")
    await bench.until(lambda: bench.snapshot.inverters["i1"].telegrams_sent > 0)
    diagnostics = await async_get_config_entry_diagnostics(hass, bench.entry)
    battery, inverter = diagnostics["frames"]["b1"], diagnostics["frames"]["i1"]
    assert battery["timing"]["351"]["count"] == 2
    assert inverter["timing"]["351 T"]["count"] > 0
    reader = can.CanutilsLogReader(StringIO("\n".join([*battery["candump"], ""])))
    read = {message.arbitration_id: bytes(message.data) for message in reader}
    assert read[0x35E] == b"PYLON   "
    assert read[0x380] == bytes(6)
    assert b"S-1234".hex() not in json.dumps(diagnostics).lower()


def test_frames_that_are_read_as_a_serial_number_are_hidden() -> None:
    """Of every battery that sends one: Victron's frames (VIC), and Deye's (DDB)."""
    read = {**frames.PLAIN, **deye.DIAGNOSTICS}
    serials = {
        can_id
        for can_id, fields in read.items()
        if any(field.attribute.startswith("serial") for field in fields)
    }
    assert serials == SERIAL_FRAMES


async def test_device_diagnostics_cover_the_device(
    hass: HomeAssistant, bench: Bench
) -> None:
    """A battery's, an inverter's, and for the gateway everything."""
    await bench.battery("b1").battery("b2").inverter("i1").start()
    await bench.online("b1", "b2")

    async def of(id: str) -> dict[str, Any]:
        device = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, id), "gw")
        assert device is not None
        diagnostics = await async_get_device_diagnostics(hass, bench.entry, device)
        json.dumps(diagnostics)
        return diagnostics

    battery = await of("b1")
    assert battery["config"]["name"] == "My b1"
    assert battery["state"][0]["readings"]["soc"] == 50.0
    assert battery["port"]["status"] == "open"
    assert battery["frames"]["candump"]
    assert '"b2' not in json.dumps(battery)
    assert '"b1' in json.dumps(battery)
    assert (await of("i1"))["state"][0]["id"] == "i1"
    assert set((await of("gw"))["frames"]) == {"b1", "b2", "i1"}


def test_serial_number_of_an_adapter_is_hidden() -> None:
    """Its device file is named by it, and its identity."""
    path = "/dev/serial/by-id/usb-Maker_Adapter_0042-if00"
    assert plain({"channel": path}) == {
        "channel": "/dev/serial/by-id/**REDACTED**",
    }
    assert "0042" not in plain(f"could not open {path}: gone")
    gone = plain("The adapter usb:1d50:606f:0042#1 is not there")
    assert gone == "The adapter usb:1d50:606f:**REDACTED** is not there"
