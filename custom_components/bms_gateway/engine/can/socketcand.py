"""A CAN link of another machine: a client of socketcand, in its raw mode.

The socketcand protocol (linux-can/socketcand, doc/protocol.md): `< hi >` greets,
`< open can0 >` and `< rawmode >` are answered with `< ok >`; then `< frame 123
23.424242 1122 >` came from the bus, and `< send 123 2 11 22 >` goes there.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
import os
import re
import socket
import struct
import time
from typing import Final, Self, override

import can

from ..model import Frame, PortFault
from .interface.state import PortError
from .stream import Stream

DEFAULT_PORT: Final = 29536
"""Socketcand's own."""
CONNECT_TIME: Final = 3.0
"""Seconds to wait for a server."""
ANSWER_TIME: Final = 3.0
"""Seconds to wait for each of its answers."""
KEEPALIVE: Final = ((socket.TCP_KEEPIDLE, 5), (socket.TCP_KEEPINTVL, 2))
"""Seconds after which a silent connection is tried, and tried again: a server that
vanished without a word is noticed within about 11 s."""
LATE: Final = 1.0
"""Seconds; a frame that was held up longer is dropped: it is older than it looks."""
PATIENCE: Final = 10.0
"""Seconds of nothing but late frames, after which the server's clock has jumped."""

_LONGEST: Final = 512
"""Bytes; longer messages are rubbish."""
_MESSAGE: Final = re.compile(rb"<([^<>]*)>")
_FRAME: Final = re.compile(
    rb"frame ([0-9A-Fa-f]{8}|[0-9A-Fa-f]{3}) (\d+(?:\.\d+)?) ?((?: ?[0-9A-Fa-f]{2}){0,8})"
)
_GONE: Final = struct.pack("ii", 1, 0)
"""For SO_LINGER: at the end, drop what did not leave yet."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a link is: `host:port/link`, the port being DEFAULT_PORT if left out."""

    host: str
    port: int
    link: str

    @classmethod
    def parse(cls, channel: str) -> Self:
        """Read an address; ValueError if it is none."""
        found = re.fullmatch(
            r"(?:\[([0-9A-Fa-f:.]+)\]|([^\s:/\[\]<>]+))(?::(\d{1,5}))?/([^\s<>/]{1,15})",
            channel,
        )
        port = int(found[3] or DEFAULT_PORT) if found else 0
        if found is None or not 0 < port < 1 << 16:
            raise ValueError(f"{channel} is not host:port/link")
        return cls(found[1] or found[2], port, found[4])

    @override
    def __str__(self) -> str:
        """Return it with its port, however it was written."""
        host = self.host.lower()
        return f"{f'[{host}]' if ':' in host else host}:{self.port}/{self.link}"


class Delay:
    """How long frames are held up on their way, by two clocks that may differ."""

    def __init__(self) -> None:
        """Begin with nothing known."""
        self._least: float | None = None
        self._punctual_at = 0.0

    def is_late(self, sent: float, arrived: float) -> bool:
        """Tell whether a frame took LATE longer than the quickest one."""
        took = arrived - sent
        if self._least is None or took < self._least + LATE:
            self._least = took if self._least is None else min(self._least, took)
            self._punctual_at = arrived
            return False
        if 0 <= arrived - self._punctual_at < PATIENCE:
            return True
        self._least, self._punctual_at = took, arrived
        return False


class SocketcandServer:
    """What is said to one server, and what it answered."""

    def __init__(self, channel: str) -> None:
        """Describe a link by its address; a false one fails to connect."""
        self.acknowledges = False
        self.gone = PortFault.UNREACHABLE
        self._channel = channel
        self._begun = b""
        self._answers: deque[bytes] = deque()
        self._delay = Delay()

    def connect(self) -> int:
        """Connect, once; the name of the server may have to be looked up."""
        try:
            address = Address.parse(self._channel)
        except ValueError as error:
            raise PortError(PortFault.NO_SUCH_CHANNEL, str(error)) from error
        try:
            own = socket.create_connection((address.host, address.port), CONNECT_TIME)
        except (OSError, UnicodeError) as error:
            raise PortError(PortFault.UNREACHABLE, str(error)) from error
        own.setblocking(False)
        own.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        own.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _GONE)
        own.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
        for option, seconds in KEEPALIVE:
            own.setsockopt(socket.IPPROTO_TCP, option, seconds)
        return own.detach()

    def greet(self, stream: Stream) -> None:
        """Open the link in raw mode; PortError if the server does not."""
        self._await(stream, b"hi")
        for command in (f"open {Address.parse(self._channel).link}", "rawmode"):
            stream.write(f"< {command} >".encode())
            self._await(stream, b"ok")

    def on_frame(self, data: bytes) -> Iterator[can.Message]:
        """Yield frames."""
        now = time.time()
        for content in self._messages(data):
            message = self._parse(content, now)
            if message is not None:
                yield message

    def encode(self, frame: Frame) -> bytes:
        """Return the command that sends a frame."""
        name = f"{frame.can_id:08X}" if frame.extended else f"{frame.can_id:03X}"
        parts = ["send", name, str(len(frame.data)), frame.data.hex(" ").upper()]
        return f"< {' '.join(parts).strip()} >".encode()

    def part(self, descriptor: int) -> None:
        """Close the connection; what did not leave yet is dropped."""
        os.close(descriptor)

    def _await(self, stream: Stream, wanted: bytes) -> None:
        """Wait for an answer; any other message but a frame means no."""
        end = time.monotonic() + ANSWER_TIME
        while (left := end - time.monotonic()) > 0:
            if not self._answers and stream.wait(left):
                self._answers.extend(self._messages(stream.read()))
            while self._answers:
                content = self._answers.popleft()
                if content == wanted:
                    return
                if content.startswith(b"error"):
                    problem = content.decode(errors="replace")
                    raise PortError(PortFault.NO_SUCH_CHANNEL, problem)
        raise PortError(PortFault.UNREACHABLE, "The server does not answer")

    def _messages(self, data: bytes) -> list[bytes]:
        """Return what stands between the brackets that are complete now."""
        text = self._begun + data
        # Only what follows the last closing bracket can still become a message
        self._begun = text[text.rfind(b">") + 1 :][-_LONGEST:]
        return [content.strip() for content in _MESSAGE.findall(text)]

    def _parse(self, content: bytes, now: float) -> can.Message | None:
        if content.startswith(b"error"):
            return can.Message(
                timestamp=now,
                arbitration_id=0,
                is_error_frame=True,
                is_extended_id=False,
            )
        found = _FRAME.fullmatch(content)
        if found is None or self._delay.is_late(float(found[2]), now):
            return None
        can_id, extended = int(found[1], 16), len(found[1]) == 8
        if can_id > (0x1FFFFFFF if extended else 0x7FF):
            return None
        return can.Message(
            timestamp=now,
            arbitration_id=can_id,
            data=bytes.fromhex(found[3].decode()),
            is_extended_id=extended,
        )
