"""When entities write: large moves, urgent values, and everything else in time."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from unittest.mock import PropertyMock, patch

import pytest

from custom_components.bms_gateway.throttle.states import SLOW_INTERVAL
from homeassistant.const import STATE_OFF, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.util import dt as dt_util

from .bench import Bench


@pytest.fixture
def all_enabled() -> Iterator[None]:
    """Enable entities that are disabled by default."""
    with patch(
        "homeassistant.helpers.entity.Entity.entity_registry_enabled_default",
        PropertyMock(return_value=True),
    ):
        yield


async def shown(bench: Bench, key: str, *, current: float) -> str:
    """Return what a sensor shows at the next interval after a telegram."""
    await bench.send_telegrams("b1", current=current)
    await bench.tick(31)
    return bench.state("sensor", key).state


async def test_small_moves_wait_and_large_ones_do_not(bench: Bench) -> None:
    """1 A is worth a row; small steps add up to it; 0 is always written."""
    await bench.battery("b1").inverter("i1").start()
    await bench.online("b1", current=10.0)
    assert await shown(bench, "b1_current", current=10.9) == "10.0"
    assert await shown(bench, "b1_current", current=11.1) == "11.1"
    assert await shown(bench, "b1_current", current=10.5) == "11.1"
    assert await shown(bench, "b1_current", current=0.9) == "0.9"
    assert await shown(bench, "b1_current", current=0.0) == "0.0"


async def test_small_moves_are_shown_in_time(bench: Bench) -> None:
    """After five minutes the value is exact."""
    await bench.battery("b1").inverter("i1").start()
    await bench.online("b1", current=10.0)
    assert await shown(bench, "b1_current", current=10.5) == "10.0"
    bench.ahead += SLOW_INTERVAL
    for _ in range(4):
        await bench.send_telegrams("b1", current=10.5)
    assert await shown(bench, "b1_current", current=10.5) == "10.5"


async def test_small_limit_is_shown_by_its_fraction(bench: Bench) -> None:
    """Of 3 A, half an ampere is much."""
    await bench.battery("b1").inverter("i1").start()
    await bench.online("b1", ccl=3.0)
    await bench.shows("sensor", "gw_charge_current_limit", "3.0")
    await bench.send_telegrams("b1", ccl=2.8)
    await bench.tick(31)
    assert bench.state("sensor", "gw_charge_current_limit").state == "3.0"
    await bench.send_telegrams("b1", ccl=2.5)
    await bench.shows("sensor", "gw_charge_current_limit", "2.5")


async def test_energies_for_the_dashboard(bench: Bench) -> None:
    """Stored energy and capacity by the cells' nominal voltage, power by its sign."""
    await bench.battery("b1").inverter("i1").start()
    # A charge voltage limit of 56 V is that of 16 cells: 51.2 V
    await bench.online("b1", cvl=56.0, soc=50, voltage=50.0, current=-20.0)
    await bench.send_telegrams("b1", cvl=56.0, soc=50, voltage=50.0, current=-20.0)
    await bench.tick(31)
    expected = {
        "gw_power": ("-1000.0", "power"),
        "gw_soc": ("50.0", "battery"),
        "gw_capacity_energy": ("5.12", "energy_storage"),
        "gw_stored_energy": ("2.56", "energy_storage"),
        # 50 Ah at 20 A are 2.5 h
        "gw_time_to_empty": ("2.5", "duration"),
    }
    for key, (value, device_class) in expected.items():
        state = bench.state("sensor", key)
        assert (state.state, state.attributes["device_class"]) == (value, device_class)
    assert bench.state("sensor", "gw_time_to_full").state == STATE_UNKNOWN


@pytest.mark.usefixtures("all_enabled")
async def test_last_telegram_has_a_date(bench: Bench) -> None:
    """Which stays when the battery goes silent."""
    await bench.battery("b1").inverter("i1").start()
    assert bench.state("sensor", "b1_last_telegram").state == STATE_UNKNOWN
    await bench.online("b1")
    await bench.send_telegrams("b1")
    await bench.tick(31)
    at = datetime.fromisoformat(bench.state("sensor", "b1_last_telegram").state)
    assert timedelta() <= dt_util.utcnow() - at < timedelta(seconds=20)
    await bench.move(60)
    await bench.shows("sensor", "b1_state", "lost")
    before = bench.state("sensor", "b1_last_telegram").state
    await bench.move(60)
    assert bench.state("sensor", "b1_last_telegram").state == before


@pytest.mark.usefixtures("all_enabled")
async def test_diagnostic_sensors_are_shown_once_known(bench: Bench) -> None:
    """Shares, periods, exclusion: known once there is something to know."""
    await bench.battery("b1").inverter("i1").start()
    await bench.online("b1", ccl=0.0)
    for _ in range(3):
        await bench.move(1.0)
        await bench.send_telegrams("b1", ccl=0.0)
    await bench.tick(31)
    assert float(bench.state("sensor", "b1_telegram_period").state) == pytest.approx(
        1.0, 0.3
    )
    assert bench.state("binary_sensor", "b1_excluded_discharge").state == STATE_OFF
    for key in (
        "b1_current_share",
        "b1_circulating_current",
        "gw_soh_min",
        "i1_last_telegram_sent",
    ):
        assert bench.state("sensor", key).state != STATE_UNAVAILABLE
