"""An open python-can bus, read without errors or waits in the event loop."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
import socket
import time
from typing import Any, Final, override

import can
from can.interfaces.socketcan import SocketcanBus

from .config import Interface, PortConfig
from .link import PortError, check_link
from .model import PortFault

ERRORS: Final = (can.CanError, OSError, ValueError, AssertionError)
"""What python-can raises of a bus that failed; it asserts what the kernel adds."""

MOST_WAITING: Final = 1024
"""Frames taken at once: more than a socket holds (about 280 by Linux's default)."""

READ_TIMEOUT: Final = 0.1
"""Seconds that a reader thread may need to notice its end."""


async def open_bus(config: PortConfig) -> can.BusABC:
    """Open a channel, in an executor; PortError says why not.

    When cancelled, the bus that is still being opened is closed once it is there.
    """
    opening = asyncio.get_running_loop().run_in_executor(None, _open, config)
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        opening.add_done_callback(_close_unwanted)
        raise


def _open(config: PortConfig) -> can.BusABC:
    if config.interface is Interface.SOCKETCAN:
        check_link(config)
    try:
        bus = can.Bus(
            interface=config.interface.value,
            channel=config.channel,
            receive_own_messages=True,
            ignore_config=True,
        )
    except can.CanInterfaceNotImplementedError as error:
        raise PortError(PortFault.NOT_SUPPORTED, str(error)) from error
    except ERRORS as error:
        raise PortError.of(error) from error
    if isinstance(bus, SocketcanBus):
        bus.socket = _OwnSocket(fileno=bus.socket.detach())
    return bus


class _OwnSocket(socket.socket):
    """A CAN socket that takes for its own only the frames that it sent itself.

    python-can takes every frame of this machine for an echo (MSG_DONTROUTE), also one
    that another program sent; the kernel tells them apart (MSG_CONFIRM).
    """

    @override
    def recvmsg(self, *arguments: Any) -> tuple[bytes, list[Any], int, Any]:
        data, ancillary, flags, address = super().recvmsg(*arguments)
        if not flags & socket.MSG_CONFIRM:
            flags &= ~socket.MSG_DONTROUTE
        return data, ancillary, flags, address


def _close_unwanted(opening: asyncio.Future[can.BusABC]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().shutdown()


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


class OpenBus:
    """An open bus and its reader: by descriptor in the loop, else by a thread."""

    def __init__(
        self,
        bus: can.BusABC,
        *,
        on_waiting: Callable[[], None],
        on_error: Callable[[Exception], None],
    ) -> None:
        """Start reading; both callbacks come in the running loop.

        `on_waiting`: messages can be taken. `on_error`: the bus failed, once; it is
        not read any more and has to be closed.
        """
        self._bus = bus
        self._loop = asyncio.get_running_loop()
        self._on_waiting = on_waiting
        self._on_error = on_error
        self._waiting: deque[can.Message] = deque()
        self._by_descriptor = _has_descriptor(bus)
        self._guard = _Guard(bus, self._fail)
        self._notifier = can.Notifier(
            self._guard,
            [self._receive],
            timeout=READ_TIMEOUT,
            loop=self._loop if self._by_descriptor else None,
        )

    def take(self) -> Iterator[can.Message]:
        """Yield the messages that wait now, at most MOST_WAITING of them."""
        if self._by_descriptor:
            # The Notifier reads one message per turn of the loop: read the others
            while len(self._waiting) < MOST_WAITING and (msg := self._guard.recv(0)):
                self._waiting.append(msg)
        for _ in range(min(len(self._waiting), MOST_WAITING)):
            yield self._waiting.popleft()

    def send(self, message: can.Message) -> None:
        """Queue a message; raises one of ERRORS. Does not block (socketcan, virtual)."""
        self._bus.send(message)

    async def close(self) -> None:
        """Stop reading and close the bus."""
        if self._by_descriptor:
            self._notifier.stop()
        await self._loop.run_in_executor(None, self._close)

    def _close(self) -> None:
        if not self._by_descriptor:
            self._notifier.stop()
        self._bus.shutdown()

    def _receive(self, message: can.Message) -> None:
        self._waiting.append(message)
        self._in_loop(self._on_waiting)

    def _fail(self, error: Exception) -> None:
        if self._by_descriptor:
            self._notifier.stop()
        self._in_loop(self._on_error, error)

    def _in_loop[*Ts](self, callback: Callable[[*Ts], None], *arguments: *Ts) -> None:
        if self._by_descriptor:
            callback(*arguments)
        else:
            self._loop.call_soon_threadsafe(callback, *arguments)


def _has_descriptor(bus: can.BusABC) -> bool:
    try:
        return bus.fileno() >= 0
    except NotImplementedError:
        return False
