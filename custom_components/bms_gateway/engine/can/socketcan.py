"""A SocketCAN link: python-can's bus with a faster receive and reliable echoes."""

import asyncio
from collections import deque
from collections.abc import Callable
import socket
import struct
from typing import Final, override

import can
from can.interfaces.socketcan import SocketcanBus

from ..model import Controller
from .bus import Bus
from .interface.state import Link
from .interface.watch import LinkWatch

ECHO_RECHECK: Final = 0.01
"""Seconds until an echo that proves nothing yet is checked again, doubled for each
further check: a peer may accept nothing for hours."""
LONGEST_RECHECK: Final = 1.0

# Linux: linux/can.h, asm-generic/socket.h, linux/sock_diag.h
_FRAME: Final = struct.Struct("=IB3x8s")  # identifier with its flags, length, data
_STAMP: Final = struct.Struct("@ll")  # struct timespec: seconds, nanoseconds
_STAMP_SPACE: Final = socket.CMSG_SPACE(_STAMP.size)
_SO_MEMINFO: Final = 55
_MEMORY: Final = struct.Struct("=3I")  # received bytes, their bound, bytes to send


class SocketcanLink(Bus, SocketcanBus):
    """An open link of the kernel, and the watch over its controller.

    python-can polls before each frame, and regards every frame sent on this machine as
    an echo (MSG_DONTROUTE), even one of another program; the kernel marks the frames of
    this socket (MSG_CONFIRM).

    An echo that is not the driver's is withheld until nothing waits to be sent.
    """

    def __init__(self, name: str, link: Link) -> None:
        """Open a link, so that own frames come back; OSError if that fails.

        python-can leaves its socket open if the link vanishes in between.
        """
        try:
            super().__init__(name, receive_own_messages=True)
        except Exception:
            if left := vars(self).get("socket"):
                left.close()
            raise
        self.socket.setblocking(False)
        self.echo_is_proof = link.echoes or link.is_virtual
        self.controller = link.controller
        self._index = link.index
        self._watch: LinkWatch | None = None
        self._withholds = not link.echoes
        self._is_virtual = link.is_virtual
        self._needed = 0
        """Number of the query that must be answered before an echo counts."""
        self._withheld: deque[tuple[can.Message, int]] = deque()
        """Echoes, and the query that has to be answered first."""
        self._recheck: asyncio.TimerHandle | None = None
        self._recheck_in = ECHO_RECHECK

    @override
    def begin(
        self,
        on_waiting: Callable[[], None],
        on_controller: Callable[[Controller], None],
    ) -> None:
        self._on_waiting = on_waiting
        self._on_controller = on_controller
        self._watch = LinkWatch(self._index, self._on_link)
        self._watch.start()

    @override
    def end(self) -> None:
        self._withheld.clear()
        if self._watch:
            self._watch.close()
        if self._recheck:
            self._recheck.cancel()

    @override
    def doubt(self) -> None:
        if self._watch and not self._is_virtual:
            self._needed = self._watch.query()

    @override
    def send(self, msg: can.Message, timeout: float | None = None) -> None:
        """Queue a frame; OSError if it is not accepted at once."""
        flags = socket.CAN_EFF_FLAG if msg.is_extended_id else 0
        flags |= socket.CAN_RTR_FLAG if msg.is_remote_frame else 0
        self.socket.send(_FRAME.pack(msg.arbitration_id | flags, msg.dlc, msg.data))

    @override
    def recv(self, timeout: float | None = None) -> can.Message | None:
        """Return the oldest frame, except withheld echoes; never waits.

        Without python-can's filters and log: they take 1 µs of the 5 of a frame.
        """
        while not (self._withheld and self._may_release):
            message = self._receive()
            if message is None or message.is_rx:
                return message
            if not (self._withholds or self._doubts(self._needed)):
                return message
            self._withhold(message)
        return self._withheld.popleft()[0]

    def _receive(self) -> can.Message | None:
        """Return the oldest frame that waits, None if none does; else OSError.

        The kernel keeps about 280. When the loop is blocked for longer than those take,
        it drops the newest: known values are then older, never younger than they look.
        """
        try:
            packed, ancillary, flags, _ = self.socket.recvmsg(_FRAME.size, _STAMP_SPACE)
        except BlockingIOError:
            return None
        can_id, length, data = _FRAME.unpack(packed)
        [(_, _, stamp)] = ancillary  # python-can requests SO_TIMESTAMPNS alone
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

    def _withhold(self, echo: can.Message) -> None:
        self._withheld.append((echo, self._needed))
        self._recheck_in = ECHO_RECHECK
        self._recheck_later()

    def _recheck_later(self) -> None:
        # No event reports that the queue has become empty
        if self._recheck is None and self._watch and self._is_answered:
            loop = asyncio.get_running_loop()
            self._recheck = loop.call_later(self._recheck_in, self._check_again)

    def _check_again(self) -> None:
        if self._recheck:
            self._recheck.cancel()
        self._recheck = None
        self._recheck_in = min(2 * self._recheck_in, LONGEST_RECHECK)
        self._on_waiting()
        self._recheck_later()

    @property
    def _may_release(self) -> bool:
        """Whether the oldest withheld echo now proves that its frame has left."""
        return self._is_answered and not (self._withholds and self._unsent)

    @property
    def _is_answered(self) -> bool:
        """Whether an echo is withheld whose query has been answered."""
        return bool(self._withheld) and not self._doubts(self._withheld[0][1])

    @property
    def _unsent(self) -> int:
        """Bytes of kernel memory held by own frames that the driver has not taken yet.

        Each frame holds several hundred. The driver may have taken one and not sent it.
        """
        memory = self.socket.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMORY.size)
        return int(_MEMORY.unpack(memory)[2])

    def _doubts(self, query: int) -> bool:
        """Return whether a query is still unanswered."""
        return self._watch is not None and self._watch.answered < query

    def _on_link(self, link: Link) -> None:
        self._on_controller(link.controller)
        if self._is_answered:
            self._check_again()
