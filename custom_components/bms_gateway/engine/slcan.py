"""A serial CAN adapter: opening its device, greeting it, and what it says."""

from collections.abc import Iterator
import contextlib
import fcntl
import os
import termios
import time
from typing import Final

import can

from . import lawicel
from .lawicel import Answer
from .link import PortError
from .model import Frame, PortFault
from .stream import Stream

SPEED: Final = termios.B115200
"""Of the serial line; adapters with USB of their own ignore it."""
GREETINGS: Final = 5
"""Times that an adapter is greeted: one that starts anew when it is opened takes 2 s."""
GREETING_TIME: Final = 0.5
"""Seconds to wait for an answer to each of them."""
ANSWER_TIME: Final = 1.0
"""Seconds to wait for the answer to a command; not every adapter gives one."""
TRAFFIC_TIME: Final = 3.0
"""Seconds in which an adapter that never answers has to pass on a frame."""


class SlcanAdapter:
    """What is said to one adapter, and what it answered."""

    def __init__(self, device: str, bitrate: int) -> None:
        """Describe an adapter by its device file and the bitrate (bit/s) of its bus."""
        self.acknowledges = False
        self.gone = PortFault.NO_SUCH_CHANNEL
        self._device = device
        self._bitrate = bitrate
        self._lines = lawicel.Lines()
        self._speaks = False

    def connect(self) -> int:
        """Open the device for nobody else, as a line that passes every byte."""
        flags = os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(self._device, flags)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _make_raw(descriptor)
        except termios.error as error:
            os.close(descriptor)
            problem = f"{self._device} is not a serial device"
            raise PortError(PortFault.NO_SUCH_CHANNEL, problem) from error
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def greet(self, stream: Stream) -> None:
        """Set the bitrate and open the adapter's channel; PortError if it does not.

        Some adapters answer no command but that for their version: they do not
        acknowledge. One that says nothing at all, and passes nothing on, is none.
        """
        if (command := lawicel.BITRATES.get(self._bitrate)) is None:
            problem = f"A serial adapter cannot have {self._bitrate} bit/s"
            raise PortError(PortFault.WRONG_BITRATE, problem)
        self._wake_up(stream)
        answer = self._command(stream, command)
        self.acknowledges = answer is Answer.DONE
        if answer is Answer.REFUSED:
            problem = f"The adapter refuses {self._bitrate} bit/s"
            raise PortError(PortFault.WRONG_BITRATE, problem)
        if self._command(stream, lawicel.OPEN) is Answer.REFUSED:
            raise PortError(PortFault.FAILED, "The adapter does not open its channel")
        if not (self._speaks or any(self._listen(stream, TRAFFIC_TIME))):
            raise PortError(PortFault.FAILED, "The adapter does not answer")

    def hear(self, data: bytes) -> Iterator[can.Message | bool]:
        """Yield frames and acknowledgements."""
        now = time.time()
        for line in self._lines.feed(data):
            match lawicel.parse(line, now):
                case can.Message() as message:
                    yield message
                case Answer() as answer:
                    yield answer is Answer.DONE

    def encode(self, frame: Frame) -> bytes:
        """Return the command that sends a frame."""
        return lawicel.encode(frame)

    def part(self, descriptor: int) -> None:
        """Take the adapter off the bus; what it was not given yet is dropped."""
        try:
            with contextlib.suppress(OSError, termios.error):
                termios.tcflush(descriptor, termios.TCOFLUSH)
                os.write(descriptor, lawicel.CR + lawicel.CLOSE)
        finally:
            os.close(descriptor)

    def _wake_up(self, stream: Stream) -> None:
        """Close the adapter's channel and ask for its version, until it answers."""
        for _ in range(GREETINGS):
            _say(stream, lawicel.CR + lawicel.CLOSE + lawicel.VERSION)
            # A slow answer must not pass for that to the next command: hear it out
            for _ in range(GREETINGS):
                if not list(self._listen(stream, GREETING_TIME)):
                    break
            if self._speaks:
                return

    def _command(self, stream: Stream, command: bytes) -> Answer | None:
        _say(stream, command)
        for line in self._listen(stream, ANSWER_TIME):
            answer = lawicel.parse(line, 0.0)
            if isinstance(answer, Answer):
                return answer
        return None

    def _listen(self, stream: Stream, seconds: float) -> Iterator[bytes]:
        """Yield the lines that come within a time."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if stream.wait(left):
                for line in self._lines.feed(stream.read()):
                    self._speaks = True
                    yield line


def _say(stream: Stream, command: bytes) -> None:
    if stream.write(command) != len(command):
        raise PortError(PortFault.FAILED, "The adapter takes nothing")


def _make_raw(descriptor: int) -> None:
    """Turn off all that a terminal does to bytes (termios(3), raw mode)."""
    iflag, oflag, cflag, lflag, _, _, characters = termios.tcgetattr(descriptor)
    iflag = oflag = lflag = 0
    cflag &= ~(termios.CSIZE | termios.PARENB | termios.CSTOPB | termios.CRTSCTS)
    cflag |= termios.CS8 | termios.CREAD | termios.CLOCAL
    attributes = [iflag, oflag, cflag, lflag, SPEED, SPEED, characters]
    termios.tcsetattr(descriptor, termios.TCSANOW, attributes)
    termios.tcflush(descriptor, termios.TCIOFLUSH)
