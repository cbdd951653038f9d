"""Whether a serial adapter speaks LAWICEL's protocol: what it says, for and against."""

from enum import Enum
import re
from typing import Final

import can

from . import codec

MOST_RUBBISH: Final = 65_536
"""Bytes after which an adapter that says nothing right is given up: more than any one
prints while it starts, and what a flood brings in a moment."""

# Waveshare, USB-CAN-A, definition of its protocol: AA, C0 (E0 with 29 bits) + length,
# id, data, 55; or 20 bytes from AA 55 on, the last one the sum of all after these two.
_WAVESHARE: Final = re.compile(
    b"\xaa(?:"
    + b"|".join(
        b"%c.{%d}\x55|%c.{%d}\x55" % (0xC0 + n, 2 + n, 0xE0 + n, 4 + n)
        for n in range(9)
    )
    + b"|\x55(?P<summed>.{17})(?P<sum>.))",
    re.DOTALL,
)
_WAVESHARE_LONGEST: Final = 20
_WAVESHARE_SURE: Final = 2
"""Frames: rubbish looks like one of them once in a million bytes."""

_VERSION: Final = re.compile(rb"[Vv][0-9A-Fa-f]{1,8}")
_NOTICE: Final = re.compile(rb"[zZ]|e\d\w*|s\w\d+|F[0-9A-Fa-f]{2}|N\w{4}")
"""What adapters tell of frames they sent, of the bus and of themselves."""
_ECHO: Final = re.compile(rb"[CVO]|S\d")
_TEXT: Final = re.compile(rb"[\t\n\x20-\x7e]+")
_TEXTS: Final = 2
"""Kept of all that are different: one too many."""
_TAIL: Final = re.compile(rb"[0-9A-Fa-f]{1,30}")
"""The end of a frame whose beginning came before the device was opened."""
_HEAD: Final = re.compile(rb"\n?(?:[tTrR][0-9A-Fa-f]{0,29})?")
"""The beginning of a frame whose end has not come yet."""


class Said(Enum):
    """What one line is."""

    FRAME = "frame"
    VERSION = "version"
    """In LAWICEL's own form, such as `V1013`."""
    TEXT = "text"
    """Words: many adapters answer so when asked for their version."""
    DONE = "done"
    REFUSED = "refused"
    NOTICE = "notice"
    """Neither for nor against."""
    RUBBISH = "rubbish"


class Evidence:
    """What an adapter has said since it was greeted last.

    Frames and versions of LAWICEL's form prove the protocol: no rubbish has that form.
    A lone CR or BEL, or words that answer the question for the version and nothing
    else, do so only where nothing speaks against it: each may be a piece of something.
    """

    def __init__(self) -> None:
        """Begin with an adapter that has said nothing yet."""
        self.lines = codec.Lines()
        self._received = 0
        self._asked = 0
        self._binary = b""
        self._waveshare = 0
        self._is_first = True
        self.begin()

    def begin(self) -> None:
        """Forget all but a frame that has begun: one that starts anew prints rubbish."""
        if not _HEAD.fullmatch(self.lines.begun):
            self.lines = codec.Lines()
        self.takes_text = True
        """Whether words may be its version; else they are rubbish."""
        self._texts: set[bytes] = set()
        self._is_worded = False
        self._proofs = self._answers = self._words = self._rubbish = 0

    def ask(self, commands: bytes) -> None:
        """Note what the adapter is told: a command has one answer at the most."""
        self._asked += commands.count(codec.CR)

    def on_frame(self, data: bytes) -> list[Said]:
        """Take what it says; return what the lines are that are complete now."""
        self._received += len(data)
        self._look_for_waveshare(data)
        said = [self._kind(line) for line in self.lines.feed(data)]
        for each in said:
            match each:
                case Said.FRAME | Said.VERSION:
                    self._proofs += 1
                case Said.DONE | Said.REFUSED:
                    self._answers += 1
                case Said.TEXT:
                    self._words += 1
                case Said.RUBBISH:
                    self._rubbish += 1
        return said

    def confirm(self, text: bytes) -> None:
        """Take words for the version if they alone have come once more."""
        self._is_worded = self.text == text and self._words == 1

    @property
    def text(self) -> bytes | None:
        """The words that may be its version; None: there are none, or others as well."""
        return min(self._texts) if len(self._texts) == 1 else None

    @property
    def speaks(self) -> bool:
        """Whether it has shown that it speaks the protocol."""
        answers = self._answers and not self._texts
        return bool(self._proofs or self._is_worded or answers) and not self.is_foreign

    @property
    def is_foreign(self) -> bool:
        """Whether it says more that the protocol does not know than what proves it."""
        surplus = self._answers + self._words - self._asked
        texts = len(self._texts) - (self.takes_text or self._is_worded)
        odd = self._rubbish + max(0, surplus) + max(0, texts) + self._is_cut
        return odd > self._proofs

    @property
    def is_waveshare(self) -> bool:
        """Whether it speaks the protocol of Waveshare's USB-CAN-A."""
        return self._waveshare >= _WAVESHARE_SURE

    @property
    def is_hopeless(self) -> bool:
        """Whether it is of no use to listen on."""
        return self.is_waveshare or (self._received > MOST_RUBBISH and self.is_foreign)

    @property
    def has_begun(self) -> bool:
        """Whether a line has begun that is no frame."""
        return not _HEAD.fullmatch(self.lines.begun)

    @property
    def _is_cut(self) -> bool:
        """Whether a line has begun that can become nothing right any more."""
        begun = self.lines.begun
        is_text = len(begun) < codec.LONGEST and _TEXT.fullmatch(begun)
        return self.has_begun and not (self.takes_text and is_text)

    def _kind(self, line: bytes) -> Said:
        content, is_first = line[:-1].lstrip(b"\n"), self._is_first
        self._is_first = False
        if line.endswith(codec.BEL):
            return Said.RUBBISH if content else Said.REFUSED
        if not content:
            return Said.DONE
        if _VERSION.fullmatch(content):
            return Said.VERSION
        heard = codec.parse(line, 0.0)
        if isinstance(heard, can.Message) and not heard.is_error_frame:
            return Said.FRAME
        if _NOTICE.fullmatch(content) or (is_first and _TAIL.fullmatch(content)):
            return Said.NOTICE
        is_text = _TEXT.fullmatch(content) and not _ECHO.fullmatch(content)
        if not (self.takes_text and is_text):
            return Said.RUBBISH
        if len(self._texts) < _TEXTS:
            # All of a longer line is kept only where it came in one piece
            self._texts.add(content[: codec.LONGEST])
        return Said.TEXT

    def _look_for_waveshare(self, data: bytes) -> None:
        binary, end = self._binary + data, 0
        for found in _WAVESHARE.finditer(binary):
            summed = found["summed"]
            if summed is None or sum(summed) & 0xFF == found["sum"][0]:
                self._waveshare += 1
                end = found.end()
        self._binary = binary[max(end, len(binary) - _WAVESHARE_LONGEST + 1) :]
