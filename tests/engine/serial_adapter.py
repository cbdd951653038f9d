"""A serial CAN adapter at the other end of a pseudo-terminal: LAWICEL's commands."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
import os
import tty

from ..waiting import until

ACKNOWLEDGING = {"C": b"\r", "S": b"\r", "O": b"\r", "V": b"V1013\r", "t": b"z\r"}
"""The answers of a LAWICEL CANUSB (manual 1.0), by the first letter of a command."""
QUIET = {"V": b"CANable 2.0\r"}
"""The answers of an adapter that reports its version and acknowledges nothing."""


class SerialAdapter:
    """The adapter's end of the line; it runs in the test's event loop."""

    def __init__(self, answers: dict[str, bytes] = ACKNOWLEDGING) -> None:
        """Plug it in."""
        self.answers = dict(answers)
        self.commands: list[str] = []
        self.late: list[bytes] | None = None
        """Answers held back, while there is a list for them."""
        self._end, line = os.openpty()
        tty.setraw(line)
        self.device = os.ttyname(line)
        self._unread = b""
        self._news = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._ends = [self._end, line]
        self.listens(True)

    def listens(self, listens: bool) -> None:
        """Start or stop reading from the line."""
        if listens:
            self._loop.add_reader(self._end, self._read)
        else:
            self._loop.remove_reader(self._end)

    def send(self, data: bytes) -> None:
        """Send bytes at once."""
        os.write(self._end, data)

    def release(self) -> None:
        """Give the answers that were held back."""
        for answer in self.late or []:
            self.send(answer)
        self.late = None

    def unplug(self) -> None:
        """Take it away."""
        if self._ends:
            self.listens(False)
        while self._ends:
            os.close(self._ends.pop())

    @property
    def frames(self) -> list[str]:
        """The frames that it had to send."""
        return [c for c in self.commands if c[:1] in ("t", "T", "r", "R")]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition, looked at with each command."""
        await until(condition, lambda: f"not with {self.commands}", news=self._news)

    def _read(self) -> None:
        *lines, self._unread = (self._unread + os.read(self._end, 4096)).split(b"\r")
        for line in lines:
            command = line.decode()
            self.commands.append(command)
            answer = self.answers.get(command[:1], b"")
            if self.late is not None:
                self.late.append(answer)
            elif answer:
                self.send(answer)
        self._news.set()


@contextmanager
def plugged_in(
    answers: dict[str, bytes] = ACKNOWLEDGING,
) -> Iterator[SerialAdapter]:
    """Have an adapter for a while."""
    adapter = SerialAdapter(answers)
    try:
        yield adapter
    finally:
        adapter.unplug()
