"""MQTT switched off and on; options and names that change while the gateway runs."""

from pytest_homeassistant_custom_component.common import async_fire_mqtt_message

from homeassistant.core import HomeAssistant

from ...bench import Bench
from ..mock_client import LINGERS
from .messages import EVERYTHING, PREFIX, STATUS, Look, on, running, topics

pytestmark = LINGERS


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


async def test_own_topics_are_no_commands(
    hass: HomeAssistant, bench: Bench, sent: Look
) -> None:
    """Commands are off unless they are enabled."""
    await running(bench)
    sent()
    async_fire_mqtt_message(hass, f"{PREFIX}/set/limit", '{"charge_current": 1}')
    await hass.async_block_till_done()
    assert sent() == []
