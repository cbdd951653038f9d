"""Commands that are rejected: each is answered with a reason, and nothing changes."""

import json

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
import voluptuous as vol

from custom_components.bms_gateway.const import DOMAIN
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import device_registry as dr

from ...bench import Bench
from ..mock_client import LINGERS
from .listening import CLEAR, LIMIT, Answers, command, listening, mocked


@LINGERS
@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        (LIMIT, "{}"),
        (LIMIT, '{"charge_current": -1.1}'),
        (LIMIT, '{"charge_current": 5, "discharge_power": -1000}'),
        (LIMIT, '{"charge_current": 5, "owner": "a\\u202eb"}'),
        (LIMIT, '{"charge_current": 1, "charge_power": 1}'),
        (LIMIT, '{"charge_current": 1, "duration": 1e300}'),
        (LIMIT, '{"charge_current": 1, "duration": 0}'),
        (LIMIT, '{"charge_current": 1, "duration": "soon"}'),
        (LIMIT, '{"charge_current": 1, "duration": {"fortnights": 1}}'),
        (LIMIT, '{"charge_current": 1, "duration": 60, "until_cleared": true}'),
        (CLEAR, '{"owner": "a\\nb"}'),
        (CLEAR, '{"direction": "up"}'),
    ],
)
async def test_invalid_values_are_rejected_by_the_real_actions(
    hass: HomeAssistant, bench: Bench, answers: Answers, topic: str, payload: str
) -> None:
    """And answered; nothing changes."""
    await listening(bench)
    before = bench.runtime.setpoint_manager.setpoints
    await command(hass, topic, payload)
    [answer] = answers()
    assert (answer["accepted"], answer["error"]) == (False, "refused")
    assert answer["message"]
    assert bench.runtime.setpoint_manager.setpoints == before


@LINGERS
@pytest.mark.parametrize(
    ("payload", "error"),
    [
        (b"", "not_json"),
        (b"20", "not_an_object"),
        (b"[]", "not_an_object"),
        (b'{"charge_current": 20', "not_json"),
        (b"\xff\xfe", "not_json"),
        (b'{"charge_current": NaN}', "not_json"),
        (b'{"charge_current": 1e999}', "not_json"),
        (b'{"charge_current": Infinity}', "not_json"),
        (b'{"charge_current": "NaN"}', "invalid_value"),
        (b'{"charge_current": "20"}', "invalid_value"),
        (b'{"charge_current": true}', "invalid_value"),
        (b'{"discharge_power": null}', "invalid_value"),
        (b'{"duration": {"minutes": "nan"}}', "invalid_value"),
        (b'{"duration": []}', "invalid_value"),
        (b'{"duration": true}', "invalid_value"),
        (b'{"until_cleared": 1}', "invalid_value"),
        (b'{"charge_current": 5}' + b" " * 4096, "too_long"),
        (b"[" * 4000, "not_json"),
        (b"x" * 1_000_000, "too_long"),
        (b'{"owner": " "}', "invalid_value"),
        (b'{"current": 20}', "unknown_key"),
        (b'{"direction": "charge"}', "unknown_key"),
        (b'{"device_id": "my_b1", "charge_current": 5}', "unknown_device"),
        (b'{"device_id": "elsewhere", "charge_current": 5}', "unknown_device"),
    ],
)
async def test_invalid_command_is_rejected(
    hass: HomeAssistant, bench: Bench, answers: Answers, payload: bytes, error: str
) -> None:
    """With a reason; nothing is called."""
    await listening(bench)
    calls = mocked(hass, "limit_current")
    await command(hass, LIMIT, payload)
    [answer] = answers()
    assert (answer["accepted"], answer["error"]) == (False, error)
    assert answer["message"]
    assert calls == []


@LINGERS
async def test_retained_commands_are_rejected(
    hass: HomeAssistant, bench: Bench, answers: Answers
) -> None:
    """They would come again at every reconnect."""
    await listening(bench)
    calls = mocked(hass, "limit_current")
    await command(hass, LIMIT, '{"charge_current": 20}', retain=True)
    [answer] = answers()
    assert (answer["accepted"], answer["error"]) == (False, "retained")
    assert calls == []


@LINGERS
async def test_other_gateways_devices_are_out_of_reach(
    hass: HomeAssistant, bench: Bench, answers: Answers
) -> None:
    """A client that may publish here need not be allowed to publish there."""
    await listening(bench)
    other = MockConfigEntry(domain=DOMAIN, title="Other")
    other.add_to_hass(hass)
    theirs = dr.async_get(hass).async_get_or_create(
        config_entry_id=other.entry_id, identifiers={(DOMAIN, other.entry_id)}
    )
    calls = mocked(hass, "limit_current")
    await command(
        hass, LIMIT, json.dumps({"device_id": theirs.id, "charge_current": 1})
    )
    assert answers()[0]["error"] == "unknown_device"
    assert calls == []


@LINGERS
@pytest.mark.parametrize(
    "fault",
    [vol.Invalid("what is that"), ServiceValidationError("what is that")],
)
async def test_rejection_by_the_action_is_answered(
    hass: HomeAssistant, bench: Bench, answers: Answers, fault: Exception
) -> None:
    """In its words."""
    await listening(bench)
    mocked(hass, "limit_current", raise_exception=fault)
    await command(hass, LIMIT, '{"charge_current": 20}')
    [answer] = answers()
    assert (answer["accepted"], answer["error"]) == (False, "refused")
    assert answer["message"] == "what is that"
    assert answer["fields"] == {"charge_current": 20}
