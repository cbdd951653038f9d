"""Recognises LAWICEL's protocol: evidence for and against it in what an adapter sends."""

from enum import Enum
import re
from typing import Final

import can

from . import codec

MOST_RUBBISH: Final = 65_536
"""Bytes after which an adapter that sends nothing valid is given up: more than any one
prints while it starts, and what a flood brings within a second."""

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
"""Frames: random bytes look like one of them once in a million bytes."""

_VERSION: Final = re.compile(rb"[Vv][0-9A-Fa-f]{1,8}")
_NOTICE: Final = re.compile(rb"[zZ]|e\d\w*|s\w\d+|F[0-9A-Fa-f]{2}|N\w{4}")
"""Reports of adapters about sent frames, the bus and themselves."""
_ECHO: Final = re.compile(rb"[CVO]|S\d")
_TEXT: Final = re.compile(rb"[\t\n\x20-\x7e]+")
_TEXTS: Final = 2
"""Different texts that are kept: one more than permitted."""
_TAIL: Final = re.compile(rb"[0-9A-Fa-f]{1,30}")
"""The end of a frame that started before the device was opened."""
_HEAD: Final = re.compile(rb"\n?(?:[tTrR][0-9A-Fa-f]{0,29})?")
"""The start of a frame that is not complete yet."""


class Kind(Enum):
    """The kind of a line."""

    FRAME = "frame"
    VERSION = "version"
    """In LAWICEL's own form, such as `V1013`."""
    TEXT = "text"
    """Plain text: the answer of many adapters to the request for their version."""
    DONE = "done"
    REFUSED = "refused"
    NOTICE = "notice"
    """Evidence neither for nor against."""
    RUBBISH = "rubbish"


class Evidence:
    """What an adapter has sent since the last greeting.

    Frames and versions of LAWICEL's form prove the protocol: random bytes do not have
    that form. A lone CR or BEL, or a text that answers only the request for the version,
    does so only without evidence against it: each may be part of something else.
    """

    def __init__(self) -> None:
        """Start with an adapter that has sent nothing yet."""
        self.lines = codec.Lines()
        self._received = 0
        self._commands = 0
        self._binary = b""
        self._waveshare = 0
        self._is_first = True
        self.begin()

    def begin(self) -> None:
        """Forget all but an incomplete frame: an adapter that restarts prints anything."""
        if not _HEAD.fullmatch(self.lines.begun):
            self.lines = codec.Lines()
        self.takes_text = True
        """Whether a text may be its version; otherwise it is evidence against."""
        self._texts: set[bytes] = set()
        self._is_confirmed = False
        self._proofs = self._answers = self._text_lines = self._rubbish = 0

    def on_command(self, commands: bytes) -> None:
        """Record commands sent: each has at most one answer."""
        self._commands += commands.count(codec.CR)

    def on_data(self, data: bytes) -> list[Kind]:
        """Record received bytes; return the kinds of the lines that are now complete."""
        self._received += len(data)
        self._look_for_waveshare(data)
        kinds = [self._kind(line) for line in self.lines.feed(data)]
        for each in kinds:
            match each:
                case Kind.FRAME | Kind.VERSION:
                    self._proofs += 1
                case Kind.DONE | Kind.REFUSED:
                    self._answers += 1
                case Kind.TEXT:
                    self._text_lines += 1
                case Kind.RUBBISH:
                    self._rubbish += 1
        return kinds

    def confirm(self, text: bytes) -> None:
        """Accept a text as the version if it alone came once more."""
        self._is_confirmed = self.text == text and self._text_lines == 1

    @property
    def text(self) -> bytes | None:
        """The text that may be its version; None if there is none, or several."""
        return min(self._texts) if len(self._texts) == 1 else None

    @property
    def is_lawicel(self) -> bool:
        """Whether it has proved to use LAWICEL's protocol."""
        answers = self._answers and not self._texts
        return (
            bool(self._proofs or self._is_confirmed or answers) and not self.is_foreign
        )

    @property
    def is_foreign(self) -> bool:
        """Whether it sends more that is not in the protocol than what proves it."""
        surplus = self._answers + self._text_lines - self._commands
        texts = len(self._texts) - (self.takes_text or self._is_confirmed)
        odd = self._rubbish + max(0, surplus) + max(0, texts) + self._is_cut
        return odd > self._proofs

    @property
    def is_waveshare(self) -> bool:
        """Whether it uses the protocol of Waveshare's USB-CAN-A."""
        return self._waveshare >= _WAVESHARE_SURE

    @property
    def is_hopeless(self) -> bool:
        """Whether receiving more is of no use."""
        return self.is_waveshare or (self._received > MOST_RUBBISH and self.is_foreign)

    @property
    def has_begun(self) -> bool:
        """Whether the incomplete line is not a frame."""
        return not _HEAD.fullmatch(self.lines.begun)

    @property
    def _is_cut(self) -> bool:
        """Whether the incomplete line can no longer become valid."""
        begun = self.lines.begun
        is_text = len(begun) < codec.LONGEST and _TEXT.fullmatch(begun)
        return self.has_begun and not (self.takes_text and is_text)

    def _kind(self, line: bytes) -> Kind:
        content, is_first = line[:-1].lstrip(b"\n"), self._is_first
        self._is_first = False
        if line.endswith(codec.BEL):
            return Kind.RUBBISH if content else Kind.REFUSED
        if not content:
            return Kind.DONE
        if _VERSION.fullmatch(content):
            return Kind.VERSION
        parsed = codec.parse(line, 0.0)
        if isinstance(parsed, can.Message) and not parsed.is_error_frame:
            return Kind.FRAME
        if _NOTICE.fullmatch(content) or (is_first and _TAIL.fullmatch(content)):
            return Kind.NOTICE
        is_text = _TEXT.fullmatch(content) and not _ECHO.fullmatch(content)
        if not (self.takes_text and is_text):
            return Kind.RUBBISH
        if len(self._texts) < _TEXTS:
            # A longer line is kept whole only if it came in one piece
            self._texts.add(content[: codec.LONGEST])
        return Kind.TEXT

    def _look_for_waveshare(self, data: bytes) -> None:
        binary, end = self._binary + data, 0
        for found in _WAVESHARE.finditer(binary):
            summed = found["summed"]
            if summed is None or sum(summed) & 0xFF == found["sum"][0]:
                self._waveshare += 1
                end = found.end()
        self._binary = binary[max(end, len(binary) - _WAVESHARE_LONGEST + 1) :]
