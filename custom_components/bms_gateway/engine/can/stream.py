"""A byte stream to a CAN adapter, used by its thread, and the protocol over it."""

from collections.abc import Iterable
import contextlib
import fcntl
import os
import select
import struct
import termios
from typing import Final, Protocol

import can

from ..model import PortFault

_READ_SIZE: Final = 4096


class Conversation(Protocol):
    """The protocol of one kind of adapter. All but `encode` runs in the thread."""

    acknowledges: bool
    """Whether the adapter acknowledges each frame; known after `greet`."""
    gone: PortFault
    """The fault of the port when the byte stream ends or fails."""

    def connect(self) -> int:
        """Return an open, non-blocking descriptor; the call itself may block."""

    def greet(self, stream: Stream) -> None:
        """Open the adapter's channel; raises one of ERRORS if that fails."""

    def parse(self, data: bytes) -> Iterable[can.Message | bool]:
        """Yield frames, and whether the adapter took the oldest unanswered frame."""

    def encode(self, message: can.Message) -> bytes:
        """Return the command that makes the adapter send a frame."""

    def part(self, descriptor: int) -> None:
        """Close the adapter's channel and the descriptor; may block."""


class Stream:
    """The thread's end of the byte stream."""

    def __init__(self, descriptor: int, wake: int) -> None:
        """Take over a descriptor; a write to `wake` ends any wait."""
        self._descriptor = descriptor
        self._wake = wake

    def wait(self, timeout: float | None, *, writing: bool = False) -> bool:
        """Wait for bytes or a wake-up; return whether bytes came."""
        poll = select.poll()
        events = select.POLLIN | (select.POLLOUT if writing else 0)
        poll.register(self._descriptor, events)
        poll.register(self._wake, select.POLLIN)
        milliseconds = None if timeout is None else max(0, int(timeout * 1000))
        ready = dict(poll.poll(milliseconds))
        if self._wake in ready:
            with contextlib.suppress(BlockingIOError):
                os.eventfd_read(self._wake)
        return bool(ready.get(self._descriptor, 0) & ~select.POLLOUT)

    def read(self) -> bytes:
        """Return the bytes that came; OSError at the end of the stream."""
        try:
            data = os.read(self._descriptor, _READ_SIZE)
        except BlockingIOError:
            return b""
        if not data:
            raise OSError("The connection has ended")
        return data

    def write(self, data: bytes) -> int:
        """Return how many bytes were accepted; never blocks."""
        try:
            return os.write(self._descriptor, data)
        except BlockingIOError:
            return 0

    @property
    def unsent(self) -> int:
        """Bytes that the operating system holds and has not sent yet."""
        answer = fcntl.ioctl(self._descriptor, termios.TIOCOUTQ, bytes(4))
        return int(struct.unpack("=i", answer)[0])
