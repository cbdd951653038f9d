"""An open python-can bus, read without errors or waits in the event loop."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
import errno
import time
from typing import Final, override

import can
from can.interfaces.socketcan import SocketcanBus

from .config import PortConfig
from .link import Link, OwnSocket, PortError
from .model import Frame, PortFault
from .stream import as_message

ERRORS: Final = (can.CanError, OSError, ValueError, AssertionError)
"""What python-can raises of a bus that failed; it asserts what the kernel adds."""

MOST_WAITING: Final = 1024
"""Frames taken at once: more than a socket holds (about 280 by Linux's default)."""

ECHO_RECHECK: Final = 0.01
"""Seconds after which an echo that proves nothing yet is looked at once more."""

READ_TIMEOUT: Final = 0.1
"""Seconds that a reader thread may need to notice its end."""


_FULL: Final = frozenset({errno.ENOBUFS, errno.EAGAIN})


def is_full(error: Exception) -> bool:
    """Return whether only the queue is full: the link is up, its peer takes nothing."""
    code = getattr(error, "error_code", None) or getattr(error, "errno", None)
    return code in _FULL or str(error) == "Transmit buffer full"


def open_python_can(config: PortConfig, link: Link | None) -> OpenBus:
    """Open a channel with python-can; PortError says why not. Blocks for a moment."""
    try:
        bus = can.Bus(
            interface=config.interface.value,
            channel=config.channel,
            receive_own_messages=True,
            ignore_config=True,
        )
        return OpenBus(bus, link)
    except can.CanInterfaceNotImplementedError as error:
        raise PortError(PortFault.NOT_SUPPORTED, str(error)) from error
    except ERRORS as error:
        raise PortError.of(error) from error


class OpenBus:
    """An open bus and its reader: by descriptor in the loop, else by a thread."""

    has_echo = True

    def __init__(self, bus: can.BusABC, link: Link | None) -> None:
        """Take over an open bus, and what is known of its link if it is SocketCAN's."""
        self.echo_is_proof = link is None or link.echoes or link.is_virtual
        self._withholds = link is not None and not link.echoes
        self.emptied = False
        self.link: str | None = None
        self._bus = bus
        self._socket = _own_socket(bus)
        self._waiting: deque[can.Message] = deque()
        self._withheld: deque[can.Message] = deque()
        self._recheck: asyncio.TimerHandle | None = None
        self._notifier: can.Notifier | None = None

    def read(
        self,
        *,
        on_waiting: Callable[[], None],
        on_error: Callable[[Exception], None],
    ) -> None:
        """Start reading; both callbacks come in the running loop.

        `on_waiting`: messages can be taken. `on_error`: the bus failed, once; it is
        not read any more and has to be closed.
        """
        self._on_waiting = on_waiting
        self._on_error = on_error
        self._loop = asyncio.get_running_loop()
        self._guard = _Guard(self._bus, self._fail)
        self._notifier = can.Notifier(
            self._guard,
            [self._receive],
            timeout=READ_TIMEOUT,
            loop=self._loop if self._socket else None,
        )

    def take(self) -> Iterator[can.Message]:
        """Yield the messages that wait now, at most MOST_WAITING of them.

        An echo that the driver did not give is withheld until nothing waits to be sent.
        """
        if self._socket:
            # The Notifier reads one message per turn of the loop: read the others. To
            # ask first is much quicker where there is none, as mostly.
            while len(self._waiting) < MOST_WAITING and self._socket.has_news:
                if (msg := self._guard.recv(0)) is None:
                    break
                self._waiting.append(msg)
        else:
            # What the reader's thread has not come to yet, on a busy machine
            while len(self._waiting) < MOST_WAITING and (msg := self._guard.recv(0)):
                self._waiting.append(msg)
        self.emptied = len(self._waiting) < MOST_WAITING
        for _ in range(min(len(self._waiting), MOST_WAITING)):
            message = self._waiting.popleft()
            if message.is_rx or not self._withholds:
                yield message
            else:
                self._withhold(message)
        while self._withheld and self._has_sent_all:
            yield self._withheld.popleft()

    def send(self, frame: Frame) -> None:
        """Queue a frame without blocking; raises one of ERRORS."""
        if self._socket:
            self._socket.transmit(frame)
        else:
            self._bus.send(as_message(frame))

    async def close(self) -> None:
        """Stop reading and close the bus."""
        if self._recheck:
            self._recheck.cancel()
        if self._socket and self._notifier:
            self._notifier.stop()
        await asyncio.get_running_loop().run_in_executor(None, self.shutdown)

    def shutdown(self) -> None:
        """Close the bus at once; blocks until a reader thread has ended."""
        if self._notifier and not self._socket:
            self._notifier.stop()
        self._bus.shutdown()

    def _withhold(self, echo: can.Message) -> None:
        self._withheld.append(echo)
        # Nothing tells when the queue gets empty; after this, the next `take` looks
        if self._recheck is None:
            self._recheck = self._loop.call_later(ECHO_RECHECK, self._look_again)

    def _look_again(self) -> None:
        self._recheck = None
        self._on_waiting()

    @property
    def _has_sent_all(self) -> bool:
        return self._socket is None or self._socket.unsent == 0

    def _receive(self, message: can.Message) -> None:
        self._waiting.append(message)
        self._in_loop(self._on_waiting)

    def _fail(self, error: Exception) -> None:
        if self._socket and self._notifier:
            self._notifier.stop()
        self._in_loop(self._on_error, error)

    def _in_loop[*Ts](self, callback: Callable[[*Ts], None], *arguments: *Ts) -> None:
        if self._socket:
            callback(*arguments)
        else:
            self._loop.call_soon_threadsafe(callback, *arguments)


class _Guard(can.BusABC):
    """What the Notifier reads: a bus whose first error ends the reading.

    An error from `recv` would surface in the loop's exception handler or kill the
    Notifier's thread, and a dead descriptor stays readable: the loop would spin.
    """

    def __init__(self, bus: can.BusABC, on_error: Callable[[Exception], None]) -> None:
        """Stand in for `bus`, which is set up already."""
        self.channel_info = bus.channel_info
        self._bus = bus
        self._on_error = on_error
        self._failed = False

    @override
    def fileno(self) -> int:
        return self._bus.fileno()

    @override
    def recv(self, timeout: float | None = None) -> can.Message | None:
        if self._failed:
            # Only a thread comes here, until it is stopped; it must not spin
            time.sleep(timeout or 0)
            return None
        try:
            return self._bus.recv(timeout)
        except ERRORS as error:
            self._failed = True
            self._on_error(error)
            return None

    @override
    def send(self, msg: can.Message, timeout: float | None = None) -> None:
        self._bus.send(msg, timeout)


def _own_socket(bus: can.BusABC) -> OwnSocket | None:
    if not isinstance(bus, SocketcanBus):
        return None
    own = OwnSocket(fileno=bus.socket.detach())
    bus.socket = own
    return own
