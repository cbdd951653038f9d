"""The pace of states: live values at the interval, urgent ones at once."""

from collections.abc import Callable
from typing import Any

import pytest

from homeassistant.const import EVENT_STATE_CHANGED
from homeassistant.core import Event, HomeAssistant, callback

from .bench import Bench


@pytest.fixture
def written(hass: HomeAssistant) -> Callable[[], list[str]]:
    """Return the writes since the last call."""
    found: list[str] = []

    @callback
    def on_change(event: Event[Any]) -> None:
        found.append(event.data["entity_id"])

    hass.bus.async_listen(EVENT_STATE_CHANGED, on_change)

    def look() -> list[str]:
        seen, found[:] = list(found), []
        return seen

    return look


async def test_live_values_wait_for_the_interval(
    bench: Bench, written: Callable[[], list[str]]
) -> None:
    """Ten telegrams with other values are one write of each value."""
    await bench.battery("b1").inverter("i1").start()
    await bench.online("b1", soc=50, current=1.0)
    await bench.until(lambda: bench.snapshot.inverters["i1"].telegrams_sent > 0)
    await bench.send_telegrams("b1", soc=50, current=1.0)
    await bench.shows("binary_sensor", "i1_receiving", "on")
    await bench.tick(31)
    written()
    for step in range(1, 11):
        await bench.send_telegrams(
            "b1", soc=50 + step, current=float(step), voltage=52 + step / 10
        )
    assert written() == []
    assert bench.state("sensor", "b1_soc").state == "50.0"
    await bench.tick(31)
    assert bench.state("sensor", "b1_soc").state == "60.0"
    assert bench.state("sensor", "gw_soc").state == "60.0"
    once = written()
    assert bench.entity_id("sensor", "b1_soc") in once
    assert bench.entity_id("sensor", "b1_current") in once
    assert len(once) == len(set(once))


async def test_unchanged_values_are_not_written(
    bench: Bench, written: Callable[[], list[str]]
) -> None:
    """Not at the interval either."""
    await bench.battery("b1").inverter("i1").start()
    await bench.online("b1")
    await bench.send_telegrams("b1")
    await bench.tick(31)
    written()
    await bench.send_telegrams("b1")
    await bench.tick(31)
    assert bench.entity_id("sensor", "b1_soc") not in written()


async def test_interval_is_an_option(hass: HomeAssistant, bench: Bench) -> None:
    """It changes while the gateway runs."""
    await bench.battery("b1").start(options={"update_interval": 600.0})
    await bench.online("b1", soc=50)
    await bench.shows("sensor", "b1_soc", "50.0")
    await bench.send_telegrams("b1", soc=55)
    await bench.tick(31)
    assert bench.state("sensor", "b1_soc").state == "50.0"
    hass.config_entries.async_update_entry(
        bench.entry, options={"update_interval": 5.0}
    )
    await hass.async_block_till_done()
    await bench.tick(6)
    assert bench.state("sensor", "b1_soc").state == "55.0"


async def test_alarm_is_shown_at_once(
    bench: Bench, written: Callable[[], list[str]]
) -> None:
    """And only the alarm."""
    await bench.battery("b1").inverter("i1").start()
    await bench.online("b1", soc=50)
    await bench.shows("binary_sensor", "b1_protections", "off")
    written()
    await bench.send_telegrams("b1", soc=51, protections=(0x02, 0))
    shown = await bench.shows("binary_sensor", "b1_protections", "on")
    assert shown.attributes["alarms"] == ["over_voltage"]
    assert bench.state("sensor", "b1_soc").state == "50.0"
    assert bench.entity_id("sensor", "b1_soc") not in written()


async def test_significant_limit_is_shown_at_once(bench: Bench) -> None:
    """10 % or 0; a smaller change waits."""
    await bench.battery("b1").inverter("i1").start()
    await bench.online("b1", ccl=100.0)
    await bench.shows("sensor", "b1_charge_current_limit", "100.0")
    await bench.send_telegrams("b1", ccl=95.0)
    assert bench.state("sensor", "b1_charge_current_limit").state == "100.0"
    await bench.send_telegrams("b1", ccl=89.0)
    await bench.shows("sensor", "b1_charge_current_limit", "89.0")
    await bench.send_telegrams("b1", ccl=0.0)
    await bench.shows("sensor", "b1_charge_current_limit", "0.0")


async def test_limit_does_not_wait_for_a_long_interval(bench: Bench) -> None:
    """Too high a value is never shown, too low a one for half a minute."""
    await bench.battery("b1").start(options={"update_interval": 3600.0})
    await bench.online("b1", ccl=100.0)
    await bench.shows("sensor", "gw_charge_current_limit", "100.0")
    for amps in 40.0, 5.0, 4.0:
        await bench.send_telegrams("b1", ccl=amps)
        await bench.shows("sensor", "gw_charge_current_limit", str(amps))
    await bench.send_telegrams("b1", ccl=10.0)
    # Real time passes as well: on a busy machine for seconds
    for _ in range(2):
        bench.ahead += 10
        await bench.send_telegrams("b1", ccl=10.0)
    assert bench.state("sensor", "gw_charge_current_limit").state == "4.0"
    for _ in range(8):
        bench.ahead += 2
        await bench.send_telegrams("b1", ccl=10.0)
    await bench.shows("sensor", "gw_charge_current_limit", "10.0")


async def test_first_values_are_shown_at_once(bench: Bench) -> None:
    """Without waiting half a minute for a new battery."""
    await bench.battery("b1").inverter("i1").start(options={"update_interval": 3600.0})
    await bench.online("b1", soc=44)
    await bench.shows("sensor", "b1_soc", "44.0")
    await bench.shows("sensor", "gw_soc", "44.0")
    await bench.until(lambda: bench.snapshot.inverters["i1"].telegrams_sent > 0)
    await bench.send_telegrams("b1", soc=44)
    await bench.shows("sensor", "i1_charge_current_limit", "50.0")
