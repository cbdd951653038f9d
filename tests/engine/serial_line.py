"""A serial line with a clock of its own, and the device at its other end."""

from collections.abc import Callable, Iterable, Iterator
import heapq
from itertools import chain
from math import inf
import time
from unittest.mock import patch

from custom_components.bms_gateway.engine.can.slcan import adapter as slcan_adapter
from custom_components.bms_gateway.engine.can.slcan.adapter import SlcanAdapter

DELAY = 0.005
"""Seconds from a command to its answer."""
BATCH = 4096
"""Bytes read at once, as from a real line."""

type Answers = Callable[[bytes], bytes]
"""Returns the answer to a command, which comes without its CR."""
type Unsolicited = Iterable[tuple[float, bytes]]
"""Times and bytes of what comes unasked, in their order, possibly without an end."""


class SerialLine:
    """An adapter's line as its thread sees it; the clock advances while it waits."""

    def __init__(
        self, answers: Answers, unsolicited: Unsolicited = (), silent_until: float = 0
    ) -> None:
        """Open the line to a device that may ignore commands at first."""
        self.now = 0.0
        self.commands: list[str] = []
        self._answers = answers
        self._silent_until = silent_until
        self._pending: list[tuple[float, int, bytes]] = []
        self._count = 0
        self._unsolicited = chain(unsolicited, [(inf, b"")])
        self._next = next(self._unsolicited)
        self._begun = b""

    def monotonic(self) -> float:
        """Return the time of the line."""
        return self.now

    def time(self) -> float:
        """Return the wall clock."""
        return time.time()

    def wait(self, timeout: float | None, *, writing: bool = False) -> bool:
        """Advance the time until something comes."""
        assert timeout is not None
        at = min(self._next[0], self._pending[0][0] if self._pending else inf)
        came = at <= self.now + timeout
        self.now = max(self.now, at) if came else self.now + timeout
        return came

    def read(self) -> bytes:
        """Return the bytes that have come until now."""
        data = b""
        while len(data) < BATCH:
            while self._next[0] <= self.now and len(self._pending) < BATCH:
                self._schedule(*self._next)
                self._next = next(self._unsolicited)
            if not self._pending or self._pending[0][0] > self.now:
                break
            data += heapq.heappop(self._pending)[2]
        return data

    def write(self, data: bytes) -> int:
        """Take commands; their answers come a moment later."""
        *commands, self._begun = (self._begun + data).split(b"\r")
        for command in commands:
            self.commands.append(command.decode())
            if self.now >= self._silent_until:
                self._schedule(self.now + DELAY, self._answers(command))
        return len(data)

    def _schedule(self, at: float, data: bytes) -> None:
        if data:
            self._count += 1
            heapq.heappush(self._pending, (at, self._count, data))


def greeted(line: SerialLine, bitrate: int = 500_000) -> SlcanAdapter:
    """Return an adapter that was greeted over a line; PortError if it is none."""
    adapter = SlcanAdapter("line", bitrate)
    with patch.object(slcan_adapter, "time", line):
        adapter.greet(line)  # type: ignore[arg-type]  # it has no descriptor
    return adapter


def every(
    seconds: float, data: bytes, begin: float = 0.2
) -> Iterator[tuple[float, bytes]]:
    """Send the same bytes repeatedly."""
    at = begin
    while True:
        yield at, data
        at += seconds
