"""What an inverter was told, and what it may therefore still act upon."""

from collections import deque
from math import inf
from typing import Final

from ..model import Direction, Telegram

UNPROVEN: Final = 1.0
"""Seconds by which bus-off, or a missing carrier, may be reported late. What was confirmed
within them on a driver that makes no echoes may be lost."""

_MOST_UNSURE: Final = 16
"""Sets; a link's queue of 10 frames holds two, so no earlier one still waits."""


class Account:
    """Keeps account of the sets that have left for one inverter.

    A set counts from the moment when it is queued: it may reach the inverter even
    where its echo does not reach us.
    """

    def __init__(self) -> None:
        """Begin with nothing told."""
        self.told: Telegram | None = None
        """Confirmed on the wire; None: nothing, or it has expired."""
        self.told_at = 0.0
        self._proven: Telegram | None = None
        """The last one confirmed longer than UNPROVEN ago."""
        self._unproven: deque[tuple[float, Telegram]] = deque(maxlen=_MOST_UNSURE)
        """When each was confirmed since."""
        self._unsure: deque[Telegram] = deque(maxlen=_MOST_UNSURE)
        self._unsure_at = 0.0
        self._stuck: list[Telegram] = []
        """Sets that may wait in a queue, and leave when the inverter is back."""
        self._before: deque[tuple[float, Telegram]] = deque()
        self._active_at = dict.fromkeys(Direction, -inf)

    def queue(self, telegram: Telegram, now: float) -> None:
        """Take a set that is on its way."""
        self._unsure.append(telegram)
        self._unsure_at = now

    def confirm(self, now: float, *, follows_in: float) -> None:
        """Take the last set as told: its echoes came.

        `follows_in`: seconds in which the inverter has surely followed it.
        """
        *before, told = self._sent
        self._before.extend((now + follows_in, earlier) for earlier in before)
        self.told, self.told_at = told, now
        self._prove(now)
        self._unproven.append((now, told))
        self._unsure.clear()
        for direction in Direction:
            if self.told.limit(direction) > 0:
                self._active_at[direction] = now

    def doubt(self, now: float) -> None:
        """Take every set that was confirmed within UNPROVEN as one that may be lost.

        What was told before them is told again. Once for each set that was confirmed.
        """
        self._prove(now)
        if not self._unproven:
            return
        unproven = [telegram for _, telegram in self._unproven]
        self._unsure.extendleft(reversed(unproven))
        self._unsure_at = self.told_at
        self._unproven.clear()
        self.told = self._proven

    def expire(
        self, now: float, *, asked_at: float, timeout: float, deaf: bool
    ) -> None:
        """Forget what the inverter itself no longer acts upon.

        It does for `timeout` seconds after the last set, and while it still asks.
        `deaf`: what is unsure may wait in a queue for ever, and may yet leave.
        """
        if now > max(self.told_at, asked_at) + timeout:
            self.told = self._proven = None
            self._unproven.clear()
        if now > max(self._unsure_at, asked_at) + timeout:
            if deaf and self._unsure:
                self._stuck = [*self._unsure]
            self._unsure.clear()

    def _prove(self, now: float) -> None:
        """Take what was confirmed before UNPROVEN as having arrived."""
        while self._unproven and now > self._unproven[0][0] + UNPROVEN:
            self._proven = self._unproven.popleft()[1]

    def leave_stuck(self, now: float) -> None:
        """Take what was stuck as on its way: the inverter hears again."""
        if self._stuck:
            self._unsure.extendleft(reversed(self._stuck))
            self._unsure_at = now
        self._stuck.clear()

    def drop_stuck(self) -> None:
        """Forget what was stuck: the queue it waited in is gone."""
        self._stuck.clear()

    def amps(self, direction: Direction) -> float:
        """Return the limit in A that it may act upon: told, or on its way to it."""
        sure = 0.0 if self.told is None else self.told.limit(direction)
        if not self._unsure:
            return sure
        return max(sure, *(sent.limit(direction) for sent in self._unsure))

    def surely(self, direction: Direction) -> float:
        """Return the least that it may act upon, in A: not every set may have come."""
        if self.told is None:
            return 0.0
        return min(sent.limit(direction) for sent in self._sent)

    def held(self, direction: Direction, now: float) -> float:
        """Return the most in A that it may still take, not having followed down yet."""
        while self._before and self._before[0][0] <= now:
            self._before.popleft()
        most = self.amps(direction)
        for _, telegram in self._before:
            most = max(most, telegram.limit(direction))
        return most

    @property
    def followed_at(self) -> float:
        """When the inverter has surely followed all that lowered its limits."""
        return max((until for until, _ in self._before), default=-inf)

    def active_at(self, direction: Direction) -> float:
        """Return when it was last told more than 0 A; -inf: never."""
        return self._active_at[direction]

    def would_fall(self, telegram: Telegram) -> bool:
        """Return whether this one lowers anything that it may act upon."""
        return any(_falls(sent, telegram) for sent in self._sent)

    @property
    def _sent(self) -> list[Telegram]:
        return [self.told, *self._unsure] if self.told else [*self._unsure]


def _falls(told: Telegram, telegram: Telegram) -> bool:
    """Return whether any limit falls, an enable clears or a protection is raised."""
    return (
        any(telegram.limit(d) < told.limit(d) for d in Direction)
        or telegram.charge_voltage_limit < told.charge_voltage_limit
        or (told.charge_enabled and not telegram.charge_enabled)
        or (told.discharge_enabled and not telegram.discharge_enabled)
        or bool(telegram.protections - told.protections)
    )
