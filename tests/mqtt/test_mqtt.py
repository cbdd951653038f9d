"""MQTT: what is published when, and that CAN does not depend on it."""

import asyncio
from collections.abc import Callable
import gc
import json
from pathlib import Path
import subprocess
import sys
from typing import Any
from unittest.mock import patch

import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_mqtt_message,
)
from pytest_homeassistant_custom_component.typing import (
    MqttMockHAClient,
    MqttMockHAClientGenerator,
)

from custom_components.bms_gateway import mqtt as ours
from custom_components.bms_gateway.const import DOMAIN
from custom_components.bms_gateway.engine.model import Status
from homeassistant.components.mqtt.const import MQTT_CONNECTION_STATE
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import (
    EVENT_HOMEASSISTANT_FINAL_WRITE,
    EVENT_HOMEASSISTANT_STOP,
)
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.setup import async_setup_component

from ..bench import Bench

# Home Assistant's mock of an MQTT client leaves a timer behind
pytestmark = pytest.mark.parametrize("expected_lingering_timers", [True])

type Message = tuple[str, Any, bool, int | None]
"""Topic, payload, whether it is retained, seconds until it expires."""
type Look = Callable[[], list[Message]]

PREFIX = "bms_gateway/bank"
STATE = f"{PREFIX}/state"
STATUS = f"{PREFIX}/status"
EVERYTHING = {STATE, f"{PREFIX}/batteries/my_b1", f"{PREFIX}/inverters/my_i1"}


@pytest.fixture
def sent(mqtt_mock: MqttMockHAClient) -> Look:
    """Return the messages published since the last call."""

    def look() -> list[Message]:
        found = [
            (
                call.args[0],
                json.loads(call.args[1]),
                call.args[3],
                call.kwargs["message_expiry_interval"],
            )
            for call in mqtt_mock.async_publish.call_args_list
        ]
        mqtt_mock.async_publish.reset_mock()
        return found

    return look


def topics(messages: list[Message]) -> list[str]:
    """Return the topics alone."""
    return [message[0] for message in messages]


def on(topic: str, messages: list[Message]) -> list[Any]:
    """Return the payloads on one topic."""
    return [payload for each, payload, *_ in messages if each == topic]


async def running(bench: Bench, **options: Any) -> Bench:
    """Start a gateway with a battery and an inverter that is sent limits."""
    await bench.battery("b1").inverter("i1").start(options=options)
    await bench.online("b1")
    await bench.receives("i1", 50.0, 50.0)
    await bench.until(lambda: bench.snapshot.inverters["i1"].listening is True)
    return bench


async def connection(
    hass: HomeAssistant, mqtt_mock: MqttMockHAClient, connected: bool
) -> None:
    """Lose the connection to the broker, or restore it."""
    mqtt_mock.connected = connected
    async_dispatcher_send(hass, MQTT_CONNECTION_STATE, connected)
    await hass.async_block_till_done()


# Published data and times -----------------------------------------------------


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


# The end ------------------------------------------------------------------------


async def test_only_offline_is_published_after_unload(
    hass: HomeAssistant, bench: Bench, sent: Look
) -> None:
    """Retained, and for good."""
    await running(bench)
    sent()
    assert await hass.config_entries.async_unload("gw")
    await hass.async_block_till_done()
    [(topic, payload, retain, expiry)] = sent()
    assert topic == STATUS
    assert (payload["status"], payload["reason"]) == ("offline", "stopped")
    assert (retain, expiry) == (True, None)
    await bench.tick(61)
    assert sent() == []


async def test_offline_is_published_at_the_end_of_home_assistant(
    hass: HomeAssistant, bench: Bench, sent: Look
) -> None:
    """Once, with its own reason."""
    await running(bench)
    sent()
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STOP)
    await hass.async_block_till_done()
    [(topic, payload, retain, _)] = sent()
    assert (topic, retain) == (STATUS, True)
    assert (payload["status"], payload["reason"]) == (
        "offline",
        "home_assistant_stopped",
    )


async def test_reload_publishes_offline_and_online(
    hass: HomeAssistant, bench: Bench, sent: Look
) -> None:
    """And publishes once, not twice."""
    await running(bench)
    sent()
    assert await hass.config_entries.async_unload("gw")
    await bench.setup()
    assert [status["status"] for status in on(STATUS, sent())][:2] == [
        "offline",
        "online",
    ]
    await bench.tick(11)
    assert topics(sent()).count(STATE) == 1


async def test_stuck_broker_does_not_hold_up_the_end(
    hass: HomeAssistant, bench: Bench, mqtt_mock: MqttMockHAClient
) -> None:
    """The gateway is silent on CAN at once; MQTT gets 2 s for its last message."""
    await running(bench)

    async def wait(*_: Any, **__: Any) -> None:
        await asyncio.Event().wait()

    mqtt_mock.async_publish.side_effect = wait
    with patch("custom_components.bms_gateway.mqtt.publisher.LAST_MESSAGE_TIME", 0.01):
        assert await hass.config_entries.async_unload("gw")


# Switched off, on -----------------------------------------------------------------


async def test_nothing_is_published_when_switched_off(
    hass: HomeAssistant, bench: Bench, sent: Look
) -> None:
    """And everything when switched on again."""
    await running(bench, mqtt_enabled=False)
    await bench.tick(31)
    assert sent() == []
    hass.config_entries.async_update_entry(bench.entry, options={})
    await hass.async_block_till_done()
    assert set(topics(sent())) == {STATUS, *EVERYTHING}
    hass.config_entries.async_update_entry(bench.entry, options={"mqtt_enabled": False})
    await hass.async_block_till_done()
    [(topic, payload, *_)] = sent()
    assert (topic, payload["reason"]) == (STATUS, "switched_off")
    await bench.tick(31)
    assert sent() == []


async def test_other_options_do_not_affect_mqtt(
    hass: HomeAssistant, bench: Bench, sent: Look
) -> None:
    """A new update interval publishes no "offline"."""
    await running(bench)
    sent()
    hass.config_entries.async_update_entry(
        bench.entry, options={"update_interval": 60.0}
    )
    await hass.async_block_till_done()
    assert on(STATUS, sent()) == []


async def test_new_name_moves_the_topics(
    hass: HomeAssistant, bench: Bench, sent: Look
) -> None:
    """Unless a prefix was chosen; the old status becomes offline."""
    await running(bench)
    sent()
    hass.config_entries.async_update_entry(bench.entry, title="Cellar")
    await hass.async_block_till_done()
    messages = sent()
    assert on(STATUS, messages)[-1]["status"] == "offline"
    assert on("bms_gateway/cellar/state", messages)[-1]["name"] == "Cellar"


# Without MQTT, and with faults of it --------------------------------------------------


def test_manifest_declares_no_dependency_on_mqtt() -> None:
    """A failed setup of MQTT would fail ours."""
    folder = Path(ours.__file__).parents[1]
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    for key in ("dependencies", "after_dependencies"):
        assert "mqtt" not in manifest.get(key, [])


def test_mqtt_is_not_imported_before_it_is_set_up() -> None:
    """Without MQTT Home Assistant does not install its requirements."""
    program = (
        "import sys, custom_components.bms_gateway as _;"
        "print({'paho', 'homeassistant.components.mqtt'} & set(sys.modules))"
    )
    published = subprocess.run(
        (sys.executable, "-c", program), capture_output=True, text=True, check=True
    )
    assert published.stdout.strip() == "set()"


async def test_gateway_runs_without_mqtt(hass: HomeAssistant, bench: Bench) -> None:
    """And does not set it up."""
    await running(bench)
    assert "mqtt" not in hass.config.components


@pytest.mark.usefixtures("mock_hass_config")
async def test_mqtt_set_up_later_is_used(
    bench: Bench, mqtt_mock_entry: MqttMockHAClientGenerator
) -> None:
    """No reload is needed."""
    await running(bench)
    client = await mqtt_mock_entry()
    await bench.until(
        lambda: STATE in {c.args[0] for c in client.async_publish.call_args_list}
    )


@pytest.mark.usefixtures("mock_hass_config")
async def test_stopped_gateway_does_not_use_mqtt_set_up_later(
    hass: HomeAssistant,
    bench: Bench,
    mqtt_mock_entry: MqttMockHAClientGenerator,
) -> None:
    """No gateway is left to use it."""
    await running(bench)
    assert await hass.config_entries.async_unload("gw")
    client = await mqtt_mock_entry()
    await hass.async_block_till_done(wait_background_tasks=True)
    assert client.async_publish.call_args_list == []


def left(hass: HomeAssistant) -> tuple[dict[Any, int], int]:
    """Return the listeners and the gateways' MQTT objects in memory."""
    gc.collect()
    # Home Assistant's own, of files that are to be written yet
    own = EVENT_HOMEASSISTANT_FINAL_WRITE
    found = hass.bus.async_listeners().items()
    listeners = {str(event): count for event, count in found if event != own}
    uplinks = sum(isinstance(each, ours.Uplink) for each in gc.get_objects())
    return listeners, uplinks


async def test_reload_leaves_nothing_waiting_for_mqtt(
    hass: HomeAssistant, bench: Bench
) -> None:
    """Neither a listener nor the earlier gateway."""
    await bench.battery("b1").inverter("i1").start()
    before = left(hass)
    for _ in range(10):
        assert await hass.config_entries.async_reload("gw")
        await hass.async_block_till_done()
    assert left(hass) == before
    assert before[1] == 1


@pytest.mark.usefixtures("mqtt_mock")
async def test_reload_leaves_no_second_publisher(
    hass: HomeAssistant, bench: Bench
) -> None:
    """The same where MQTT is set up."""
    await bench.battery("b1").inverter("i1").start()
    before = left(hass)
    for _ in range(10):
        assert await hass.config_entries.async_reload("gw")
        await hass.async_block_till_done()
    assert left(hass) == before


@pytest.mark.usefixtures("mock_hass_config")
async def test_mqtt_set_up_after_a_reload_is_used_once(
    hass: HomeAssistant, bench: Bench, mqtt_mock_entry: MqttMockHAClientGenerator
) -> None:
    """By every gateway that runs then, and by later ones."""
    options = {"mqtt_interval": 60.0}
    await bench.battery("b1").inverter("i1").start(options=options)
    for _ in range(2):
        assert await hass.config_entries.async_reload("gw")
    for title in "Cellar", "Attic":
        entry = MockConfigEntry(domain=DOMAIN, title=title, options=options)
        entry.add_to_hass(hass)
        if title == "Cellar":
            assert await hass.config_entries.async_setup(entry.entry_id)
    client = await mqtt_mock_entry()

    def published() -> list[str]:
        calls = client.async_publish.call_args_list
        return [c.args[0] for c in calls if c.args[0].endswith("/state")]

    def names() -> set[str]:
        return {topic.split("/")[1] for topic in published()}

    await bench.until(lambda: names() == {"bank", "cellar"})
    assert await hass.config_entries.async_setup(entry.entry_id)
    await bench.until(lambda: names() == {"bank", "cellar", "attic"})
    await hass.async_block_till_done()
    client.async_publish.reset_mock()
    await bench.tick(61)
    assert sorted(published()) == sorted(
        f"bms_gateway/{name}/state" for name in names()
    )
    assert names() == {"bank", "cellar", "attic"}
    for each in hass.config_entries.async_entries(DOMAIN):
        assert await hass.config_entries.async_unload(each.entry_id)


@pytest.mark.parametrize(
    ("where", "fault"),
    [
        ("async_setup", {"return_value": False}),
        ("async_setup", {"side_effect": RuntimeError("broken")}),
        ("async_setup_entry", {"return_value": False}),
        ("async_setup_entry", {"side_effect": HomeAssistantError("broken")}),
    ],
)
@pytest.mark.parametrize("first", [True, False])
async def test_failed_setup_of_mqtt_stops_nothing(
    hass: HomeAssistant, bench: Bench, where: str, fault: dict[str, Any], first: bool
) -> None:
    """Before or after ours: the inverter is sent its limits, and nothing is raised."""
    entry = MockConfigEntry(domain="mqtt", data={"broker": "mock", "protocol": "5"})
    entry.add_to_hass(hass)
    with patch(f"homeassistant.components.mqtt.{where}", **fault):
        if first:
            await async_setup_component(hass, "mqtt", {})
        await running(bench, mqtt_commands=True)
        if not first:
            await async_setup_component(hass, "mqtt", {})
        await bench.tick(31)
    assert bench.entry.state is ConfigEntryState.LOADED
    await bench.send_telegrams("b1", ccl=20.0)
    await bench.receives("i1", 20.0, 50.0)


async def test_lost_broker_delays_nothing(
    hass: HomeAssistant, bench: Bench, sent: Look, mqtt_mock: MqttMockHAClient
) -> None:
    """When it is back, the state of that time is published."""
    await running(bench)
    await connection(hass, mqtt_mock, False)
    sent()
    await bench.send_telegrams("b1", ccl=20.0)
    await bench.receives("i1", 20.0, 50.0)
    await bench.tick(31)
    assert sent() == []
    await connection(hass, mqtt_mock, True)
    messages = sent()
    assert set(topics(messages)) == {STATUS, *EVERYTHING}
    assert on(STATE, messages)[0]["i_lim_charge"] == 20


async def test_gateway_without_a_broker_ends(
    hass: HomeAssistant, bench: Bench, sent: Look, mqtt_mock: MqttMockHAClient
) -> None:
    """Without a message."""
    await running(bench)
    await connection(hass, mqtt_mock, False)
    sent()
    assert await hass.config_entries.async_unload("gw")
    await connection(hass, mqtt_mock, True)
    assert sent() == []


async def test_publishing_error_is_logged_once(
    bench: Bench,
    sent: Look,
    mqtt_mock: MqttMockHAClient,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """And once when it is over; the gateway continues."""
    await running(bench)
    mqtt_mock.async_publish.side_effect = HomeAssistantError("no")
    for _ in range(3):
        await bench.tick(11)
    assert caplog.text.count("Cannot publish over MQTT: no") == 1
    fault = ServiceValidationError("no", translation_key="another")
    mqtt_mock.async_publish.side_effect = fault
    await bench.tick(31)
    assert caplog.text.count("Cannot publish over MQTT") == 1
    mqtt_mock.async_publish.side_effect = None
    for _ in range(2):
        await bench.tick(11)
    assert caplog.text.count("Publishing over MQTT works again") == 1
    assert bench.snapshot.status is Status.RUNNING


async def test_old_broker_gets_no_expiry(
    hass: HomeAssistant,
    bench: Bench,
    sent: Look,
    mqtt_mock: MqttMockHAClient,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """MQTT 3.1.1 has none: tried once per connection, without a log entry."""
    fault = ServiceValidationError(
        translation_domain="mqtt",
        translation_key="mqtt_message_expiry_interval_not_supported",
    )

    async def publish(
        *_: Any, message_expiry_interval: int | None = None, **__: Any
    ) -> None:
        if message_expiry_interval is not None:
            raise fault

    mqtt_mock.async_publish.side_effect = publish
    await running(bench, mqtt_interval=3600.0)
    assert [m[3] for m in sent() if m[0] == STATUS][:2] == [90, None]
    await bench.tick(31)
    assert [message[2:] for message in sent() if message[0] == STATUS] == [(True, None)]
    await connection(hass, mqtt_mock, True)
    assert [m[3] for m in sent() if m[0] == STATUS] == [90, None]
    assert "Cannot publish" not in caplog.text


async def test_own_topics_are_no_commands(
    hass: HomeAssistant, bench: Bench, sent: Look
) -> None:
    """Commands are off unless they are enabled."""
    await running(bench)
    sent()
    async_fire_mqtt_message(hass, f"{PREFIX}/set/limit", '{"charge_current": 1}')
    await hass.async_block_till_done()
    assert sent() == []
