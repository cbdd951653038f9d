"""Sensors: known values are shown, others are unknown, absent ones unavailable."""

from collections.abc import Iterator
from typing import Any
from unittest.mock import PropertyMock, patch

import pytest

from custom_components.bms_gateway.const import DOMAIN
from custom_components.bms_gateway.engine.model import Rule
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er

from .bench import MEASURED, Bench, telegram

EXPECTED = {
    "gw_status": "running",
    "gw_soc": "50.0",
    "gw_soh": "99.0",
    "gw_voltage": "52.0",
    "gw_current": "20.0",
    "gw_power": "1040.0",
    "gw_temperature": "21.5",
    "gw_capacity": "200.0",
    "b1_state": "online",
    "b1_dialect": "pylontech",
    "b1_soc": "50.0",
    "b1_soh": "99.0",
    "b1_voltage": "52.0",
    "b1_current": "10.0",
    "b1_power": "520.0",
    "b1_temperature": "21.5",
    "b1_charge_voltage_limit": "56.0",
    "b1_charge_current_limit": "100.0",
    "b1_discharge_current_limit": "100.0",
}


def exists(bench: Bench, unique_id: str) -> bool:
    """Return whether a sensor is registered."""
    registry = er.async_get(bench.hass)
    return registry.async_get_entity_id("sensor", DOMAIN, unique_id) is not None


async def test_values_of_two_batteries_are_shown(bench: Bench) -> None:
    """Each on its own, and the bank's of both."""
    await bench.battery("b1").battery("b2").inverter("i1").start()
    await bench.online("b1", "b2", current=10.0)
    await bench.until(lambda: bench.snapshot.inverters["i1"].telegrams_sent > 0)
    await bench.send_telegrams("b1", "b2", current=10.0)
    await bench.tick(31)
    shown = {key: bench.state("sensor", key).state for key in EXPECTED}
    assert shown == EXPECTED


async def test_mean_has_only_meaningful_digits(bench: Bench) -> None:
    """And no limit is shown rounded up."""
    await bench.battery("b1").battery("b2", capacity_ah=280.0).inverter("i1").start()
    for _ in range(2):
        bench.send("b1", telegram(soc=50, ccl=9.7))
        bench.send("b2", telegram(soc=61, ccl=140.0))
    # (50 % x 100 Ah + 61 % x 280 Ah) / 380 Ah is 58.10526 %
    await bench.shows("sensor", "gw_soc", "58.1")
    # 9.7 A x 380 Ah / 100 Ah are 36.86 A
    await bench.shows("sensor", "gw_charge_current_limit", "36.8")


async def test_inverter_limits_show_their_reason(bench: Bench) -> None:
    """As confirmed, with the rule, and the id of the device that binds."""
    await bench.battery("b1").inverter("i1").start()
    await bench.online("b1", ccl=20.0)
    await bench.receives("i1", 20.0, 50.0)
    await bench.send_telegrams("b1", ccl=20.0)
    charge = await bench.shows("sensor", "i1_charge_current_limit", "20.0")
    assert set(charge.attributes) >= {"limited_by", "number", "unit"}
    assert None not in charge.attributes.values()  # shown as "Unknown"
    discharge = await bench.shows("sensor", "i1_discharge_current_limit", "50.0")
    assert discharge.attributes["limited_by"] in list(Rule)
    reason = bench.state("sensor", "gw_charge_limited_by")
    assert reason.state in reason.attributes["options"]
    assert reason.attributes.get("source") in {"b1", None}


async def test_setpoint_is_named_as_the_reason(bench: Bench) -> None:
    """The bank's or the inverter's, number or switch, with its own figure at once."""
    await bench.battery("b1").inverter("i1").start()
    await bench.online("b1")

    async def asks(action: str, unique_id: str, **data: Any) -> None:
        """Change a setpoint as a person does."""
        platform, service = action.split(".")
        data["entity_id"] = bench.entity_id(platform, unique_id)
        await bench.hass.services.async_call(platform, service, data, blocking=True)
        await bench.send_telegrams("b1")

    async def explains(whose: str, source: str, device: str, number: float) -> None:
        """Wait until the limit and its reason both show this."""
        device_id = bench.device_id(device)
        wanted = {"source": source, "device_id": device_id, "number": number}
        keys = f"{whose}_charge_limited_by", f"{whose}_charge_current_limit"
        await bench.until(
            lambda: all(
                bench.state("sensor", key).attributes.items() >= wanted.items()
                for key in keys
            )
        )
        assert bench.state("sensor", keys[0]).state == "setpoint"

    for amps in 30.0, 10.0, 9.9:
        await asks("number.set_value", "gw_charge_current_setpoint", value=amps)
        for whose in "gw", "i1":
            await explains(whose, "charge_current", "gw", amps)
    await asks("number.set_value", "i1_charge_current_setpoint", value=4.0)
    await explains("i1", "charge_current", "i1", 4.0)
    await explains("gw", "charge_current", "gw", 9.9)
    await asks("switch.turn_off", "i1_charging_allowed")
    await explains("i1", "charging_allowed", "i1", 0.0)
    await asks("switch.turn_off", "gw_charging_allowed")
    await explains("gw", "charging_allowed", "gw", 0.0)


async def test_bank_shows_the_reason_while_all_are_lost(bench: Bench) -> None:
    """As long as the inverters are sent 0 A; then there is silence."""
    await bench.battery("b1").inverter("i1").start()
    await bench.online("b1")
    await bench.receives("i1", 50.0, 50.0)
    bench.ahead += 12
    await bench.tick(12)
    await bench.shows("sensor", "gw_status", "blocked")
    reason = await bench.shows("sensor", "gw_charge_limited_by", "loss")
    assert reason.attributes["source"] == "b1"
    assert reason.attributes["device_id"] == bench.device_id("b1")
    await bench.shows("sensor", "gw_discharge_limited_by", "loss")
    assert bench.state("sensor", "gw_voltage").state == STATE_UNAVAILABLE
    bench.ahead += 12
    await bench.tick(12)
    await bench.shows("sensor", "gw_status", "not_sending")
    await bench.shows("sensor", "gw_charge_limited_by", STATE_UNAVAILABLE)


async def test_unreported_value_is_unknown(bench: Bench) -> None:
    """0x7FFF in a measurement is not a temperature; the others stay."""
    await bench.battery("b1").start()
    frames = [
        (can_id, MEASURED.pack(5200, 0, 0x7FFF) if can_id == 0x356 else data)
        for can_id, data in telegram()
    ]
    bench.send("b1", frames)
    await bench.shows("sensor", "b1_soc", "50.0")
    assert bench.state("sensor", "b1_temperature").state == STATE_UNKNOWN
    assert bench.state("sensor", "b1_voltage").state == "52.0"


async def test_cell_of_an_extreme_is_shown(bench: Bench) -> None:
    """If the battery reports it (0x374, of the lowest voltage), else left out."""
    await bench.battery("b1").start()
    # 0x373: 3312 mV, 3401 mV, 293 K, 298 K; no round values, which may be settings
    cells = (0x373, bytes.fromhex("f00c490d25012a01"))
    for _ in range(2):
        bench.send("b1", [*telegram(), cells, (0x374, b"M2C07")])
    await bench.until(
        lambda: bench.snapshot.batteries["b1"].readings.cell_voltage_min_id is not None
    )
    await bench.tick(31)
    lowest = await bench.shows("sensor", "b1_cell_voltage_min", "3.312")
    assert lowest.attributes["cell"] == "M2C07"
    highest = await bench.shows("sensor", "b1_cell_voltage_max", "3.401")
    assert "cell" not in highest.attributes


async def test_values_that_few_batteries_report_have_entities_only_there(
    bench: Bench,
) -> None:
    """Of the one that reports them, from its first report on, and after a restart."""
    await bench.battery("b1").battery("b2").start()
    await bench.online("b1", "b2")
    await bench.tick(31)
    keys = "charged_energy", "discharged_energy", "modules_online", "cycles"
    assert not any(exists(bench, f"b1_{key}") for key in keys)
    # Pytes (AndreasBoehm/PytesCANProtocol): 211.2 and 183.5 kWh; 2 modules online
    more = [
        (0x378, bytes.fromhex("400800002B070000")),
        (0x372, bytes.fromhex("0200010001000200")),
    ]
    bench.send("b1", [*telegram(), *more])
    await bench.until(
        lambda: bench.snapshot.batteries["b1"].readings.modules_online == 2
    )
    await bench.tick(31)
    assert exists(bench, "b1_charged_energy")
    assert exists(bench, "b1_modules_blocking_charge")
    assert not exists(bench, "b1_cycles")
    assert not any(exists(bench, f"b2_{key}") for key in keys)
    await bench.hass.config_entries.async_unload(bench.entry.entry_id)
    await bench.setup()
    registry = er.async_get(bench.hass)
    entry = registry.async_get(bench.entity_id("sensor", "b1_charged_energy"))
    assert entry is not None
    assert entry.disabled_by is er.RegistryEntryDisabler.INTEGRATION


@pytest.mark.usefixtures("all_enabled")
async def test_an_entity_that_was_reported_once_stays_after_a_restart(
    bench: Bench,
) -> None:
    """Unavailable until the battery is received, not "no longer provided"."""
    await bench.battery("b1").start()
    energies = (0x378, bytes.fromhex("400800002B070000"))
    await bench.online("b1")
    bench.send("b1", [*telegram(), energies])
    await bench.until(
        lambda: bench.snapshot.batteries["b1"].readings.charged_kwh == 211.2
    )
    await bench.tick(31)
    assert bench.state("sensor", "b1_charged_energy").state == "211.2"
    await bench.hass.config_entries.async_unload(bench.entry.entry_id)
    await bench.setup()
    state = bench.state("sensor", "b1_charged_energy")
    assert state.state == STATE_UNAVAILABLE
    assert "restored" not in state.attributes


@pytest.mark.usefixtures("all_enabled")
async def test_addresses_online_are_an_attribute_of_the_modules(bench: Bench) -> None:
    """Seplos: 0x359 byte 7, here the addresses of bits 0 and 1."""
    await bench.battery("b1").start()
    flags = (0x359, bytes.fromhex("0000000002504E03"))
    for _ in range(2):
        bench.send("b1", [*telegram()[1:], flags])
    await bench.until(
        lambda: bench.snapshot.batteries["b1"].readings.module_map is not None
    )
    await bench.tick(31)
    modules = bench.state("sensor", "b1_modules")
    assert modules.state == "2"
    assert modules.attributes["addresses"] == "00000011"


async def test_device_of_a_battery_has_its_identity(bench: Bench) -> None:
    """BYD: product and serial number in two frames each, family, version."""
    await bench.battery("b1").start()
    texts = [
        (0x370, b"BYD Batt"),
        (0x371, b"ery-Box\0"),
        (0x380, b"P030T020"),
        (0x381, b"Z2001234"),
        (0x382, b"BYD LVS\0"),
        (0x35F, bytes.fromhex("0000011664000000")),
    ]
    for _ in range(2):
        bench.send("b1", [*telegram(name="BYD"), *texts])
    devices = dr.async_get(bench.hass)

    def found() -> tuple[str | None, ...]:
        device = devices.async_get_device_by_identifier((DOMAIN, "b1"), "gw")
        assert device is not None
        return (
            *(device.manufacturer, device.model, device.model_id),
            *(device.sw_version, device.serial_number),
        )

    await bench.until(
        lambda: (
            found()
            == ("BYD", "BYD Battery-Box", "BYD LVS", "01.16", "P030T020Z2001234")
        )
    )


async def test_loss_and_return_change_availability(bench: Bench) -> None:
    """The lost one's values go; the other's stay; all come back."""
    await bench.battery("b1").battery("b2").inverter("i1").start()
    assert bench.state("sensor", "b1_soc").state == STATE_UNAVAILABLE
    assert bench.state("sensor", "gw_soc").state == STATE_UNAVAILABLE
    await bench.online("b1", "b2")
    await bench.shows("sensor", "b1_soc", "50.0")

    # Less than the 3 s for which any frame may be missing, so that only b1 is lost
    for _ in range(6):
        await bench.move(2)
        await bench.send_telegrams("b2")
    await bench.shows("sensor", "b1_state", "lost")
    assert bench.state("sensor", "b1_soc").state == STATE_UNAVAILABLE
    assert bench.state("sensor", "b2_soc").state == "50.0"
    assert bench.state("sensor", "gw_soc").state == "50.0"
    assert bench.issues() == {"battery_b1": "battery_lost"}

    for soc in 51, 52, 53, 54:
        await bench.send_telegrams("b1", "b2", soc=soc)
    await bench.shows("sensor", "b1_state", "online")
    assert bench.state("sensor", "b1_soc").state not in {"50.0", STATE_UNAVAILABLE}
    assert bench.issues() == {"battery_b1": "battery_lost"}
    for _ in range(31):
        bench.ahead += 2
        await bench.send_telegrams("b1", "b2")
    await bench.tick(61)
    assert bench.issues() == {}


async def test_bank_is_unavailable_without_a_battery(bench: Bench) -> None:
    """But its status is shown."""
    await bench.battery("b1").inverter("i1").start()
    await bench.online("b1")
    await bench.until(lambda: bench.snapshot.inverters["i1"].telegrams_sent > 0)
    await bench.move(11)
    await bench.shows("sensor", "b1_state", "lost")
    assert bench.state("sensor", "gw_soc").state == STATE_UNAVAILABLE
    assert bench.state("sensor", "gw_charge_current_limit").state == STATE_UNAVAILABLE
    await bench.move(6)
    await bench.shows("sensor", "gw_status", "not_sending")
    assert bench.state("sensor", "i1_charge_current_limit").state == STATE_UNAVAILABLE


async def test_rare_sensors_are_disabled(hass: HomeAssistant, bench: Bench) -> None:
    """Users can enable them."""
    await bench.battery("b1").inverter("i1").start()
    await bench.online("b1")
    await bench.tick(31)
    registry = er.async_get(hass)
    for key in "b1_telegrams", "b1_modules", "b1_frames_received", "i1_telegrams_sent":
        entry = registry.async_get(bench.entity_id("sensor", key))
        assert entry is not None
        assert entry.disabled_by is er.RegistryEntryDisabler.INTEGRATION


@pytest.fixture
def all_enabled() -> Iterator[None]:
    """Enable entities that are disabled by default."""
    with patch(
        "homeassistant.helpers.entity.Entity.entity_registry_enabled_default",
        PropertyMock(return_value=True),
    ):
        yield


@pytest.mark.usefixtures("all_enabled")
async def test_counters_count_since_the_start(bench: Bench) -> None:
    """Telegrams and frames."""
    await bench.battery("b1").inverter("i1").start()
    await bench.online("b1")
    await bench.until(lambda: bench.snapshot.inverters["i1"].telegrams_sent > 0)
    await bench.tick(31)
    assert bench.state("sensor", "b1_telegrams").state == "2"
    assert int(bench.state("sensor", "b1_frames_received").state) == 12
    assert int(bench.state("sensor", "i1_telegrams_sent").state) > 0
    assert int(bench.state("sensor", "i1_frames_sent").state) > 0
    assert bench.state("sensor", "b1_modules").state == "2"


async def test_a_24_v_bank_works_in_home_assistant(bench: Bench) -> None:
    """Two batteries, recognised by what they report, and one inverter."""
    await bench.battery("b1").battery("b2").inverter("i1").start()
    of_24: dict[str, Any] = {"cvl": 28.0, "voltage": 26.0}
    for _ in range(6):
        bench.ahead += 1
        for key in ("b1", "b2"):
            bench.send(key, telegram(name=f"PYLON{key}", **of_24))
        await bench.tick(1)
    await bench.until(lambda: bench.snapshot.batteries["b1"].nominal == 24)
    await bench.online("b1", "b2", **of_24)
    await bench.receives("i1", 50.0, 50.0)
    await bench.tick(61)
    await bench.shows("sensor", "gw_status", "running")
    await bench.shows("sensor", "gw_voltage", "26.0")
    await bench.shows("sensor", "gw_charge_voltage_limit", "28.0")
    await bench.shows("sensor", "b2_voltage", "26.0")
    await bench.shows("number", "gw_charge_voltage_setpoint", "30.0")
    assert float(bench.state("sensor", "gw_capacity_energy").state) == pytest.approx(
        200 * 8 * 3.2 / 1000
    )
    assert bench.issues() == {}


async def test_a_mixed_bank_is_refused_in_home_assistant(bench: Bench) -> None:
    """The status says so, a repair names the batteries, the inverter gets nothing."""
    batteries = bench.battery("b1", nominal_voltage="24").battery("b2")
    await batteries.inverter("i1").start()
    for _ in range(4):
        bench.ahead += 1
        bench.send("b1", telegram(cvl=28.0, voltage=26.0))
        bench.send("b2", telegram(name="PYLONb2"))
        await bench.tick(1)
    await bench.until(lambda: bench.snapshot.batteries["b2"].online)
    await bench.tick(61)
    await bench.shows("sensor", "gw_status", "mixed_voltages")
    assert bench.issues() == {"mixed_voltages_gw": "mixed_voltages"}
    assert bench.received("i1") == []
