"""What is published when: at the start, at the interval, at once."""

from typing import Any

import pytest

from homeassistant.core import HomeAssistant

from ...bench import Bench
from ..mock_client import LINGERS
from .messages import (
    EVERYTHING,
    PREFIX,
    STATE,
    STATUS,
    Look,
    Message,
    on,
    running,
    topics,
)

pytestmark = LINGERS


async def test_everything_is_published_at_the_start(bench: Bench, sent: Look) -> None:
    """The state is not retained; the status is, and it expires."""
    await bench.battery("b1").inverter("i1").start()
    messages = sent()
    assert set(topics(messages)) >= {STATE, STATUS}
    _, payload, retain, expiry = next(m for m in messages if m[0] == STATUS)
    assert (payload["status"], payload["reason"]) == ("online", "starting")
    assert (retain, expiry) == (True, 90)
    for topic, _, retain, expiry in messages:
        if topic != STATUS:
            assert (retain, expiry) == (False, None), topic


async def test_state_is_published_at_the_interval(bench: Bench, sent: Look) -> None:
    """Every 10 s by default."""
    await running(bench)
    await bench.tick(11)
    sent()
    await bench.send_telegrams("b1", soc=51, voltage=52.3)
    await bench.tick(11)
    messages = sent()
    assert set(topics(messages)) == EVERYTHING
    assert on(STATE, messages)[0]["soc"] == 51
    assert on(f"{PREFIX}/batteries/my_b1", messages)[0]["voltage"] == 52.3
    published = on(f"{PREFIX}/inverters/my_i1", messages)[0]
    assert published["charge_current_limit"] == 50


async def test_interval_and_topics_are_options(
    hass: HomeAssistant, bench: Bench, sent: Look
) -> None:
    """Live values wait for the interval. All change while the gateway runs."""
    await running(bench, mqtt_interval=60.0)
    await bench.tick(61)
    sent()
    await bench.send_telegrams("b1", soc=51, voltage=52.3)
    await bench.tick(11)
    assert STATE not in topics(sent())
    gateway = bench.runtime.gateway
    hass.config_entries.async_update_entry(
        bench.entry,
        options={
            "mqtt_interval": 2.0,
            "mqtt_prefix": "home/bank",
            "mqtt_state_topic": "tele/bms/state",
        },
    )
    await hass.async_block_till_done()
    messages = sent()
    assert on(STATUS, messages)[-1]["reason"] == "switched_off"
    assert on("home/bank/status", messages)[-1]["status"] == "online"
    await bench.tick(3)
    messages = sent()
    assert on("tele/bms/state", messages) == on("home/bank/state", messages) != []
    assert "home/bank/batteries/my_b1" in topics(messages)
    assert bench.runtime.gateway is gateway


@pytest.mark.parametrize(
    ("reports", "key", "value"),
    [
        ({"protections": (0x02, 0)}, "error_flags_1", 2),
        ({"ccl": 20.0}, "i_lim_charge", 20),
        ({"dcl": 0.0}, "i_lim_discharge", 0),
    ],
)
async def test_urgent_change_is_published_at_once(
    bench: Bench, sent: Look, reports: dict[str, Any], key: str, value: float
) -> None:
    """An alarm, a limit that matters: no timer fires here."""
    await running(bench)
    sent()
    await bench.send_telegrams("b1", **reports)
    messages: list[Message] = []

    def is_served() -> bool:
        messages.extend(sent())
        return any(state[key] == value for state in on(STATE, messages))

    await bench.until(is_served)
    assert f"{PREFIX}/batteries/my_b1" in topics(messages)


async def test_loss_is_published_at_once(bench: Bench, sent: Look) -> None:
    """With the status, and without the values that are unknown now."""
    await running(bench)
    sent()
    bench.ahead += 11
    messages: list[Message] = []

    def is_served() -> bool:
        messages.extend(sent())
        reasons = [status["reason"] for status in on(STATUS, messages)]
        return bool(reasons) and reasons[-1] == "not_sending"

    await bench.until(is_served)
    state = on(STATE, messages)[-1]
    assert state["status"] == "not_sending"
    assert state["soc"] is state["i_lim_charge"] is None
    assert on(f"{PREFIX}/batteries/my_b1", messages)[-1]["state"] == "lost"


async def test_status_is_renewed(bench: Bench, sent: Look) -> None:
    """Every 30 s, so that it does not expire."""
    await running(bench, mqtt_interval=3600.0)
    await bench.tick(31)
    sent()
    await bench.tick(31)
    [(topic, payload, retain, expiry)] = sent()
    assert topic == STATUS
    assert (payload["status"], payload["reason"]) == ("online", "running")
    assert (retain, expiry) == (True, 90)


async def test_status_renewal_does_not_hide_changes(bench: Bench, sent: Look) -> None:
    """The status alone is not the state."""
    await running(bench, mqtt_interval=3600.0)
    messages: list[Message] = []

    def last_limit() -> float:
        messages.extend(sent())
        limit: float = on(STATE, messages)[-1]["i_lim_charge"]
        return limit

    await bench.send_telegrams("b1", ccl=40.0)
    await bench.until(lambda: last_limit() == 40)
    # Together more than a tenth, each of them less
    await bench.send_telegrams("b1", ccl=38.0)
    await bench.receives("i1", 38.0, 50.0)
    await bench.tick(31)
    assert last_limit() == 40
    await bench.send_telegrams("b1", ccl=35.0)
    await bench.until(lambda: last_limit() == 35)
