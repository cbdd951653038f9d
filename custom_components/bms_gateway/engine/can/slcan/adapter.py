"""A serial CAN adapter: opens its device, greets it, exchanges frames."""

from collections.abc import Iterator
import contextlib
import fcntl
import os
import termios
import time
from typing import Final

import can

from ...model import PortFault, PortReason
from ..interface.state import PortError
from ..stream import Stream
from . import codec
from .codec import Answer
from .recognition import Evidence, Kind

SPEED: Final = termios.B115200
"""Of the serial line; adapters with USB of their own ignore it."""
GREETINGS: Final = 5
"""Greetings sent to an adapter that does not answer: one that restarts when it is opened
takes 2 s. One whose answers are not understood is greeted for twice as long."""
GREETING_TIME: Final = 0.5
"""Seconds of silence that end an adapter's answer to a greeting."""
ANSWER_TIME: Final = 1.0
"""Seconds to wait for the answer to a command; not every adapter gives one."""
TRAFFIC_TIME: Final = 3.0
"""Seconds in which an adapter that never answers has to pass on a frame."""


class SlcanAdapter:
    """The protocol with one adapter, and its answers."""

    def __init__(self, device: str, bitrate: int) -> None:
        """Create it from the device file and the bitrate (bit/s) of the bus."""
        self.acknowledges = False
        self.gone = PortFault.NO_SUCH_CHANNEL
        self._device = device
        self._bitrate = bitrate
        self._evidence = Evidence()

    def connect(self) -> int:
        """Open the device exclusively, as a line that passes every byte."""
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

        Some adapters answer only the command for their version: they do not
        acknowledge. A device that sends nothing at all, or something different, is not
        an adapter.
        """
        if (command := codec.BITRATES.get(self._bitrate)) is None:
            problem = f"A serial adapter cannot have {self._bitrate} bit/s"
            raise PortError(PortFault.WRONG_BITRATE, problem)
        self._wake_up(stream)
        answer = self._command(stream, command)
        self.acknowledges = answer is Kind.DONE
        if answer is Kind.REFUSED:
            problem = f"The adapter refuses {self._bitrate} bit/s"
            raise PortError(PortFault.WRONG_BITRATE, problem)
        if self._command(stream, codec.OPEN) is Kind.REFUSED:
            raise PortError(PortFault.FAILED, "The adapter does not open its channel")
        if not self._evidence.is_lawicel:
            self._wait_for_traffic(stream)

    def parse(self, data: bytes) -> Iterator[can.Message | bool]:
        """Yield frames and acknowledgements."""
        now = time.time()
        for line in self._evidence.lines.feed(data):
            match codec.parse(line, now):
                case can.Message() as message:
                    yield message
                case Answer() as answer:
                    yield answer is Answer.DONE

    def encode(self, message: can.Message) -> bytes:
        """Return the command that sends a frame."""
        return codec.encode(message)

    def part(self, descriptor: int) -> None:
        """Take the adapter off the bus; frames not yet written are dropped."""
        try:
            with contextlib.suppress(OSError, termios.error):
                termios.tcflush(descriptor, termios.TCOFLUSH)
                os.write(descriptor, codec.CR + codec.CLOSE)
        finally:
            os.close(descriptor)

    def _wake_up(self, stream: Stream) -> None:
        """Close the adapter's channel and request its version, until it answers."""
        end = time.monotonic() + 2 * GREETINGS * GREETING_TIME
        silences = 0
        while silences < GREETINGS and time.monotonic() < end:
            self._evidence.begin()
            self._send(stream, codec.CR + codec.CLOSE + codec.VERSION)
            silences += self._receive_all(stream, end)
            text = self._evidence.text
            if text is not None and not self._evidence.is_lawicel:
                self._verify_version(stream, text, end)
            if self._evidence.is_lawicel:
                break
        self._evidence.takes_text = False
        self._refuse_foreign()

    def _verify_version(self, stream: Stream, text: bytes, end: float) -> None:
        """Check whether a text is the version: it must come only on request."""
        self._evidence.begin()
        self._evidence.takes_text = False
        self._send(stream, codec.CLOSE)
        self._receive_all(stream, end)
        if self._evidence.is_foreign:
            return
        self._evidence.takes_text = True
        self._send(stream, codec.VERSION)
        any(kind is Kind.TEXT for kind in self._receive(stream, ANSWER_TIME))
        self._receive_all(stream, end)
        self._evidence.confirm(text)

    def _command(self, stream: Stream, command: bytes) -> Kind | None:
        """Return an adapter's answer to a command; None if there is none."""
        self._send(stream, command)
        answers = (Kind.DONE, Kind.REFUSED)
        answer = next(
            (s for s in self._receive(stream, ANSWER_TIME) if s in answers), None
        )
        if answer is Kind.REFUSED:
            # It may be a byte of something longer
            self._receive_all(stream, time.monotonic() + GREETING_TIME)
        self._refuse_foreign()
        return answer

    def _wait_for_traffic(self, stream: Stream) -> None:
        """Wait for a frame, which identifies an adapter that does not answer."""
        for _ in self._receive(stream, TRAFFIC_TIME):
            if self._evidence.is_lawicel:
                return
        self._refuse_foreign()
        raise _no_lawicel("The adapter does not answer")

    def _receive_all(self, stream: Stream, end: float) -> bool:
        """Receive until the adapter is silent; return whether it was silent throughout.

        A slow answer must not be taken for that to the next command. Frames are not
        answers.
        """
        silent, until = True, min(end, time.monotonic() + GREETING_TIME)
        while (left := until - time.monotonic()) > 0:
            if stream.wait(left):
                kinds = self._take(stream)
                if self._evidence.has_begun or {*kinds} - {Kind.FRAME}:
                    silent, until = False, min(end, time.monotonic() + GREETING_TIME)
        return silent

    def _receive(self, stream: Stream, seconds: float) -> Iterator[Kind]:
        """Yield the kinds of the lines that come within a time."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if stream.wait(left):
                yield from self._take(stream)

    def _take(self, stream: Stream) -> list[Kind]:
        kinds = self._evidence.on_data(stream.read())
        if self._evidence.is_hopeless:
            self._refuse_foreign()
        return kinds

    def _send(self, stream: Stream, commands: bytes) -> None:
        self._evidence.on_command(commands)
        if stream.write(commands) != len(commands):
            raise PortError(PortFault.FAILED, "The adapter takes nothing")

    def _refuse_foreign(self) -> None:
        """Raise PortError if the adapter sends what is not LAWICEL's protocol."""
        if self._evidence.is_waveshare:
            raise _no_lawicel(
                "The adapter speaks the protocol of Waveshare's USB-CAN-A,"
                " not LAWICEL's (slcan)"
            )
        if self._evidence.is_foreign:
            raise _no_lawicel("The adapter does not speak LAWICEL's protocol (slcan)")


def _no_lawicel(detail: str) -> PortError:
    return PortError(PortFault.FAILED, detail, PortReason.NOT_LAWICEL)


def _make_raw(descriptor: int) -> None:
    """Turn off all processing of bytes by the terminal (termios(3), raw mode)."""
    iflag, oflag, cflag, lflag, _, _, characters = termios.tcgetattr(descriptor)
    iflag = oflag = lflag = 0
    cflag &= ~(termios.CSIZE | termios.PARENB | termios.CSTOPB | termios.CRTSCTS)
    cflag |= termios.CS8 | termios.CREAD | termios.CLOCAL
    attributes = [iflag, oflag, cflag, lflag, SPEED, SPEED, characters]
    termios.tcsetattr(descriptor, termios.TCSANOW, attributes)
    termios.tcflush(descriptor, termios.TCIOFLUSH)
