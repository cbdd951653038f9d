"""Temporary limits: what the inverters are sent, and until when."""

from datetime import timedelta

import pytest

from custom_components.bms_gateway.engine.model import Direction
from homeassistant.util import dt as dt_util

from ..bench import Bench
from .calls import at_work, clear, later, limit, ready, temporary_limits


async def live(bench: Bench, seconds: int) -> None:
    """Advance the time while the battery sends; rising limits ramp up."""
    for _ in range(seconds // 2):
        await bench.move(2)
        await bench.send_telegrams("b1")


async def test_limit_applies_at_once_and_ends_by_itself(bench: Bench) -> None:
    """After an hour by default."""
    await at_work(bench)
    answer = await limit(bench, charge_current=20.0)
    await bench.receives("i1", 10.0, 25.0)
    await bench.receives("i2", 10.0, 25.0)
    [temporary_limit] = answer["temporary_limits"]
    end = dt_util.parse_datetime(temporary_limit["ends_at"])
    assert end is not None
    assert abs(end - dt_util.utcnow() - timedelta(hours=1)) < timedelta(seconds=5)
    assert temporary_limit == {
        "direction": "charge",
        "owner": "automation",
        "current": 20.0,
        "ends_at": temporary_limit["ends_at"],
    }
    await later(bench, 3500)
    await live(bench, 40)
    await bench.receives("i1", 10.0, 25.0)
    assert len(temporary_limits(bench)) == 1
    await later(bench, 61)
    assert temporary_limits(bench) == []
    await live(bench, 24)
    await bench.receives("i1", 25.0, 25.0)


async def test_limit_of_one_inverter_leaves_the_rest_to_the_others(
    bench: Bench,
) -> None:
    """It alone is sent less; the others take the rest."""
    await ready(bench)
    await bench.online("b1", ccl=40.0)
    await bench.receives("i1", 20.0, 25.0)
    await limit(bench, "i1", charge_current=10.0, discharge_current=0.0)
    await bench.receives("i1", 10.0, 0.0)
    reason = await bench.shows("sensor", "i1_discharge_limited_by", "temporary_limit")
    assert reason.attributes["source"] == "automation"
    assert reason.attributes["device_id"] == bench.device_id("i1")


async def test_limit_in_watts_uses_the_present_voltage(bench: Bench) -> None:
    """Converted again with each telegram, rounding down."""
    await at_work(bench, voltage=50.0)
    await limit(bench, charge_power=1000, discharge_power=503)
    await bench.receives("i1", 10.0, 5.0)
    await bench.send_telegrams("b1", voltage=55.0)
    await bench.receives("i1", 9.0, 4.5)
    [charge, discharge] = temporary_limits(bench)
    assert (charge.watts, discharge.watts) == (1000.0, 503.0)


async def test_repeated_call_renews_the_limit(bench: Bench) -> None:
    """The same owner's limit starts anew; a shorter one ends it earlier."""
    await ready(bench)
    await limit(bench, charge_current=20, duration={"minutes": 10})
    await later(bench, 300)
    await limit(bench, charge_current=20, duration={"minutes": 10})
    await later(bench, 400)
    assert len(temporary_limits(bench)) == 1
    await limit(bench, charge_current=20, duration=5)
    await later(bench, 6)
    assert temporary_limits(bench) == []


async def test_unlimited_duration_lasts_until_cleared(bench: Bench) -> None:
    """Only when requested; then it is shown without an end."""
    await ready(bench)
    answer = await limit(bench, charge_current=20, until_cleared=True)
    assert answer["temporary_limits"][0]["ends_at"] is None
    await later(bench, 90_000)
    assert len(temporary_limits(bench)) == 1
    assert (await clear(bench))["temporary_limits"] == []


async def test_clear_one_direction_of_one_device(bench: Bench) -> None:
    """Everything else stays."""
    await ready(bench)
    for target in "gw", "i1":
        await limit(bench, target, charge_current=20, discharge_current=15)
    await clear(bench, "i1", direction="charge")
    assert {
        (temporary_limit.device_id, temporary_limit.direction)
        for temporary_limit in temporary_limits(bench)
    } == {
        (None, Direction.CHARGE),
        (None, Direction.DISCHARGE),
        ("i1", Direction.DISCHARGE),
    }
    await clear(bench)
    assert [
        temporary_limit.device_id for temporary_limit in temporary_limits(bench)
    ] == ["i1"]


@pytest.mark.usefixtures("socket_enabled")
async def test_limiting_is_always_possible(bench: Bench) -> None:
    """While batteries are silent and ports are lost."""
    bench.battery("b1", interface="socketcan", channel="nosuchcan0")
    bench.inverter("i1", interface="socketcan", channel="nosuchcan1")
    await bench.start()
    await bench.until(lambda: {"port_b1", "port_i1"} <= set(bench.issues()))
    await limit(bench, charge_current=0)
    await limit(bench, "i1", discharge_power=0)
    assert len(temporary_limits(bench)) == 2


async def test_limit_set_while_a_battery_is_lost(bench: Bench) -> None:
    """It applies when the battery is back."""
    await at_work(bench)
    await bench.move(11)
    await bench.shows("sensor", "b1_state", "lost")
    await limit(bench, charge_current=10)
    for _ in range(4):
        await bench.send_telegrams("b1")
    await bench.shows("sensor", "b1_state", "online")
    await live(bench, 24)
    await bench.receives("i1", 5.0, 25.0)
