"""An open SocketCAN link, read by its descriptor in the event loop, without waits."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
import socket
import struct
from typing import Final

import can
from can.interfaces.socketcan import SocketcanBus

from ..model import Controller, Frame
from .interface.state import Link
from .interface.watch import LinkWatch

ECHO_RECHECK: Final = 0.01
"""Seconds after which an echo that proves nothing yet is looked at again, twice as long
for each further time: a peer may take nothing for hours."""
LONGEST_RECHECK: Final = 1.0

# Linux: linux/can.h, asm-generic/socket.h, linux/sock_diag.h
_FRAME: Final = struct.Struct("=IB3x8s")  # identifier with its flags, length, data
_STAMP: Final = struct.Struct("@ll")  # struct timespec: seconds, nanoseconds
_STAMP_SPACE: Final = socket.CMSG_SPACE(_STAMP.size)
_SO_MEMINFO: Final = 55
_MEMORY: Final = struct.Struct("=3I")  # received bytes, their bound, bytes to send


class OwnSocket(socket.socket):
    """A CAN socket of python-can's, read and written in a fraction of its time.

    python-can asks before each frame whether one waits, and takes every frame of this
    machine for an echo (MSG_DONTROUTE), also one that another program sent; the kernel
    tells the own ones apart (MSG_CONFIRM).
    """

    def receive(self) -> can.Message | None:
        """Return the oldest frame that waits, None if none does; else OSError.

        The kernel keeps about 280. When the loop is held for longer than those take,
        it drops the newest: what is known is older then, never younger than it looks.
        """
        try:
            packed, ancillary, flags, _ = self.recvmsg(_FRAME.size, _STAMP_SPACE)
        except BlockingIOError:
            return None
        can_id, length, data = _FRAME.unpack(packed)
        [(_, _, stamp)] = ancillary  # python-can has asked for SO_TIMESTAMPNS alone
        seconds, nanoseconds = _STAMP.unpack(stamp)
        extended = bool(can_id & socket.CAN_EFF_FLAG)
        return can.Message(
            timestamp=seconds + nanoseconds * 1e-9,
            arbitration_id=can_id
            & (socket.CAN_EFF_MASK if extended else socket.CAN_SFF_MASK),
            is_extended_id=extended,
            is_remote_frame=bool(can_id & socket.CAN_RTR_FLAG),
            is_error_frame=bool(can_id & socket.CAN_ERR_FLAG),
            is_rx=not flags & socket.MSG_CONFIRM,
            data=data[:length],
        )

    def transmit(self, frame: Frame) -> None:
        """Queue a frame; OSError if it is not taken at once."""
        flags = socket.CAN_EFF_FLAG if frame.extended else 0
        flags |= socket.CAN_RTR_FLAG if frame.remote else 0
        self.send(_FRAME.pack(frame.can_id | flags, len(frame.data), frame.data))

    @property
    def unsent(self) -> int:
        """Bytes of kernel memory held by own frames that the driver did not take yet.

        Each frame holds some hundred. The driver may have taken one and not sent it.
        """
        memory = self.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMORY.size)
        return int(_MEMORY.unpack(memory)[2])


class LinkBus(SocketcanBus):
    """python-can's bus of a link; it leaves no socket open where it cannot be opened.

    That is when the link vanishes in this very moment.
    """

    def __init__(self, name: str) -> None:
        """Open a link, so that own frames come back; OSError if that fails."""
        try:
            super().__init__(name, receive_own_messages=True)
        except Exception:
            if left := vars(self).get("socket"):
                left.close()
            raise


class SocketBus:
    """A link at work; it has the face of a `Channel`."""

    has_echo = True
    owns_error_frames = False
    """Any program of this machine can send them on a link."""

    def __init__(self, bus: SocketcanBus, link: Link) -> None:
        """Take over an open bus, and what is known of its link."""
        self.echo_is_proof = link.echoes or link.is_virtual
        self.link: str | None = None
        self.controller = link.controller
        self._index = link.index
        self._watch: LinkWatch | None = None
        self._withholds = not link.echoes
        self._is_virtual = link.is_virtual
        self._needed = 0
        """The number of the look without whose answer no echo counts."""
        self._bus = bus
        self._socket = OwnSocket(fileno=bus.socket.detach())
        self._socket.setblocking(False)
        bus.socket = self._socket
        self._withheld: deque[tuple[can.Message, int]] = deque()
        """Echoes, and which look has to be answered first."""
        self._recheck: asyncio.TimerHandle | None = None
        self._recheck_in = ECHO_RECHECK
        self._loop: asyncio.AbstractEventLoop | None = None

    def read(
        self,
        *,
        on_waiting: Callable[[], None],
        on_error: Callable[[Exception], None],
        on_controller: Callable[[Controller], None],
    ) -> None:
        """Tell of messages, of the controller and, once, of the bus's failure."""
        self._on_waiting = on_waiting
        self._on_error = on_error
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket, on_waiting)
        self._on_controller = on_controller
        self._watch = LinkWatch(self._index, self._looked)
        self._watch.start()

    def doubt(self) -> None:
        """Withhold echoes until the kernel has told how the controller is."""
        if self._watch and not self._is_virtual:
            self._needed = self._watch.look()

    def take(self) -> Iterator[can.Message]:
        """Yield the messages that wait, until none does.

        An echo that the driver did not give is withheld until nothing waits to be sent.
        """
        yield from self._release()
        while message := self._receive():
            if message.is_rx or not (self._withholds or self._doubts(self._needed)):
                yield message
            else:
                self._withhold(message)
        yield from self._release()

    def send(self, frame: Frame) -> None:
        """Queue a frame without blocking; OSError if it is not taken."""
        self._socket.transmit(frame)

    async def close(self) -> None:
        """Stop reading and close the bus."""
        self._stop()
        await asyncio.get_running_loop().run_in_executor(None, self.shutdown)

    def shutdown(self) -> None:
        """Close the bus, which is not read."""
        self._bus.shutdown()

    def _receive(self) -> can.Message | None:
        """Return a message; an error ends the reading: the descriptor stays readable."""
        try:
            return self._socket.receive()
        except (OSError, ValueError) as error:
            self._stop()
            self._on_error(error)
            return None

    def _stop(self) -> None:
        self._withheld.clear()
        if self._watch:
            self._watch.close()
        if self._recheck:
            self._recheck.cancel()
        if self._loop:
            self._loop.remove_reader(self._socket)

    def _withhold(self, echo: can.Message) -> None:
        self._withheld.append((echo, self._needed))
        self._recheck_in = ECHO_RECHECK
        self._recheck_later()

    def _recheck_later(self) -> None:
        # Nothing tells when the queue gets empty
        if self._recheck is None and self._loop and self._may_release:
            self._recheck = self._loop.call_later(self._recheck_in, self._look_again)

    def _look_again(self) -> None:
        if self._recheck:
            self._recheck.cancel()
        self._recheck = None
        self._recheck_in = min(2 * self._recheck_in, LONGEST_RECHECK)
        self._on_waiting()
        self._recheck_later()

    def _release(self) -> Iterator[can.Message]:
        while self._may_release:
            if self._withholds and self._socket.unsent > 0:
                return
            yield self._withheld.popleft()[0]

    @property
    def _may_release(self) -> bool:
        """Whether an echo is withheld for which no look is still to be answered."""
        return bool(self._withheld) and not self._doubts(self._withheld[0][1])

    def _doubts(self, look: int) -> bool:
        """Return whether a look is still to be answered."""
        return self._watch is not None and self._watch.answered < look

    def _looked(self, link: Link) -> None:
        self._on_controller(link.controller)
        if self._may_release:
            self._look_again()
