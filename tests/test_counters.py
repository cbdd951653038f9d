"""Energy totals: they only grow, whatever happens to the battery, us or the disk."""

import json
from pathlib import Path
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import (
    mock_restore_cache_with_extra_data,
)

from custom_components.bms_gateway.const import DOMAIN
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant, State

from .bench import Bench

KEY = f"{DOMAIN}.gw.energy"
STORED = {
    "gw": {"charged": 300.0, "discharged": 200.0},
    "b1": {"charged": 100.5, "discharged": 99.25},
}
SAVED = 61
"""Seconds after which everything counted has been saved and is shown."""


def stored(data: Any) -> dict[str, Any]:
    """Return a file with these totals."""
    return {"version": 1, "minor_version": 1, "key": KEY, "data": data}


def kwh(bench: Bench, key: str) -> float:
    """Return what an energy sensor shows."""
    return float(bench.state("sensor", key).state)


async def flow(bench: Bench, *ids: str, amps: float, times: int = 4) -> None:
    """Let batteries carry a current at 50 V for so many times 2 s."""
    await bench.speak(*ids, voltage=50.0, current=amps)
    for _ in range(times):
        # Less than the 3 s after which a frame is missed at the earliest
        await bench.move(2.0)
        await bench.speak(*ids, voltage=50.0, current=amps)


async def test_each_battery_and_the_bank_are_counted(bench: Bench) -> None:
    """In kWh, each way apart, and shown when they are saved."""
    await bench.battery("b1").battery("b2").inverter("i1").start()
    await bench.online("b1", "b2", voltage=50.0)
    await flow(bench, "b1", "b2", amps=200.0)
    assert kwh(bench, "b1_energy_charged") == 0.0
    await bench.tick(SAVED)
    # 10 kW for 8 s is 0.022 kWh
    assert kwh(bench, "b1_energy_charged") == pytest.approx(0.022, abs=0.004)
    assert kwh(bench, "gw_energy_charged") == pytest.approx(0.044, abs=0.008)
    await flow(bench, "b1", "b2", amps=-100.0)
    await bench.tick(SAVED)
    assert kwh(bench, "b2_energy_discharged") == pytest.approx(0.011, abs=0.003)
    assert kwh(bench, "gw_energy_discharged") == pytest.approx(0.022, abs=0.006)
    state = bench.state("sensor", "gw_energy_charged")
    assert state.attributes["device_class"] == "energy"
    assert state.attributes["state_class"] == "total_increasing"
    assert state.attributes["unit_of_measurement"] == "kWh"


async def test_what_flows_between_batteries_is_no_energy_of_the_bank(
    bench: Bench,
) -> None:
    """One charges the other: the house gets nothing of it."""
    await bench.battery("b1").battery("b2").inverter("i1").start()
    await bench.online("b1", "b2", voltage=50.0)
    for _ in range(5):
        bench.say("b1", [(0x356, bytes.fromhex("8813e803d700"))])  # 50 V, +100 A
        bench.say("b2", [(0x356, bytes.fromhex("881318fcd700"))])  # 50 V, -100 A
        await bench.until(
            lambda: (
                bench.snapshot.batteries["b1"].readings.current == 100.0
                and bench.snapshot.batteries["b2"].readings.current == -100.0
            )
        )
        await bench.move(2.0)
    await bench.tick(SAVED)
    assert kwh(bench, "b1_energy_charged") > 0.005
    assert kwh(bench, "b2_energy_discharged") > 0.005
    assert kwh(bench, "gw_energy_charged") == 0.0
    assert kwh(bench, "gw_energy_discharged") == 0.0


async def test_a_lost_battery_keeps_its_total_and_counts_no_gap(bench: Bench) -> None:
    """The others go on counting, and so does the bank."""
    await bench.battery("b1").battery("b2").inverter("i1").start()
    await bench.online("b1", "b2", voltage=50.0)
    await flow(bench, "b1", "b2", amps=200.0)
    await flow(bench, "b2", amps=200.0, times=8)
    await bench.shows("sensor", "b1_life", "lost")
    await flow(bench, "b1", "b2", amps=200.0, times=1)
    await bench.tick(SAVED)
    assert bench.state("sensor", "b1_energy_charged").state != STATE_UNAVAILABLE
    lost, kept = kwh(bench, "b1_energy_charged"), kwh(bench, "b2_energy_charged")
    # 10 s were known of one, 26 s of the other
    assert lost == pytest.approx(0.028, abs=0.008)
    assert kept == pytest.approx(0.072, abs=0.01)
    assert lost < kwh(bench, "gw_energy_charged") < lost + kept + 0.001


async def test_totals_go_on_after_a_reload(bench: Bench) -> None:
    """What was counted since the last save is saved at the end."""
    await bench.battery("b1").inverter("i1").start()
    await bench.online("b1", voltage=50.0)
    await flow(bench, "b1", amps=200.0)
    await bench.hass.config_entries.async_unload("gw")
    assert bench.entry.state is ConfigEntryState.NOT_LOADED
    await bench.setup()
    assert kwh(bench, "b1_energy_charged") == pytest.approx(0.022, abs=0.004)
    assert kwh(bench, "gw_energy_charged") == pytest.approx(0.022, abs=0.004)


async def test_a_crash_costs_only_what_was_not_saved(
    bench: Bench, hass_storage: dict[str, Any]
) -> None:
    """And what was shown had been saved."""
    await bench.battery("b1").inverter("i1").start()
    await bench.online("b1", voltage=50.0)
    await flow(bench, "b1", amps=200.0)
    await bench.tick(SAVED)
    on_disk = json.loads(json.dumps(hass_storage[KEY]))
    shown = kwh(bench, "b1_energy_charged")
    assert 0 < shown <= on_disk["data"]["b1"]["charged"]
    await flow(bench, "b1", amps=200.0)
    await bench.hass.config_entries.async_unload("gw")
    hass_storage[KEY] = on_disk
    await bench.setup()
    assert kwh(bench, "b1_energy_charged") == shown


async def test_nothing_is_written_while_nothing_flows(
    bench: Bench, hass_storage: dict[str, Any]
) -> None:
    """A card that is written to each minute wears out."""
    hass_storage[KEY] = stored(STORED)
    await bench.battery("b1").inverter("i1").start()
    await bench.online("b1", current=0.0)
    await flow(bench, "b1", amps=0.0)
    before = hass_storage.pop(KEY)
    await bench.tick(SAVED)
    assert KEY not in hass_storage
    await flow(bench, "b1", amps=1.0)
    await bench.tick(SAVED)
    assert hass_storage[KEY]["data"]["b1"]["charged"] > STORED["b1"]["charged"]
    assert before["data"] == STORED


async def test_stored_totals_are_shown_at_once(
    bench: Bench, hass_storage: dict[str, Any]
) -> None:
    """Before any battery has spoken; rounded down to whole Wh."""
    hass_storage[KEY] = stored(
        STORED | {"b1": {"charged": 100.5019, "discharged": 99.25}}
    )
    await bench.battery("b1").start()
    assert kwh(bench, "gw_energy_charged") == 300.0
    assert kwh(bench, "gw_energy_discharged") == 200.0
    assert kwh(bench, "b1_energy_charged") == 100.501
    assert kwh(bench, "b1_energy_discharged") == 99.25
    assert bench.issues() == {}


@pytest.fixture
def hass_config_dir(hass_tmp_config_dir: str) -> str:
    """Write files where each test is alone."""
    return hass_tmp_config_dir


def remember(hass: HomeAssistant, **shown: float) -> None:
    """Let Home Assistant remember what sensors showed before it started."""
    mock_restore_cache_with_extra_data(
        hass,
        [
            (
                State(f"sensor.{name}", str(value)),
                {"native_value": value, "native_unit_of_measurement": "kWh"},
            )
            for name, value in shown.items()
        ],
    )


def write(hass: HomeAssistant, content: bytes) -> None:
    """Leave something where totals are looked for."""
    path = Path(hass.config.path(".storage", KEY))
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)


def read(hass: HomeAssistant) -> Any:
    """Return what is on disk."""
    return json.loads(Path(hass.config.path(".storage", KEY)).read_bytes())


NOT_TOTALS: list[Any] = [
    None,
    [],
    {"gw": None},
    {"gw": {"charged": 1.0}},
    {"gw": {"charged": "1", "discharged": 1.0}},
    {"gw": {"charged": True, "discharged": 1.0}},
    {"gw": {"charged": -1.0, "discharged": 1.0}},
    {"gw": {"charged": float("nan"), "discharged": 1.0}},
    {"gw": {"charged": float("inf"), "discharged": 1.0}},
]


@pytest.mark.parametrize("data", NOT_TOTALS)
async def test_damaged_totals_go_on_from_what_was_shown(
    hass: HomeAssistant, bench: Bench, hass_storage: dict[str, Any], data: Any
) -> None:
    """With a repair that says so; a reload later, they are still there."""
    remember(hass, bank_energy_charged=300.5, my_b1_energy_discharged=7.25)
    write(hass, b"")
    hass_storage[KEY] = stored(data)
    await bench.battery("b1").start()
    assert bench.issues() == {"energy_unreadable_gw": "energy_unreadable"}
    assert kwh(bench, "gw_energy_charged") == 300.5
    assert kwh(bench, "b1_energy_discharged") == 7.25
    # Nobody knows these any more: that is what the repair is for
    assert kwh(bench, "gw_energy_discharged") == 0.0
    assert hass_storage[KEY]["data"]["gw"]["charged"] == 300.5
    await hass.config_entries.async_reload("gw")
    assert kwh(bench, "gw_energy_charged") == 300.5


class TestOnDisk:
    """With real files, as a power cut leaves them."""

    @pytest.fixture
    def hass_storage(self) -> dict[str, Any]:
        """Let stores write real files."""
        return {}

    @pytest.mark.parametrize("content", [b"", b"{", b"\0" * 300, b"[]", b"{}", b"\xff"])
    async def test_a_torn_file_is_no_0(
        self, hass: HomeAssistant, bench: Bench, content: bytes
    ) -> None:
        """Whatever is left of it."""
        remember(hass, bank_energy_charged=300.5)
        write(hass, content)
        await bench.battery("b1").start()
        assert bench.issues() == {"energy_unreadable_gw": "energy_unreadable"}
        assert kwh(bench, "gw_energy_charged") == 300.5
        assert read(hass)["data"]["gw"]["charged"] == 300.5


async def test_a_new_gateway_begins_at_0_without_a_repair(bench: Bench) -> None:
    """There was nothing to lose."""
    await bench.battery("b1").start()
    assert kwh(bench, "gw_energy_charged") == 0.0
    assert bench.issues() == {}


async def test_a_removed_battery_is_forgotten_and_a_removed_gateway_leaves_nothing(
    hass: HomeAssistant, bench: Bench, hass_storage: dict[str, Any]
) -> None:
    """The bank's total stays what it was."""
    hass_storage[KEY] = stored(STORED)
    await bench.battery("b1").battery("b2").start()
    hass.config_entries.async_remove_subentry(bench.entry, "b1")
    await hass.async_block_till_done()
    assert hass_storage[KEY]["data"]["gw"] == STORED["gw"]
    assert "b1" not in hass_storage[KEY]["data"]
    await hass.config_entries.async_remove("gw")
    assert KEY not in hass_storage
