"""Answers to commands: whole JSON of 1 kB at the most, none lost uncounted."""

import asyncio
import json
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.bms_gateway.mqtt import answers
from custom_components.bms_gateway.mqtt.answers import MAX_SIZE, Answers, fitted
from homeassistant.core import HomeAssistant
from homeassistant.helpers.json import json_dumps

from ..bench import Bench

TEMPORARY_LIMIT = {
    "direction": "discharge",
    "owner": "x" * 100,
    "current": 49.987654321,
    "ends_at": "2026-11-28T20:15:00+00:00",
}


def size(answer: dict[str, Any]) -> int:
    """Return its size in bytes, including the count of dropped ones."""
    return len(json_dumps(answer | {"unanswered": 999_999_999}).encode())


def test_answer_that_fits_is_sent_unchanged() -> None:
    """Nothing is left out without need."""
    answer = {
        "command": "limit",
        "accepted": True,
        "fields": {"charge_current": 20, "owner": "Ann"},
        "temporary_limits": [TEMPORARY_LIMIT | {"owner": f"o{n}"} for n in range(5)],
        "adjusted": [{"field": "charge_current", "requested": 60.0, "set": 50.0}],
    }
    assert fitted(answer) == answer


@pytest.mark.parametrize("letter", ["x", "電", "\U0001f50b", '"'])
def test_limits_are_cut_except_the_owners(letter: str) -> None:
    """And counted."""
    own = letter * 99
    temporary_limits = [
        TEMPORARY_LIMIT | {"owner": f"{n:02}{letter * 98}"} for n in range(31)
    ]
    temporary_limits.append(TEMPORARY_LIMIT | {"owner": "Car"})
    answer = {
        "command": "limit",
        "accepted": True,
        "temporary_limits": temporary_limits,
    }
    answer |= {"fields": {"owner": "Car", "charge_current": 5}}
    short = fitted(answer, "Car")
    assert size(short) <= MAX_SIZE
    assert short["temporary_limits"][0]["owner"] == "Car"
    assert len(short["temporary_limits"]) + short["more_temporary_limits"] == 32
    assert len(short["temporary_limits"]) > 1
    assert short["fields"] == answer["fields"]
    assert size(fitted(answer | {"fields": {"owner": own}}, own)) <= MAX_SIZE


def test_result_of_a_command_is_always_included() -> None:
    """The echoed fields are shortened first."""
    refused = {"command": "limit", "accepted": False, "error": "invalid_value"}
    long = refused | {"message": "\0" * 4000, "fields": {"owner": "x" * 4000}}
    short = fitted(long)
    assert size(short) <= MAX_SIZE
    assert short == refused | {"message": "\0" * 99 + "…"}
    short = fitted(long | {"message": "y" * 4000})
    assert short["message"] == "y" * 199 + "…"
    assert short["fields"] == {"owner": "x" * 199 + "…"}
    nested = {"duration": {f"unit{n}": 1 for n in range(300)}}
    assert fitted(refused | {"message": "no", "fields": nested}) == refused | {
        "message": "no"
    }


json_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=9)
        | st.dictionaries(st.text(max_size=50), inner, max_size=9)
    ),
)


@pytest.mark.slow
@given(
    st.sampled_from(["limit", "clear"]),
    st.dictionaries(st.text(), json_values, max_size=9),
    st.text(),
    st.integers(0, 2000),
    st.lists(st.text(max_size=100), max_size=32) | st.none(),
)
def test_every_answer_fits(
    command: str,
    fields: dict[str, Any],
    text: str,
    times: int,
    owners: list[str] | None,
) -> None:
    """For any message and any list of owners."""
    answer = {"command": command, "accepted": False, "error": "invalid_value"}
    answer |= {"message": text * times, "fields": fields}
    if owners is not None:
        answer["temporary_limits"] = [
            TEMPORARY_LIMIT | {"owner": each} for each in owners
        ]
    short = fitted(answer)
    assert size(short) <= MAX_SIZE
    assert json.loads(json_dumps(short))["error"] == "invalid_value"
    assert short["message"][:99] == (text * times)[:99]


class StuckBroker:
    """A broker that accepts a message only when allowed."""

    def __init__(self) -> None:
        """Accept none yet."""
        self.go_on = asyncio.Event()
        self.payloads: list[str] = []

    async def async_publish(self, topic: str, payload: str) -> None:
        """Wait, then accept it."""
        await self.go_on.wait()
        self.payloads.append(payload)


async def test_stuck_broker_costs_no_memory(
    hass: HomeAssistant, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest answers are kept, and the others are counted."""
    monkeypatch.setattr(answers, "MAX_UNSENT", 5)
    await bench.battery("b1").start()
    broker: Any = StuckBroker()
    to_send = Answers(hass, bench.entry, broker, "topic")
    before = len(asyncio.all_tasks())
    for n in range(100):
        to_send.send({"command": "limit", "n": n})
    assert len(asyncio.all_tasks()) == before + 1
    broker.go_on.set()
    await bench.until(lambda: len(broker.payloads) == 6)
    received = [json.loads(each) for each in broker.payloads]
    assert [each["n"] for each in received] == [0, 95, 96, 97, 98, 99]
    assert [each.get("unanswered") for each in received] == [None, 94, *[None] * 4]
    to_send.send({"command": "limit", "n": 100})
    await bench.until(lambda: len(broker.payloads) == 7)
    to_send.async_end()
    to_send.send({"command": "limit", "n": 101})
    await hass.async_block_till_done(wait_background_tasks=True)
    assert len(broker.payloads) == 7
