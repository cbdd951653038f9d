"""When the next telegram to an inverter is due: new values, a request, or a repeat."""

from collections.abc import Iterator
from math import inf
from typing import Final

from ..battery.timing.telegram_boundary import WAIT, Progress
from ..config import InverterConfig
from ..presets import SendMode

REPEAT: Final = 1.0
"""Seconds after which a telegram is due although nothing is new (Victron waits 3 s)."""
LATEST_REPEAT: Final = 1.5
"""Seconds after which it is due even in the middle of a battery's telegram."""
REQUESTS_GONE: Final = 60.0
"""Seconds without 0x305 after which an inverter counts as disconnected."""


class SendSchedule:
    """Decides when to send to one inverter. Times are seconds of the clock."""

    def __init__(self) -> None:
        """Begin with nothing sent and nothing requested."""
        self.urgent = False
        """Whether the next telegram waits for nothing: the inverter was unreachable."""
        self.request_at: float | None = None
        self._sent_at: float | None = None
        self._prompted_at: float | None = None
        self._answered_at: float | None = None
        self._unanswered_since = 0.0
        self._is_early = False
        """Whether the last telegram did not wait for the rest of the batteries' values."""

    def on_request(self, at: float) -> None:
        """Take a 0x305 of the inverter."""
        if not self.is_requested:
            self._unanswered_since = at
        self.request_at = at

    def sent(self, now: float, progress: Progress, *, cannot_wait: bool) -> None:
        """Take a telegram that was queued now; `cannot_wait`: as it was for `is_due`."""
        amid = progress.open_since is not None
        self._is_early = amid and (self._sent_at is None or cannot_wait)
        self.urgent = False
        self._sent_at = now
        self._answered_at = self.request_at

    def prompted(self, now: float) -> None:
        """Take a 0x305 of our own that was sent."""
        self._prompted_at = now

    def connected(self, now: float) -> bool | None:
        """Return whether the inverter sends 0x305; None: it never did."""
        return None if (ends := self.disconnects_at) is None else now < ends

    @property
    def disconnects_at(self) -> float | None:
        """When it disconnects unless it requests again; None: it never did."""
        return None if self.request_at is None else self.request_at + REQUESTS_GONE

    def is_due(
        self,
        config: InverterConfig,
        progress: Progress,
        now: float,
        *,
        cannot_wait: bool,
    ) -> bool:
        """Return whether a telegram is due.

        `progress`: how far the batteries online are with their telegrams. A telegram
        waits until these are complete: only then do all of its values belong to one
        cycle. One that lowers a limit (`cannot_wait`) waits for nothing; it is sent again
        when the rest has come.
        """
        if cannot_wait or self.urgent:
            return True
        if self._sent_at is not None and now < self._sent_at + config.min_send_interval:
            return False
        amid = progress.open_since is not None
        if config.mode is SendMode.REPLY:
            waits = amid and now < self._unanswered_since + WAIT
            return self.is_requested and not waits
        if self._sent_at is None:
            return True
        repeat = self._sent_at + (LATEST_REPEAT if amid else REPEAT)
        return self.is_renewed(progress) or now >= repeat

    def awaits(self, config: InverterConfig, before: Progress, after: Progress) -> bool:
        """Return whether a telegram has become due because the values are complete now.

        `before`, `after`: how far the batteries are with their telegrams.
        """
        push = config.mode is SendMode.PUSH
        return push and not self.is_renewed(before) and self.is_renewed(after)

    def is_renewed(self, progress: Progress) -> bool:
        """Return whether the values are complete, and newer than the last telegram."""
        if self._sent_at is None:
            return False
        was_early = self._is_early and progress.completed(self._sent_at)
        return was_early or progress.renewed(self._sent_at)

    @property
    def is_requested(self) -> bool:
        """Whether a 0x305 has not been answered yet."""
        return self.request_at is not None and (
            self._answered_at is None or self.request_at > self._answered_at
        )

    def prompt_due(self, config: InverterConfig) -> float | None:
        """Return when to prompt the inverter by a 0x305 of our own; None: never."""
        interval = config.prompt_interval
        if interval is None or config.mode is not SendMode.REPLY:
            return None
        return -inf if self._prompted_at is None else self._prompted_at + interval

    def wake_times(
        self, config: InverterConfig, now: float, *, sends: bool
    ) -> Iterator[float]:
        """Yield when a telegram or a prompt is due if nothing more is received.

        `sends`: whether there is something to send.
        """
        push = sends and config.mode is SendMode.PUSH
        sent_at = self._sent_at or now
        gap = sent_at + config.min_send_interval
        if sends and (prompt := self.prompt_due(config)) is not None:
            yield prompt
        if push and gap <= now:
            yield sent_at + REPEAT
            yield sent_at + LATEST_REPEAT
        elif push or (self.is_requested and gap > now):
            yield gap
        elif self.is_requested:
            yield self._unanswered_since + WAIT
