"""Reading an open bus with python-can's asyncio Notifier, within a budget of time."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final, override

import can

from ..model import Clock, Controller
from .bus import ERRORS, Bus

READING: Final = 0.001
"""Seconds that a bus is read in one turn of the event loop, which others use, too. After
the loop was blocked hundreds of frames wait, on a flooded bus always more."""


class Reader:
    """Reads one bus until it is stopped or the bus fails.

    The Notifier reads one frame per wake-up and calls back with it; the others that
    wait are read in the same turn of the loop, until the budget is used up. All members
    are used in the event loop, by its thread.
    """

    def __init__(
        self,
        bus: Bus,
        *,
        on_message: Callable[[can.Message, float], None],
        on_error: Callable[[Exception], None],
        on_controller: Callable[[Controller], None],
        opened_at: float,
        clock: Clock,
        wall: Clock,
    ) -> None:
        """Start reading in the running loop.

        `on_message`: a message, and when it was on the wire by `clock`. `on_error`: the
        bus has failed; called once, after reading ended. `on_controller`: see `Bus`.
        `opened_at`: a time before the bus was opened: no frame is older. `wall` is the
        clock of the time stamps.
        """
        self.bus = bus
        self._on_message = on_message
        self._on_error = on_error
        self._clock = clock
        self._wall = wall
        self._loop = asyncio.get_running_loop()
        self._first: deque[can.Message] = deque()
        """What the Notifier has read after the budget was used up."""
        self._stopped = self._draining = False
        self._drained_at = self._read_until = opened_at
        self._turn: asyncio.Handle | None = None
        self._left = READING
        self._rests_since = 0.0
        self._guard = _Guard(bus, self._fail)
        self._notifier = can.Notifier(self._guard, [self._receive], loop=self._loop)
        bus.begin(self.drain, on_controller)

    @property
    def read_until(self) -> float:
        """Time up to which all received frames were dispatched.

        Frames are read in the order in which they came: while some still wait, that is
        the time on the wire of the last one read.
        """
        return self._read_until

    def drain(self) -> None:
        """Dispatch the frames that wait, for READING in a turn of the loop.

        The rest follows in the next turns automatically. From within `on_message` it
        does nothing: the frames follow when that has returned.
        """
        if self._stopped or self._draining or self._left <= 0:
            return
        self._draining = True
        try:
            self._dispatch_all()
        finally:
            self._draining = False

    def stop(self) -> None:
        """Stop reading at once; the bus stays open."""
        if self._stopped:
            return
        self._stopped = True
        self._notifier.stop()
        self.bus.end()
        if self._turn:
            self._turn.cancel()

    def _receive(self, message: can.Message) -> None:
        self._first.append(message)
        self.drain()

    def _fail(self, error: Exception) -> None:
        self.stop()
        self._on_error(error)

    def _waiting(self) -> Iterator[can.Message]:
        """Yield the messages that wait, the oldest first, until none does."""
        while self._first:
            yield self._first.popleft()
        receive = self._guard.recv
        while (message := receive(0)) is not None:
            yield message

    def _dispatch_all(self) -> None:
        started = now = self._clock()
        wall = self._wall()
        for message in self._waiting():
            age = wall - message.timestamp
            at = wire_time(age, started, self._drained_at)
            self._on_message(message, at)
            if self._stopped:
                return  # its echoes prove nothing any longer
            if age >= 0 and at > self._read_until:
                # Age < 0: the clock was set back, or it came after all that waited
                self._read_until = at
            now = self._clock()
            if now - started >= self._left:
                break
        else:
            self._drained_at = self._read_until = started
        if now > started:
            self._left -= now - started
            self._rests_since = now
            self._turn = self._turn or self._loop.call_soon(self._begin_turn)

    def _begin_turn(self) -> None:
        """Continue reading where the last turn of the loop was too short for it.

        However slow the loop is, a bus has to be read as fast as frames come: so for as
        long as the other callbacks took, if that is longer than READING.
        """
        too_short = self._left <= 0
        self._turn, self._left = None, READING
        if too_short:
            self._left = max(READING, self._clock() - self._rests_since)
            self.drain()
            self._left = min(self._left, READING)


def wire_time(age: float, now: float, drained_at: float) -> float:
    """Return when a frame was on the wire that was `age` seconds old at `now`.

    By the monotonic clock. A wall clock that jumps makes it no younger than `now` and
    no older than `drained_at`, the last time when nothing waited.
    """
    return now if age <= 0 else max(now - age, drained_at)


class _Guard(can.BusABC):
    """What the Notifier reads: a bus whose first error ends the reading.

    The Notifier itself passes an error of `recv` to the loop's exception handler, and
    again at each turn: the descriptor of a failed link stays readable. `on_error` has
    to stop it.
    """

    def __init__(self, bus: Bus, on_error: Callable[[Exception], None]) -> None:
        """Represent `bus`, which is open already."""
        self.channel_info = bus.channel_info
        self._bus = bus
        self._on_error = on_error

    @override
    def fileno(self) -> int:
        return self._bus.fileno()

    @override
    def recv(self, timeout: float | None = None) -> can.Message | None:
        try:
            return self._bus.recv(timeout)
        except ERRORS as error:
            self._on_error(error)
            return None

    @override
    def send(self, msg: can.Message, timeout: float | None = None) -> None:
        raise NotImplementedError("The Notifier only reads")
