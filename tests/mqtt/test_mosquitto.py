"""MQTT with a real broker, a real subscriber and Home Assistant's real client."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
import json
import os
from pathlib import Path
import shutil
import socket
from subprocess import DEVNULL, Popen
from typing import Any, Final
from unittest.mock import patch

from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.components import mqtt
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import HomeAssistant

from ..bench import Bench
from ..waiting import PATIENCE, until

pytestmark = [
    pytest.mark.mosquitto,
    pytest.mark.usefixtures("socket_enabled", "mock_hass_config"),
    # Home Assistant's client checks its connection each second
    pytest.mark.parametrize("expected_lingering_timers", [True]),
]

HOST: Final = "127.0.0.1"
PREFIX: Final = "bms_gateway/bank"
STATE: Final = f"{PREFIX}/state"
STATUS: Final = f"{PREFIX}/status"
LIMIT: Final = f"{PREFIX}/set/limit"
RESULT: Final = f"{PREFIX}/set/result"
EVERYTHING: Final = {
    *(STATE, STATUS, f"{PREFIX}/batteries/my_b1", f"{PREFIX}/inverters/my_i1"),
}

both_protocols = pytest.mark.parametrize("protocol", ["5", "3.1.1"])


class Mosquitto:
    """A broker on a free port of the loopback, which keeps nothing when it stops."""

    def __init__(self, folder: Path) -> None:
        """Choose a port; nothing listens there before `start`."""
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            self.port: int = probe.getsockname()[1]
        self._config = folder / "mosquitto.conf"
        self._config.write_text(
            f"listener {self.port} {HOST}\nallow_anonymous true\npersistence false\n"
        )
        self._process: Popen[bytes] | None = None

    async def start(self) -> None:
        """Start it and wait until it listens."""
        path = os.pathsep.join((os.environ["PATH"], "/usr/sbin"))
        program = shutil.which("mosquitto", path=path)
        assert program, "Mosquitto is not installed"
        self._process = Popen(  # noqa: ASYNC220 - it returns at once
            [program, "-c", str(self._config)], stdout=DEVNULL, stderr=DEVNULL
        )
        await until(self._listens, "Mosquitto listens")

    def stop(self) -> None:
        """Kill it, as a power cut would."""
        if self._process:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((HOST, self.port)) == 0


class Reader:
    """Another client at the broker, which reads everything below the prefix."""

    def __init__(self, client: Client) -> None:
        """Keep the received messages."""
        self._client = client
        self.messages: list[MQTTMessage] = []
        self.ready = False

    def on(self, topic: str) -> list[Any]:
        """Return the payloads on a topic."""
        return [json.loads(m.payload) for m in self.messages if m.topic == topic]

    @property
    def topics(self) -> set[str]:
        """Return the topics on which anything was received."""
        return {message.topic for message in self.messages}

    def publish(self, topic: str, payload: str, *, retain: bool = False) -> None:
        """Publish."""
        self._client.publish(topic, payload, retain=retain)


@contextmanager
def reading(broker: Mosquitto) -> Iterator[Reader]:
    """Connect another client that subscribes to everything a gateway publishes."""
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
    reader = Reader(client)

    def subscribe(*_: Any) -> None:
        client.subscribe([(f"{PREFIX}/#", 0), ("tele/#", 0)])

    def subscribed(*_: Any) -> None:
        reader.ready = True

    client.on_connect = subscribe
    client.on_subscribe = subscribed
    client.on_message = lambda _, __, message: reader.messages.append(message)
    client.connect(HOST, broker.port)
    client.loop_start()
    try:
        yield reader
    finally:
        client.disconnect()
        client.loop_stop()


@asynccontextmanager
async def home_assistant_mqtt(
    hass: HomeAssistant, broker: Mosquitto, protocol: str = "5"
) -> AsyncIterator[MockConfigEntry]:
    """Set up Home Assistant's MQTT, and end it."""
    entry = MockConfigEntry(
        domain=mqtt.DOMAIN,
        version=2,
        data={"broker": HOST, "port": broker.port, "protocol": protocol},
        options={"birth_message": {}, "will_message": {}, "discovery": False},
    )
    entry.add_to_hass(hass)
    with (
        # Otherwise it would change to version 5 by itself
        patch("homeassistant.components.mqtt.try_connection", return_value=False),
        patch("homeassistant.components.mqtt.client.RECONNECT_INTERVAL_SECONDS", 0.05),
    ):
        await hass.config_entries.async_setup(entry.entry_id)
        yield entry
        await hass.config_entries.async_unload(entry.entry_id)


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    """Return a broker that is not running yet."""
    broker = Mosquitto(tmp_path)
    yield broker
    broker.stop()


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    """Return a stack that ends everything in the right order: the gateway first."""
    async with AsyncExitStack() as stack:
        yield stack


async def running(bench: Bench, stack: AsyncExitStack, **options: Any) -> None:
    """Start a gateway with a battery and an inverter that is sent limits."""
    await bench.battery("b1").inverter("i1").start(options=options)
    stack.push_async_callback(ended, bench)
    await bench.online("b1")
    await bench.receives("i1", 50.0, 50.0)


async def ended(bench: Bench) -> None:
    """End the gateway unless the test has."""
    if bench.entry.state is ConfigEntryState.LOADED:
        assert await bench.hass.config_entries.async_unload(bench.entry.entry_id)


def expiry(message: MQTTMessage) -> int | None:
    """Return after how many seconds the broker discards a message; None: never."""
    return getattr(message.properties, "MessageExpiryInterval", None)


async def read(bench: Bench, stack: AsyncExitStack, broker: Mosquitto) -> Reader:
    """Start reading, and wait until the broker knows."""
    reader = stack.enter_context(reading(broker))
    await bench.until(lambda: reader.ready)
    return reader


@both_protocols
async def test_everything_is_published(
    hass: HomeAssistant,
    bench: Bench,
    broker: Mosquitto,
    stack: AsyncExitStack,
    protocol: str,
) -> None:
    """Urgent values at once, the rest at the interval; also on the daemon's topic."""
    await broker.start()
    reader = await read(bench, stack, broker)
    await stack.enter_async_context(home_assistant_mqtt(hass, broker, protocol))
    await running(bench, stack, mqtt_state_topic="tele/bms/state")
    await bench.until(lambda: reader.topics >= EVERYTHING)
    await bench.send_telegrams("b1", ccl=20.0, soc=77)
    await bench.until(
        lambda: any(state["i_lim_charge"] == 20 for state in reader.on(STATE))
    )
    await bench.tick(11)
    await bench.until(lambda: reader.on("tele/bms/state")[-1]["soc"] == 77)
    await bench.until(lambda: reader.on(STATE)[-1]["soc"] == 77)

    def is_the_same() -> bool:
        # One of a pair may be on its way
        states = reader.on("tele/bms/state")
        return states == reader.on(STATE)[-len(states) :]

    await bench.until(is_the_same)


@both_protocols
async def test_only_the_status_is_retained_and_it_expires(
    hass: HomeAssistant,
    bench: Bench,
    broker: Mosquitto,
    stack: AsyncExitStack,
    protocol: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A later client learns whether the gateway is there; at the end: it is not.

    MQTT 3.1.1 has no expiry: nothing is logged, the status stays.
    """
    await broker.start()
    await stack.enter_async_context(home_assistant_mqtt(hass, broker, protocol))
    watching = await read(bench, stack, broker)
    await running(bench, stack)
    await bench.until(
        lambda: (
            {"online"} == {s["status"] for s in watching.on(STATUS)[-1:]}
            and watching.on(STATUS)[-1]["reason"] == "running"
        )
    )
    late = await read(bench, stack, broker)
    await bench.until(lambda: bool(late.on(STATUS)))
    [status] = [message for message in late.messages if message.retain]
    assert status.topic == STATUS
    assert late.on(STATUS)[0]["status"] == "online"
    # The broker counts down the time of retained messages
    [*_, live] = [each for each in watching.messages if each.topic == STATUS]
    if protocol == "3.1.1":
        assert expiry(status) is expiry(live) is None
    else:
        assert 0 < (expiry(status) or 0) <= 90
        assert 85 <= (expiry(live) or 0) <= 90
    assert "Cannot publish" not in caplog.text

    assert await hass.config_entries.async_unload("gw")
    await bench.until(lambda: late.on(STATUS)[-1]["status"] == "offline")
    assert late.messages[-1].topic == STATUS
    last = await read(bench, stack, broker)
    await bench.until(lambda: bool(last.messages))
    [message] = last.messages
    assert json.loads(message.payload)["reason"] == "stopped"
    assert expiry(message) is None


@both_protocols
async def test_offline_is_published_at_the_end_of_home_assistant(
    hass: HomeAssistant,
    bench: Bench,
    broker: Mosquitto,
    stack: AsyncExitStack,
    protocol: str,
) -> None:
    """The connection lasts long enough for the last message."""
    await broker.start()
    reader = await read(bench, stack, broker)
    await stack.enter_async_context(home_assistant_mqtt(hass, broker, protocol))
    await running(bench, stack)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STOP)
    await bench.until(
        lambda: (
            bool(seen := reader.on(STATUS))
            and seen[-1]["reason"] == "home_assistant_stopped"
        )
    )
    assert reader.on(STATUS)[-1]["status"] == "offline"
    assert reader.messages[-1].topic == STATUS


async def test_gateway_runs_without_a_broker(
    hass: HomeAssistant, bench: Bench, broker: Mosquitto, stack: AsyncExitStack
) -> None:
    """And publishes as soon as there is one."""
    await stack.enter_async_context(home_assistant_mqtt(hass, broker))
    await running(bench, stack)
    await bench.tick(31)
    await broker.start()
    reader = await read(bench, stack, broker)
    await bench.until(lambda: reader.topics >= {STATUS})
    await bench.tick(11)
    await bench.until(lambda: reader.topics >= EVERYTHING)


async def test_gateway_survives_a_lost_broker(
    hass: HomeAssistant,
    bench: Bench,
    broker: Mosquitto,
    stack: AsyncExitStack,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Meanwhile the inverter is sent its limits; commands are accepted again later."""
    await broker.start()
    await stack.enter_async_context(home_assistant_mqtt(hass, broker))
    await running(bench, stack, mqtt_commands=True)
    broker.stop()
    await bench.until(lambda: not mqtt.is_connected(hass))
    await bench.send_telegrams("b1", ccl=20.0)
    await bench.receives("i1", 20.0, 50.0)
    await bench.tick(31)
    await broker.start()
    reader = await read(bench, stack, broker)
    await bench.until(lambda: mqtt.is_connected(hass))
    await bench.tick(11)
    await bench.until(lambda: reader.topics >= EVERYTHING)
    assert reader.on(STATE)[-1]["i_lim_charge"] == 20
    assert "Cannot publish" not in caplog.text

    def is_taken() -> bool:
        reader.publish(LIMIT, '{"charge_current": 5}')
        return any(answer["accepted"] for answer in reader.on(RESULT))

    await bench.until(is_taken)
    await bench.receives("i1", 5.0, 50.0)


@both_protocols
async def test_commands_are_answered(
    hass: HomeAssistant,
    bench: Bench,
    broker: Mosquitto,
    stack: AsyncExitStack,
    protocol: str,
) -> None:
    """A retained one is rejected at the first subscription; a fresh one is executed."""
    await broker.start()
    reader = await read(bench, stack, broker)
    reader.publish(LIMIT, '{"charge_current": 1}', retain=True)
    await bench.until(lambda: LIMIT in reader.topics)
    await stack.enter_async_context(home_assistant_mqtt(hass, broker, protocol))
    await running(bench, stack, mqtt_commands=True)
    await bench.until(lambda: bool(reader.on(RESULT)))
    assert reader.on(RESULT)[0]["error"] == "retained"
    reader.publish(LIMIT, '{"charge_current": 5}')
    await bench.receives("i1", 5.0, 50.0)
    await bench.until(lambda: len(reader.on(RESULT)) == 2)
    assert reader.on(RESULT)[1]["accepted"] is True
    reader.publish(LIMIT, "nonsense")
    await bench.until(lambda: len(reader.on(RESULT)) == 3)
    assert reader.on(RESULT)[2]["error"] == "not_json"


async def test_thousand_commands_are_answered_or_counted(
    hass: HomeAssistant, bench: Bench, broker: Mosquitto, stack: AsyncExitStack
) -> None:
    """Briefly, and the newest of each owner holds."""
    await broker.start()
    await stack.enter_async_context(home_assistant_mqtt(hass, broker))
    await running(bench, stack, mqtt_commands=True)
    reader = await read(bench, stack, broker)

    def is_taken() -> bool:
        reader.publish(LIMIT, "nonsense")
        return bool(reader.on(RESULT))

    await bench.until(is_taken)
    reader.messages.clear()
    # Debugging makes each of the many turns of the loop ten times as slow
    asyncio.get_running_loop().set_debug(False)
    for n in range(1000):
        fields = {"charge_current": 20 + n % 30, "owner": f"o{n % 5}"}
        reader.publish(LIMIT, json.dumps(fields))
    reader.publish(LIMIT, json.dumps({"charge_power": 0, "owner": "last"}))

    def answered() -> int:
        received = [each for each in reader.on(RESULT) if each.get("fields")]
        return len(received) + sum(each.get("unanswered", 0) for each in received)

    async with asyncio.timeout(PATIENCE):
        while answered() < 1001:
            # Meanwhile the battery is received
            await bench.send_telegrams("b1", dcl=30.0)
    await bench.receives("i1", 0.0, 30.0)
    received = reader.on(RESULT)
    assert {each.get("error") for each in received} <= {None, "replaced", "not_json"}
    sizes = [len(m.payload) for m in reader.messages if m.topic == RESULT]
    assert max(sizes) <= 1024
    held = {
        each.owner: each.amps
        for each in bench.runtime.setpoint_manager.setpoints.temporary_limits
    }
    newest = {f"o{n % 5}": 20.0 + n % 30 for n in range(1000)}
    assert held == newest | {"last": None}


async def test_gateway_survives_a_reload_of_mqtt(
    hass: HomeAssistant, bench: Bench, broker: Mosquitto, stack: AsyncExitStack
) -> None:
    """It continues with the new connection, and executes each command once."""
    await broker.start()
    entry = await stack.enter_async_context(home_assistant_mqtt(hass, broker))
    await running(bench, stack, mqtt_commands=True)
    assert await hass.config_entries.async_reload(entry.entry_id)
    reader = await read(bench, stack, broker)
    await bench.until(lambda: mqtt.is_connected(hass))
    await bench.tick(31)
    await bench.until(lambda: reader.topics >= EVERYTHING)
    # Its own subscription comes before this one's: the broker keeps the order
    await mqtt.async_subscribe(hass, "ready", lambda _: None)
    done: list[bool] = []
    mqtt.async_on_subscribe_done(hass, "ready", 0, lambda: done.append(True))
    await bench.until(lambda: bool(done))
    reader.publish(LIMIT, '{"charge_current": 5}')
    reader.publish(LIMIT, "nonsense")
    await bench.until(
        lambda: bool(reader.on(RESULT)) and "error" in reader.on(RESULT)[-1]
    )
    assert [answer["accepted"] for answer in reader.on(RESULT)] == [True, False]
