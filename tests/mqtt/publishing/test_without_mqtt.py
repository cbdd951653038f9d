"""CAN does not depend on MQTT, which may be missing, come later, or fail."""

import gc
import json
from pathlib import Path
import subprocess
import sys
from typing import Any
from unittest.mock import patch

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import MqttMockHAClientGenerator

from custom_components.bms_gateway import mqtt as ours
from custom_components.bms_gateway.const import DOMAIN
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.setup import async_setup_component

from ...bench import Bench
from ..mock_client import LINGERS
from .messages import STATE, running

pytestmark = LINGERS


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
