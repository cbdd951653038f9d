"""The limits in the answers to commands: adjusted, and shortened to fit."""

import json
from typing import Any

import pytest

from homeassistant.core import HomeAssistant
from homeassistant.helpers.json import json_dumps

from ...bench import Bench
from ..mock_client import LINGERS
from .listening import CLEAR, LIMIT, Answers, command, listening


@LINGERS
async def test_repeated_command_is_accepted(
    hass: HomeAssistant, bench: Bench, answers: Answers
) -> None:
    """And so is clearing twice, and more than the rating."""
    await listening(bench)
    same = '{"charge_power": 6000, "discharge_current": -0.4, "until_cleared": true}'
    for topic, payload in ((CLEAR, "{}"), (LIMIT, same), (LIMIT, same)):
        await command(hass, topic, payload)
    cleared, first, again = answers()
    assert cleared == {
        "command": "clear",
        "accepted": True,
        "fields": {},
        "temporary_limits": [],
    }
    assert first == again
    assert first["accepted"] is True
    assert first["adjusted"] == [
        {"field": "discharge_current", "requested": -0.4, "set": 0.0},
    ]
    await command(hass, LIMIT, '{"charge_power": 6000.1}')
    [answer] = answers()
    assert answer["adjusted"] == [
        {"field": "charge_power", "requested": 6000.1, "set": 6000.0}
    ]


@LINGERS
@pytest.mark.parametrize("letter", ["x", "電"])
async def test_every_answer_is_short(
    hass: HomeAssistant, bench: Bench, answers: Answers, letter: str
) -> None:
    """However many limits are active, and whatever was sent."""
    await listening(bench)
    for n in range(16):
        fields = {"charge_current": 9, "discharge_power": 9, "owner": f"{n:02}"}
        await command(
            hass, LIMIT, json.dumps(fields | {"owner": f"{n:02}{letter * 98}"})
        )
    junk: list[dict[str, Any]] = [
        {"owner": "x" * 3900},
        {"y" * 3000: 1},
        {"duration": {"z" * 3000: 1}},
    ]
    for fields in junk:
        await command(hass, LIMIT, json.dumps({"charge_current": 1} | fields))
    received = answers()
    assert [each["accepted"] for each in received] == [True] * 16 + [False] * 3
    assert all(len(json_dumps(each).encode()) <= 1024 for each in received)
    last = received[15]
    assert len(last["temporary_limits"]) + last["more_temporary_limits"] == 32
    assert last["temporary_limits"][0]["owner"].startswith("15")


@LINGERS
@pytest.mark.parametrize("owner", [{}, {"owner": "  Car "}])
async def test_short_answer_starts_with_the_owners_limit(
    hass: HomeAssistant, bench: Bench, answers: Answers, owner: dict[str, str]
) -> None:
    """Also if the command names no owner, or one with spaces around it."""
    await listening(bench)
    for n in range(15):
        fields = {"charge_current": 20 + n, "owner": f"{n:02}{'x' * 90}"}
        await command(hass, LIMIT, json.dumps(fields))
    await command(hass, LIMIT, json.dumps({"charge_current": 7} | owner))
    last = answers()[-1]
    assert last["more_temporary_limits"] > 0
    assert last["temporary_limits"][0]["owner"] == owner.get("owner", "mqtt").strip()
