"""A serial CAN adapter: opening its device, greeting it, and what it says."""

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
from .recognition import Evidence, Said

SPEED: Final = termios.B115200
"""Of the serial line; adapters with USB of their own ignore it."""
GREETINGS: Final = 5
"""Times that an adapter is greeted that says nothing: one that starts anew when it is
opened takes 2 s. One that says what is not understood is greeted for twice as long."""
GREETING_TIME: Final = 0.5
"""Seconds without a word that end what an adapter says to a greeting."""
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
        self._evidence = Evidence()

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
        acknowledge. One that says nothing at all, and passes nothing on, is none; nor is
        one that says something else.
        """
        if (command := codec.BITRATES.get(self._bitrate)) is None:
            problem = f"A serial adapter cannot have {self._bitrate} bit/s"
            raise PortError(PortFault.WRONG_BITRATE, problem)
        self._wake_up(stream)
        answer = self._command(stream, command)
        self.acknowledges = answer is Said.DONE
        if answer is Said.REFUSED:
            problem = f"The adapter refuses {self._bitrate} bit/s"
            raise PortError(PortFault.WRONG_BITRATE, problem)
        if self._command(stream, codec.OPEN) is Said.REFUSED:
            raise PortError(PortFault.FAILED, "The adapter does not open its channel")
        if not self._evidence.speaks:
            self._wait_for_traffic(stream)

    def on_frame(self, data: bytes) -> Iterator[can.Message | bool]:
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
        """Take the adapter off the bus; what it was not given yet is dropped."""
        try:
            with contextlib.suppress(OSError, termios.error):
                termios.tcflush(descriptor, termios.TCOFLUSH)
                os.write(descriptor, codec.CR + codec.CLOSE)
        finally:
            os.close(descriptor)

    def _wake_up(self, stream: Stream) -> None:
        """Close the adapter's channel and ask for its version, until it answers."""
        end = time.monotonic() + 2 * GREETINGS * GREETING_TIME
        silences = 0
        while silences < GREETINGS and time.monotonic() < end:
            self._evidence.begin()
            self._say(stream, codec.CR + codec.CLOSE + codec.VERSION)
            silences += self._hear_out(stream, end)
            text = self._evidence.text
            if text is not None and not self._evidence.speaks:
                self._ask_again(stream, text, end)
            if self._evidence.speaks:
                break
        self._evidence.takes_text = False
        self._refuse_foreign()

    def _ask_again(self, stream: Stream, text: bytes, end: float) -> None:
        """Find out whether words are the version: nothing but the question brings it."""
        self._evidence.begin()
        self._evidence.takes_text = False
        self._say(stream, codec.CLOSE)
        self._hear_out(stream, end)
        if self._evidence.is_foreign:
            return
        self._evidence.takes_text = True
        self._say(stream, codec.VERSION)
        any(said is Said.TEXT for said in self._listen(stream, ANSWER_TIME))
        self._hear_out(stream, end)
        self._evidence.confirm(text)

    def _command(self, stream: Stream, command: bytes) -> Said | None:
        """Return an adapter's answer to a command; None: it gives none."""
        self._say(stream, command)
        answers = (Said.DONE, Said.REFUSED)
        answer = next(
            (s for s in self._listen(stream, ANSWER_TIME) if s in answers), None
        )
        if answer is Said.REFUSED:
            # It may be a byte of something else, of which more comes
            self._hear_out(stream, time.monotonic() + GREETING_TIME)
        self._refuse_foreign()
        return answer

    def _wait_for_traffic(self, stream: Stream) -> None:
        """Wait for a frame that shows that an adapter is one."""
        for _ in self._listen(stream, TRAFFIC_TIME):
            if self._evidence.speaks:
                return
        self._refuse_foreign()
        raise _no_lawicel("The adapter does not answer")

    def _hear_out(self, stream: Stream, end: float) -> bool:
        """Listen until the adapter is silent; return whether it always was.

        A slow answer must not pass for that to the next command. Frames are no answers.
        """
        silent, until = True, min(end, time.monotonic() + GREETING_TIME)
        while (left := until - time.monotonic()) > 0:
            if stream.wait(left):
                said = self._take(stream)
                if self._evidence.has_begun or {*said} - {Said.FRAME}:
                    silent, until = False, min(end, time.monotonic() + GREETING_TIME)
        return silent

    def _listen(self, stream: Stream, seconds: float) -> Iterator[Said]:
        """Yield what the lines are that come within a time."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if stream.wait(left):
                yield from self._take(stream)

    def _take(self, stream: Stream) -> list[Said]:
        said = self._evidence.on_frame(stream.read())
        if self._evidence.is_hopeless:
            self._refuse_foreign()
        return said

    def _say(self, stream: Stream, commands: bytes) -> None:
        self._evidence.ask(commands)
        if stream.write(commands) != len(commands):
            raise PortError(PortFault.FAILED, "The adapter takes nothing")

    def _refuse_foreign(self) -> None:
        """Raise PortError if the adapter says what LAWICEL's protocol does not know."""
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
    """Turn off all that a terminal does to bytes (termios(3), raw mode)."""
    iflag, oflag, cflag, lflag, _, _, characters = termios.tcgetattr(descriptor)
    iflag = oflag = lflag = 0
    cflag &= ~(termios.CSIZE | termios.PARENB | termios.CSTOPB | termios.CRTSCTS)
    cflag |= termios.CS8 | termios.CREAD | termios.CLOCAL
    attributes = [iflag, oflag, cflag, lflag, SPEED, SPEED, characters]
    termios.tcsetattr(descriptor, termios.TCSANOW, attributes)
    termios.tcflush(descriptor, termios.TCIOFLUSH)
