"""A CAN adapter at the end of a byte stream, served by a thread that can be abandoned.

Opening, writing and closing such a stream may block for ever: in a wedged USB stack,
in a name server. No one waits for it: neither the event loop nor its end.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
import contextlib
import os
import termios
import threading
import time
from typing import Final

import can

from ..model import NO_CONTROLLER, Controller, Frame, PortFault
from .interface.state import PortError
from .stream import Conversation, Stream, as_message

ERRORS: Final = (OSError, can.CanError, ValueError, PortError, termios.error)
"""What the thread's work may end with: the port is lost, and tried again."""

OPEN_TIMEOUT: Final = 12.0
"""Seconds after which an opening is given up, longer than any of its parts takes."""
CLOSE_TIMEOUT: Final = 1.0
"""Seconds to wait for the thread's end before it is abandoned."""
STALE: Final = 0.05
"""Seconds after which a frame that could not be written is dropped."""
STUCK: Final = 1.0
"""Seconds within which a frame half written has to be through."""
MOST_UNSENT: Final = 256
"""Bytes, about a set, that the operating system may hold before no more is written."""
MOST_QUEUED: Final = 32
"""Frames that wait for the thread, or for the adapter's acknowledgement."""
MOST_WAITING: Final = 4096
"""Frames kept for a held event loop; the oldest go first."""
UNACKNOWLEDGED: Final = 1.0
"""Seconds after which an acknowledgement does not come any more."""
_LOOK_AGAIN: Final = 5
"""Milliseconds between two looks at what the operating system still holds."""

_at_work: set[str] = set()
"""The channels that a thread has, also one that was abandoned: it may still come to
life with the device in its hands, and each further one would get stuck like it."""


class StreamBus:
    """An adapter at work, and its thread; it has the face of a `Channel`."""

    echo_is_proof = False
    """The adapter queues: its acknowledgement says no more than that it has a frame."""
    link: str | None = None
    controller = NO_CONTROLLER
    owns_error_frames = True

    def __init__(self, channel: str, conversation: Conversation) -> None:
        """Describe a bus, which `open` opens; no two have a channel at once."""
        self._channel = channel
        self._conversation = conversation
        self._loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._ended = asyncio.Event()
        self._wake = -1
        self._stopping = False
        self._lock = threading.Lock()
        self._to_send: deque[tuple[float, Frame]] = deque()
        self._unanswered: deque[tuple[float, Frame]] = deque()
        self._half = b""
        self._half_since = 0.0
        self._waiting: deque[can.Message] = deque(maxlen=MOST_WAITING)
        self._on_waiting: Callable[[], None] | None = None
        self._on_error: Callable[[Exception], None] | None = None
        self._error: Exception | None = None

    @property
    def has_echo(self) -> bool:
        """Whether the adapter acknowledges each frame that it takes."""
        return self._conversation.acknowledges

    def read(
        self,
        *,
        on_waiting: Callable[[], None],
        on_error: Callable[[Exception], None],
        on_controller: Callable[[Controller], None],
    ) -> None:
        """Tell of messages and of the bus's end, once, in the loop."""
        self._on_waiting, self._on_error = on_waiting, on_error
        self._loop.call_soon(self._tell_waiting)
        if self._error:
            self._loop.call_soon(self._tell_error)

    def take(self) -> Iterator[can.Message]:
        """Yield the messages that wait, until none does."""
        while self._waiting:
            yield self._waiting.popleft()

    def doubt(self) -> None:
        """Do nothing: the adapter's own word is all there is."""

    def send(self, frame: Frame) -> None:
        """Hand a frame to the thread; raises when too many wait for their way out."""
        now = time.monotonic()
        with self._lock:
            self._forget_unanswered(now)
            if len(self._to_send) + len(self._unanswered) >= MOST_QUEUED:
                raise can.CanOperationError("Transmit buffer full")
            self._to_send.append((now, frame))
        self._rouse()

    async def open(self) -> None:
        """Start the thread and wait until the adapter takes part; or PortError."""
        if self._channel in _at_work:
            raise PortError(PortFault.BUSY, "An earlier attempt still hangs")
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        _at_work.add(self._channel)
        threading.Thread(
            target=self._run, name=f"CAN {self._channel}", daemon=True
        ).start()
        try:
            async with asyncio.timeout(OPEN_TIMEOUT):
                await self._opened
        except TimeoutError as error:
            self.shutdown()
            raise PortError(PortFault.FAILED, "The adapter hangs") from error
        except ERRORS as error:
            raise PortError.of(error) from error
        except asyncio.CancelledError:
            self.shutdown()
            raise

    async def close(self) -> None:
        """End the thread; one that does not end soon is abandoned."""
        self.shutdown()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self._ended.wait()

    def shutdown(self) -> None:
        """Tell the thread to end; does not wait for it."""
        self._on_waiting = self._on_error = None
        self._stopping = True
        self._rouse()

    # In the loop, on behalf of the thread

    def _tell_waiting(self) -> None:
        if self._on_waiting and self._waiting:
            self._on_waiting()

    def _tell_error(self) -> None:
        if self._on_error and self._error:
            tell, self._on_error = self._on_error, None
            tell(self._error)

    def _tell_opened(self, error: Exception | None) -> None:
        if self._opened.done():
            return
        if error is None:
            self._opened.set_result(None)
        else:
            self._opened.set_exception(error)

    def _rouse(self) -> None:
        with self._lock:
            if self._wake >= 0:
                os.eventfd_write(self._wake, 1)

    # In the thread

    def _run(self) -> None:
        try:
            self._work()
        except ERRORS as error:
            self._error = error
        finally:
            with self._lock:
                os.close(self._wake)
                self._wake = -1
            _at_work.discard(self._channel)
            # Only now: whoever is told may want the channel again
            if self._error:
                self._in_loop(self._tell_opened, self._error)
                self._in_loop(self._tell_error)
            self._in_loop(self._ended.set)

    def _work(self) -> None:
        descriptor = self._conversation.connect()
        try:
            self._converse(Stream(descriptor, self._wake))
        except OSError as error:
            raise PortError(self._conversation.gone, str(error)) from error
        finally:
            self._conversation.part(descriptor)

    def _converse(self, stream: Stream) -> None:
        if not self._stopping:
            self._conversation.greet(stream)
        self._in_loop(self._tell_opened, None)
        while not self._stopping:
            self._turn(stream)

    def _turn(self, stream: Stream) -> None:
        timeout = self._write(stream)
        if not stream.wait(timeout, writing=bool(self._half)):
            return
        for heard in self._conversation.on_frame(stream.read()):
            if isinstance(heard, can.Message):
                self._waiting.append(heard)
            else:
                self._answer(taken=heard)
        if self._waiting:
            self._in_loop(self._tell_waiting)

    def _answer(self, *, taken: bool) -> None:
        with self._lock:
            self._forget_unanswered(time.monotonic())
            if not self._unanswered:
                return
            _, frame = self._unanswered.popleft()
        if taken:
            self._waiting.append(as_message(frame, at=time.time(), is_rx=False))

    def _forget_unanswered(self, now: float) -> None:
        """Lose count: an answer that did not come shifts all that follow."""
        if self._unanswered and now > self._unanswered[0][0] + UNACKNOWLEDGED:
            self._unanswered.clear()

    def _write(self, stream: Stream) -> float | None:
        """Write what is due; return when to come again, in seconds."""
        while True:
            now = time.monotonic()
            if self._half:
                if now > self._half_since + STUCK:
                    raise PortError(PortFault.FAILED, "The adapter takes nothing")
                self._half = self._half[stream.write(self._half) :]
                if self._half:
                    return STUCK
            with self._lock:
                while self._to_send and now > self._to_send[0][0] + STALE:
                    self._to_send.popleft()
                if not self._to_send:
                    return None
                if stream.unsent > MOST_UNSENT:
                    return _LOOK_AGAIN / 1000
                _, frame = self._to_send.popleft()
                if self._conversation.acknowledges:
                    self._unanswered.append((now, frame))
            self._half, self._half_since = self._conversation.encode(frame), now

    def _in_loop[*Ts](self, callback: Callable[[*Ts], object], *arguments: *Ts) -> None:
        # An abandoned thread may outlive its loop
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(callback, *arguments)
