"""Answers to commands: each fits in 1 kB, and they are sent one after the other."""

from collections import deque
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.json import json_bytes, json_dumps

from ..setpoints.limit_list import listed

if TYPE_CHECKING:
    from ..runtime import BmsGatewayConfigEntry
    from .broker import Broker

MAX_SIZE: Final = 1024
"""Bytes of an answer."""
MAX_UNSENT: Final = 1000
"""Answers, 1 MB at the most; if this many are pending, the broker is stuck."""

_COUNT: Final = len(',"unanswered":1000000000')
_TEMPORARY_LIMITS: Final = len(',"temporary_limits":[],"more_temporary_limits":99')
_ESSENTIAL: Final = ("command", "accepted", "error", "message")
_SHORT, _SHORTEST = 200, 100
"""Characters of a text. Each may be 6 bytes of JSON."""


class Answers:
    """Publishes answers in order; of too many, the oldest are dropped and counted."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: BmsGatewayConfigEntry,
        broker: Broker,
        topic: str,
    ) -> None:
        """Send none yet."""
        self._hass = hass
        self._entry = entry
        self._broker = broker
        self._topic = topic
        self._unsent: deque[dict[str, Any]] = deque()
        self._dropped = 0
        self._sending = False
        self._ended = False

    @callback
    def send(self, answer: Mapping[str, Any], owner: str | None = None) -> None:
        """Send an answer to a command of an owner when its turn comes."""
        if self._ended:
            return
        if len(self._unsent) >= MAX_UNSENT:
            self._unsent.popleft()
            self._dropped += 1
        self._unsent.append(fitted(answer, owner))
        if not self._sending:
            self._sending = True
            self._entry.async_create_background_task(
                self._hass, self._send(), "MQTT answers"
            )

    @callback
    def async_end(self) -> None:
        """Stop sending."""
        self._ended = True
        self._unsent.clear()

    async def _send(self) -> None:
        try:
            while self._unsent:
                answer = self._unsent.popleft()
                if self._dropped:
                    answer["unanswered"], self._dropped = self._dropped, 0
                await self._broker.async_publish(self._topic, json_dumps(answer))
        finally:
            self._sending = False


def fitted(answer: Mapping[str, Any], owner: str | None = None) -> dict[str, Any]:
    """Return an answer that fits, with room for the number of dropped ones.

    Long texts are shortened or left out, but never the result of the command. Of the
    temporary limits the last go first, those of `owner` at the end.
    """
    most = MAX_SIZE - _COUNT
    if _size(answer) <= most:
        return dict(answer)
    rest = {key: value for key, value in answer.items() if key != "temporary_limits"}
    room = most - _TEMPORARY_LIMITS
    rest = next(each for each in _shorter_and_shorter(rest) if _size(each) <= room)
    if "temporary_limits" not in answer:
        return rest
    own_first = sorted(
        answer["temporary_limits"],
        key=lambda temporary_limit: temporary_limit["owner"] != owner,
    )
    return rest | listed(own_first, room - _size(rest), _size)


def _shorter_and_shorter(answer: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield answer
    shorter = {key: _shortened(value, _SHORT) for key, value in answer.items()}
    yield shorter
    yield {key: value for key, value in shorter.items() if key != "fields"}
    yield {
        key: _shortened(answer[key], _SHORTEST) for key in _ESSENTIAL if key in answer
    }


def _shortened(value: Any, most: int) -> Any:
    """Return a text, or the texts of an object, with `most` characters at the most."""
    if isinstance(value, dict):
        return {key: _shortened(each, most) for key, each in value.items()}
    if isinstance(value, str) and len(value) > most:
        return f"{value[: most - 1]}…"
    return value


def _size(answer: Mapping[str, Any]) -> int:
    return len(json_bytes(answer))
