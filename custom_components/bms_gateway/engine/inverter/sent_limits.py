"""The limits sent to an inverter, which it may therefore still act on."""

from collections import deque
from math import inf
from typing import Final

from ..model import Direction, Telegram

UNPROVEN: Final = 1.0
"""Seconds by which bus-off, or a missing carrier, may be reported late. Telegrams
confirmed within them by a driver that makes no real echoes may be lost."""

_MOST_UNSURE: Final = 16
"""Telegrams; a link's queue of 10 frames holds two, so no earlier one still waits."""


class SentLimits:
    """Keeps track of the telegrams that have left for one inverter.

    A telegram counts from the time when it is queued: it may reach the inverter even
    where its echo does not reach us.
    """

    def __init__(self) -> None:
        """Create it with nothing sent."""
        self.version = 0
        """Counts changes: what is calculated from the sent limits is outdated then."""
        self.confirmed: Telegram | None = None
        """Confirmed on the wire; None: nothing, or it has expired."""
        self.confirmed_at = 0.0
        self._proven: Telegram | None = None
        """The last one confirmed longer than UNPROVEN ago."""
        self._unproven: deque[tuple[float, Telegram]] = deque(maxlen=_MOST_UNSURE)
        """Telegrams confirmed since, each with its time."""
        self._unsure: deque[Telegram] = deque(maxlen=_MOST_UNSURE)
        self._unsure_at = 0.0
        self._stuck: list[Telegram] = []
        """Telegrams that may wait in a queue, and leave when the inverter is back."""
        self._before: deque[tuple[float, Telegram]] = deque()
        self._active_at = dict.fromkeys(Direction, -inf)

    def queue(self, telegram: Telegram, now: float) -> None:
        """Take a telegram that was queued."""
        self.version += 1
        self._unsure.append(telegram)
        self._unsure_at = now

    def confirm(self, now: float, *, follows_in: float) -> None:
        """Take the last telegram as confirmed: its echoes arrived.

        `follows_in`: seconds in which the inverter has surely followed it.
        """
        self.version += 1
        *before, confirmed = self._sent
        self._before.extend((now + follows_in, earlier) for earlier in before)
        self.confirmed, self.confirmed_at = confirmed, now
        self._prove(now)
        self._unproven.append((now, confirmed))
        self._unsure.clear()
        for direction in Direction:
            if self.confirmed.permits(direction):
                self._active_at[direction] = now

    def doubt(self, now: float) -> None:
        """Take every telegram that was confirmed within UNPROVEN as possibly lost.

        The one before them counts as confirmed again. Applied once for each confirmed
        telegram.
        """
        self._prove(now)
        if not self._unproven:
            return
        self.version += 1
        unproven = [telegram for _, telegram in self._unproven]
        self._unsure.extendleft(reversed(unproven))
        self._unsure_at = self.confirmed_at
        self._unproven.clear()
        self.confirmed = self._proven

    def expire(
        self, now: float, *, requested_at: float, timeout: float, not_acknowledged: bool
    ) -> None:
        """Forget limits that the inverter itself no longer acts on.

        It acts on them for `timeout` seconds after the last telegram, and while it
        still requests data. `not_acknowledged`: an unconfirmed telegram may wait in a
        queue for any time, and may yet leave.
        """
        while self._before and self._before[0][0] <= now:
            self._before.popleft()
        if now > max(self.confirmed_at, requested_at) + timeout:
            self.version += self.confirmed is not None
            self.confirmed = self._proven = None
            self._unproven.clear()
        if now > max(self._unsure_at, requested_at) + timeout:
            if not_acknowledged and self._unsure:
                self._stuck = [*self._unsure]
            self.version += bool(self._unsure)
            self._unsure.clear()

    def _prove(self, now: float) -> None:
        """Take telegrams confirmed longer than UNPROVEN ago as having arrived."""
        while self._unproven and now > self._unproven[0][0] + UNPROVEN:
            self._proven = self._unproven.popleft()[1]

    def leave_stuck(self, now: float) -> None:
        """Take stuck telegrams as sent: the inverter acknowledges again."""
        if self._stuck:
            self.version += 1
            self._unsure.extendleft(reversed(self._stuck))
            self._unsure_at = now
        self._stuck.clear()

    def drop_stuck(self) -> None:
        """Forget stuck telegrams: their queue is gone."""
        self._stuck.clear()

    def amps(self, direction: Direction) -> float:
        """Return the limit in A that it may act on: confirmed, or on its way."""
        confirmed = 0.0 if self.confirmed is None else self.confirmed.limit(direction)
        if not self._unsure:
            return confirmed
        return max(confirmed, *(sent.limit(direction) for sent in self._unsure))

    def at_least(self, direction: Direction) -> float:
        """Return the lowest limit in A that it may act on: some may be lost."""
        if self.confirmed is None:
            return 0.0
        return min(sent.limit(direction) for sent in self._sent)

    def reserved(self, direction: Direction, now: float) -> float:
        """Return the most in A that it may still take, not having followed down yet."""
        before = (t.limit(direction) for until, t in self._before if until > now)
        return max(self.amps(direction), max(before, default=0.0))

    @property
    def followed_at(self) -> float:
        """When the inverter has surely followed every lower limit."""
        return max((until for until, _ in self._before), default=-inf)

    def active_at(self, direction: Direction) -> float:
        """Return when its confirmed limit was last above 0 A; -inf: never."""
        return self._active_at[direction]

    def would_fall(self, telegram: Telegram) -> bool:
        """Return whether a telegram lowers anything that it may act on."""
        return any(_falls(sent, telegram) for sent in self._sent)

    @property
    def _sent(self) -> list[Telegram]:
        return [self.confirmed, *self._unsure] if self.confirmed else [*self._unsure]


def _falls(confirmed: Telegram, telegram: Telegram) -> bool:
    """Return whether any limit falls, an enable clears or a protection is raised."""
    return (
        any(telegram.limit(d) < confirmed.limit(d) for d in Direction)
        or telegram.charge_voltage_limit < confirmed.charge_voltage_limit
        or (confirmed.charge_enabled and not telegram.charge_enabled)
        or (confirmed.discharge_enabled and not telegram.discharge_enabled)
        or bool(telegram.protections - confirmed.protections)
    )
