"""A CAN adapter at the end of a byte stream, served by a thread that can be abandoned.

Opening, writing and closing such a stream may block for ever, in a wedged USB stack.
Neither the event loop nor its shutdown waits for the thread.
"""

import asyncio
from collections import deque
from collections.abc import Callable
import contextlib
import os
from queue import Empty
import termios
import threading
import time
from typing import Final, override

import can

from ..model import PortFault
from .bus import ERRORS, Bus
from .frame_queue import FrameQueue
from .interface.state import PortError
from .stream import Conversation, Stream

FAILURES: Final = (*ERRORS, termios.error)
"""Exceptions that end the thread: the port is lost, and opened again."""

OPEN_TIMEOUT: Final = 12.0
"""Seconds after which opening is abandoned, longer than any of its steps takes."""
CLOSE_TIMEOUT: Final = 1.0
"""Seconds to wait for the thread's end before it is abandoned."""
STALE: Final = 0.05
"""Seconds after which a frame that could not be written is dropped."""
STUCK: Final = 1.0
"""Seconds within which a frame half written has to be complete."""
MOST_UNSENT: Final = 256
"""Bytes, about a telegram, that the operating system may hold before writing pauses."""
MOST_QUEUED: Final = 32
"""Frames that wait for the thread, or for the adapter's acknowledgement."""
UNACKNOWLEDGED: Final = 1.0
"""Seconds after which an acknowledgement is no longer expected."""
_LOOK_AGAIN: Final = 5
"""Milliseconds between two checks of what the operating system still holds."""

_at_work: set[str] = set()
"""The channels in use by a thread, even an abandoned one: it may resume with the device
still open, and each further thread would hang like it."""


async def open_stream(channel: str, conversation: Conversation) -> StreamBus:
    """Return a bus whose adapter has opened its channel; PortError if it does not.

    Each channel is opened once at a time. Cancelling leaves nothing open.
    """
    if channel in _at_work:
        raise PortError(PortFault.BUSY, "An earlier attempt still hangs")
    bus = StreamBus(channel, conversation)
    try:
        await bus.start()
    except BaseException:
        bus.shutdown()
        raise
    return bus


class StreamBus(Bus):
    """An adapter in use, and its thread."""

    echo_is_proof = False
    """The adapter queues: its acknowledgement shows only that it has the frame."""
    owns_error_frames = True

    def __init__(self, channel: str, conversation: Conversation) -> None:
        """Create a bus; `start` starts its thread."""
        super().__init__(channel)
        self.channel_info = channel
        self._conversation = conversation
        self._loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._ended = asyncio.Event()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._stopping = False
        self._lock = threading.Lock()
        self._to_send: deque[tuple[float, can.Message]] = deque()
        self._unanswered: deque[tuple[float, can.Message]] = deque()
        self._half = b""
        self._half_since = 0.0
        self._received: FrameQueue[can.Message | Exception] = FrameQueue()
        """Frames of the adapter; the error that ended the thread comes last."""

    async def start(self) -> None:
        """Start the thread and wait until the adapter is open, or raise PortError."""
        channel = self.channel_info
        _at_work.add(channel)
        threading.Thread(target=self._run, name=f"CAN {channel}", daemon=True).start()
        try:
            async with asyncio.timeout(OPEN_TIMEOUT):
                await self._opened
        except TimeoutError as error:
            raise PortError(PortFault.FAILED, "The adapter hangs") from error
        except FAILURES as error:
            raise PortError.of(error) from error
        self.has_echo = self._conversation.acknowledges

    @override
    def fileno(self) -> int:
        return self._received.fileno()

    @override
    def _recv_internal(self, timeout: float | None) -> tuple[can.Message | None, bool]:
        try:
            received = self._received.get(timeout=timeout)
        except Empty:
            return None, True
        if isinstance(received, Exception):
            raise received
        return received, True

    @override
    def send(self, msg: can.Message, timeout: float | None = None) -> None:
        """Hand a frame to the thread; CanOperationError when too many wait."""
        now = time.monotonic()
        with self._lock:
            self._forget_unanswered(now)
            if len(self._to_send) + len(self._unanswered) >= MOST_QUEUED:
                raise can.CanOperationError("Transmit buffer full")
            self._to_send.append((now, msg))
        self._rouse()

    @override
    async def close(self) -> None:
        """End the thread; one that does not end soon is abandoned."""
        self.shutdown()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self._ended.wait()

    @override
    def shutdown(self) -> None:
        """Request the end of the thread; does not wait for it."""
        super().shutdown()
        self._stopping = True
        self._rouse()
        self._received.close()

    def _confirm_opened(self, error: Exception | None) -> None:
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
        failure: Exception | None = None
        try:
            self._work()
        except FAILURES as error:
            failure = error
        finally:
            with self._lock:
                os.close(self._wake)
                self._wake = -1
            _at_work.discard(self.channel_info)
            # Only now: the loop may want to open the channel again
            if failure:
                self._in_loop(self._confirm_opened, failure)
                self._received.put(failure)
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
        self._in_loop(self._confirm_opened, None)
        while not self._stopping:
            self._turn(stream)

    def _turn(self, stream: Stream) -> None:
        timeout = self._write(stream)
        if not stream.wait(timeout, writing=bool(self._half)):
            return
        for received in self._conversation.parse(stream.read()):
            if isinstance(received, can.Message):
                self._received.put(received)
            else:
                self._answer(taken=received)

    def _answer(self, *, taken: bool) -> None:
        with self._lock:
            self._forget_unanswered(time.monotonic())
            if not self._unanswered:
                return
            _, echo = self._unanswered.popleft()
        if taken:
            echo.timestamp, echo.is_rx = time.time(), False
            self._received.put(echo)

    def _forget_unanswered(self, now: float) -> None:
        """Start counting anew: a missing answer would shift all that follow."""
        if self._unanswered and now > self._unanswered[0][0] + UNACKNOWLEDGED:
            self._unanswered.clear()

    def _write(self, stream: Stream) -> float | None:
        """Write what is due; return the seconds until a retry, None: on a wake-up."""
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
                _, message = self._to_send.popleft()
                if self._conversation.acknowledges:
                    self._unanswered.append((now, message))
            self._half, self._half_since = self._conversation.encode(message), now

    def _in_loop[*Ts](self, callback: Callable[[*Ts], object], *arguments: *Ts) -> None:
        # An abandoned thread may outlive its loop
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(callback, *arguments)
