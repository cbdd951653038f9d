"""Energy totals only grow, whatever happens to the battery, the gateway or the disk."""

from collections.abc import Callable
import json
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from pytest_homeassistant_custom_component.common import (
    mock_restore_cache_with_extra_data,
)

from custom_components.bms_gateway.const import DOMAIN
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import (
    EVENT_HOMEASSISTANT_FINAL_WRITE,
    EVENT_HOMEASSISTANT_STOP,
    STATE_UNAVAILABLE,
    STATE_UNKNOWN,
)
from homeassistant.core import CoreState, HomeAssistant, State
from homeassistant.helpers import restore_state
from homeassistant.helpers.storage import Store
from homeassistant.util.file import WriteError

from ..bench import Bench

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
    """Make batteries carry a current at 50 V, `times` times 2 s.

    More than 1,200 A would be unknown for a battery that allows 100 A.
    """
    await bench.send_telegrams(*ids, voltage=50.0, current=amps)
    for _ in range(times):
        # Less than the 3 s after which a frame is missed at the earliest
        await bench.move(2.0)
        await bench.send_telegrams(*ids, voltage=50.0, current=amps)


async def test_each_battery_and_the_bank_are_counted(bench: Bench) -> None:
    """In kWh, each direction separately, and shown when they are saved."""
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


async def test_current_between_batteries_is_not_energy_of_the_bank(
    bench: Bench,
) -> None:
    """One charges the other: the house gets nothing."""
    await bench.battery("b1").battery("b2").inverter("i1").start()
    await bench.online("b1", "b2", voltage=50.0)
    for _ in range(5):
        bench.send("b1", [(0x356, bytes.fromhex("8813e803d700"))])  # 50 V, +100 A
        bench.send("b2", [(0x356, bytes.fromhex("881318fcd700"))])  # 50 V, -100 A
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


async def test_lost_battery_keeps_its_total_and_counts_no_gap(bench: Bench) -> None:
    """The others keep counting, and so does the bank."""
    await bench.battery("b1").battery("b2").inverter("i1").start()
    await bench.online("b1", "b2", voltage=50.0)
    await flow(bench, "b1", "b2", amps=200.0)
    await flow(bench, "b2", amps=200.0, times=8)
    await bench.shows("sensor", "b1_state", "lost")
    await flow(bench, "b1", "b2", amps=200.0, times=1)
    await bench.tick(SAVED)
    assert bench.state("sensor", "b1_energy_charged").state != STATE_UNAVAILABLE
    lost, kept = kwh(bench, "b1_energy_charged"), kwh(bench, "b2_energy_charged")
    # 10 s were known of one, 26 s of the other
    assert lost == pytest.approx(0.028, abs=0.008)
    assert kept == pytest.approx(0.072, abs=0.01)
    assert lost < kwh(bench, "gw_energy_charged") < lost + kept + 0.001


async def test_totals_continue_after_a_reload(bench: Bench) -> None:
    """Energy since the last save is saved at the end."""
    await bench.battery("b1").inverter("i1").start()
    await bench.online("b1", voltage=50.0)
    await flow(bench, "b1", amps=200.0)
    await bench.hass.config_entries.async_unload("gw")
    assert bench.entry.state is ConfigEntryState.NOT_LOADED
    await bench.setup()
    assert kwh(bench, "b1_energy_charged") == pytest.approx(0.022, abs=0.004)
    assert kwh(bench, "gw_energy_charged") == pytest.approx(0.022, abs=0.004)


async def test_crash_loses_only_unsaved_energy(
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


async def full(self: Store[Any], data: dict[str, Any]) -> None:
    """Have no room on the disk."""
    raise WriteError("[Errno 28] No space left on device")


async def forgetful(self: Store[Any], data: dict[str, Any]) -> None:
    """Accept writes, and write nothing."""


UNSAVED = ("energy_unsaved_gw", "energy_unsaved")


@pytest.mark.parametrize("write", [full, forgetful])
async def test_unsaved_energy_is_not_shown(
    hass: HomeAssistant,
    bench: Bench,
    hass_storage: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
    write: Any,
) -> None:
    """With a repair; after a crash the totals continue from what was shown."""
    await bench.battery("b1").inverter("i1").start()
    await bench.online("b1", voltage=50.0)
    await flow(bench, "b1", amps=1000.0, times=8)
    await bench.tick(SAVED)
    assert bench.issues() == {}
    before = dict(restore_state.async_get(hass).last_states)
    on_disk = json.loads(json.dumps(hass_storage[KEY]))
    with patch.object(Store, "_async_write_data", write):
        for _ in range(2):
            await flow(bench, "b1", amps=1000.0, times=8)
            await bench.tick(SAVED)
            shown = kwh(bench, "b1_energy_charged")
            assert 0 < shown <= on_disk["data"]["b1"]["charged"]
            assert dict([UNSAVED]).items() <= bench.issues().items()
        # In any way it may end meanwhile
        assert await hass.config_entries.async_unload("gw")
    assert hass_storage[KEY] == on_disk
    assert caplog.text.count("energy cannot be saved") == 1
    restore_state.async_get(hass).last_states = before
    await bench.setup()
    assert kwh(bench, "b1_energy_charged") == shown
    assert UNSAVED[0] not in bench.issues()


async def test_totals_are_shown_once_they_can_be_saved_again(
    bench: Bench, hass_storage: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """With all energy counted meanwhile, also while nothing flows."""
    await bench.battery("b1").inverter("i1").start()
    await bench.online("b1", voltage=50.0)
    with patch.object(Store, "_async_write_data", full):
        await flow(bench, "b1", amps=1000.0, times=8)
        await bench.tick(SAVED)
        assert kwh(bench, "b1_energy_charged") == 0.0
    await bench.tick(SAVED)
    # 50 kW for 16 s are 0.222 kWh
    assert kwh(bench, "b1_energy_charged") == pytest.approx(0.22, abs=0.04)
    assert hass_storage[KEY]["data"]["b1"]["charged"] >= kwh(bench, "b1_energy_charged")
    assert bench.issues() == {}
    assert caplog.text.count("energy can be saved again") == 1


async def test_energy_counted_at_the_end_of_home_assistant_is_not_shown(
    hass: HomeAssistant, bench: Bench, hass_storage: dict[str, Any]
) -> None:
    """It is written with everything else, too late to be read back; it is there later."""
    await bench.battery("b1").inverter("i1").start()
    await bench.online("b1", voltage=50.0)
    await flow(bench, "b1", amps=1000.0, times=8)
    hass.set_state(CoreState.stopping)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STOP)
    await hass.async_block_till_done()
    assert kwh(bench, "b1_energy_charged") == 0.0
    assert KEY not in hass_storage
    hass.bus.async_fire(EVENT_HOMEASSISTANT_FINAL_WRITE)
    await hass.async_block_till_done()
    assert hass_storage[KEY]["data"]["b1"]["charged"] > 0.1
    hass.set_state(CoreState.running)


async def test_nothing_is_written_without_a_current(
    bench: Bench, hass_storage: dict[str, Any]
) -> None:
    """Writing each minute wears out a card."""
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
    """Before any battery has sent; rounded down to whole Wh."""
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
    """Make Home Assistant restore the sensors' values from before the start."""
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


def place(hass: HomeAssistant) -> Path:
    """Return the path of the totals."""
    path = Path(hass.config.path(".storage", KEY))
    path.parent.mkdir(exist_ok=True)
    return path


def write(hass: HomeAssistant, content: bytes) -> None:
    """Put content in place of the totals."""
    place(hass).write_bytes(content)


def make_folder(hass: HomeAssistant) -> None:
    """Put a folder there."""
    place(hass).mkdir()


def take_folder(hass: HomeAssistant) -> None:
    """Remove such a folder."""
    place(hass).rmdir()


def link_to_nothing(hass: HomeAssistant) -> None:
    """Put a link there whose target is on a disk that is not mounted."""
    place(hass).symlink_to("not_mounted")


def rename_as_corrupt(hass: HomeAssistant) -> None:
    """Put Home Assistant's renamed corrupt file there."""
    path = place(hass)
    path.with_name(f"{path.name}.corrupt.2026-11-22T10:00:00").write_bytes(b"{")


def read(hass: HomeAssistant) -> Any:
    """Return what is on disk."""
    return json.loads(place(hass).read_bytes())


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
async def test_damaged_totals_continue_from_what_was_shown(
    hass: HomeAssistant,
    bench: Bench,
    hass_storage: dict[str, Any],
    data: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """With a warning in the log; a reload later, they are still there."""
    remember(hass, bank_energy_charged=300.5, my_b1_energy_discharged=7.25)
    write(hass, b"")
    hass_storage[KEY] = stored(data)
    await bench.battery("b1").start()
    assert bench.issues() == {}
    assert kwh(bench, "gw_energy_charged") == 300.5
    assert kwh(bench, "b1_energy_discharged") == 7.25
    assert "energy totals of Bank cannot be read" in caplog.text
    # No sensor showed these before
    assert kwh(bench, "gw_energy_discharged") == 0.0
    assert hass_storage[KEY]["data"]["gw"]["charged"] == 300.5
    await hass.config_entries.async_reload("gw")
    assert kwh(bench, "gw_energy_charged") == 300.5


class TestOnDisk:
    """With real files, as a power cut leaves them."""

    @pytest.fixture
    def hass_storage(self) -> dict[str, Any]:
        """Make stores write real files."""
        return {}

    async def test_folder_in_place_of_the_totals(
        self, hass: HomeAssistant, bench: Bench
    ) -> None:
        """The shown value is saved nowhere, and neither 0 nor more may be shown."""
        remember(hass, bank_energy_charged=300.5)
        make_folder(hass)
        await bench.battery("b1").inverter("i1").start()
        assert bench.issues() == dict([UNSAVED])
        assert bench.state("sensor", "gw_energy_charged").state == STATE_UNKNOWN
        # Nor may the shown value be lost
        assert await hass.config_entries.async_unload("gw")
        states = restore_state.async_get(hass).last_states
        kept = states["sensor.bank_energy_charged"].extra_data
        assert kept is not None
        assert kept.as_dict()["native_value"] == 300.5
        await bench.setup()
        await bench.online("b1", voltage=50.0)
        await flow(bench, "b1", amps=1000.0, times=8)
        take_folder(hass)
        await bench.tick(SAVED)
        await bench.until(lambda: bench.runtime.energy_store.saved)
        assert (
            300.5
            < kwh(bench, "gw_energy_charged")
            <= read(hass)["data"]["gw"]["charged"]
        )
        assert bench.issues() == {}

    @pytest.mark.parametrize("leave", [link_to_nothing, rename_as_corrupt])
    async def test_missing_totals_are_not_new(
        self, hass: HomeAssistant, bench: Bench, leave: Callable[[HomeAssistant], None]
    ) -> None:
        """A dangling link, a renamed file: totals are lost."""
        remember(hass, bank_energy_charged=300.5)
        leave(hass)
        await bench.battery("b1").start()
        assert bench.issues() == {}
        assert kwh(bench, "gw_energy_charged") == 300.5
        assert read(hass)["data"]["gw"]["charged"] == 300.5

    @pytest.mark.parametrize("content", [b"", b"{", b"\0" * 300, b"[]", b"{}", b"\xff"])
    async def test_torn_file_does_not_start_at_0(
        self, hass: HomeAssistant, bench: Bench, content: bytes
    ) -> None:
        """From any remains of it."""
        remember(hass, bank_energy_charged=300.5)
        write(hass, content)
        await bench.battery("b1").start()
        assert bench.issues() == {}
        assert kwh(bench, "gw_energy_charged") == 300.5
        assert read(hass)["data"]["gw"]["charged"] == 300.5


async def test_new_gateway_starts_at_0_without_a_warning(bench: Bench) -> None:
    """There was nothing to lose."""
    await bench.battery("b1").start()
    assert kwh(bench, "gw_energy_charged") == 0.0
    assert bench.issues() == {}


async def test_removed_devices_leave_no_totals(
    hass: HomeAssistant, bench: Bench, hass_storage: dict[str, Any]
) -> None:
    """A removed battery or gateway; the bank's total stays."""
    hass_storage[KEY] = stored(STORED)
    await bench.battery("b1").battery("b2").start()
    hass.config_entries.async_remove_subentry(bench.entry, "b1")
    await hass.async_block_till_done()
    assert hass_storage[KEY]["data"]["gw"] == STORED["gw"]
    assert "b1" not in hass_storage[KEY]["data"]
    await hass.config_entries.async_remove("gw")
    assert KEY not in hass_storage
