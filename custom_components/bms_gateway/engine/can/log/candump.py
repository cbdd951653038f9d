"""The candump log format, as written by `candump -L` and read by canplayer.

A line is `(1700000000.123456) can0 351#30020A00 R`: seconds since 1970, the link, ID
and data in hexadecimal, and R for received or T for sent (newer candumps with `-x`;
older ones leave it out). An ID of three digits is an 11-bit one; with eight it has 29
bits, or is an error frame's class with the flag of SocketCAN's `linux/can/error.h`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
import re
from typing import Final

from ...model import Frame

_STANDARD: Final = 0x7FF
_EXTENDED: Final = 0x1FFF_FFFF
_EXTENDED_FLAG: Final = 0x8000_0000
_ERROR_FLAG: Final = 0x2000_0000

_LINE: Final = re.compile(
    r"""
    \((?P<at>[0-9]{1,10}\.[0-9]{1,6})\) \s+
    (?P<link>\S+) \s+
    (?P<id>[0-9A-F]{3}|[0-9A-F]{8}) \#
    (?: (?P<remote>R[0-8]?) | (?P<data>(?:[0-9A-F]{2}){0,8})(?:_[9A-F])? )
    (?: \s+ (?P<way>[RT]) )?
    """,
    re.ASCII | re.IGNORECASE | re.VERBOSE,
)
"""`R8` and `_9` to `_F`: a remote frame's length, a length code above 8."""

_NAME: Final = re.compile(r"[\w.-]{1,15}", re.ASCII)
"""The longest name that a link may have on Linux."""


@dataclass(frozen=True, slots=True)
class Logged:
    """A frame of a log; `frame.at` is in seconds since 1970."""

    frame: Frame
    link: str
    own: bool = False
    """Whether the writer of the log sent it."""


class LogError(ValueError):
    """A line that is not a valid frame; `line` counts from 1."""

    def __init__(self, line: int) -> None:
        """Name the line."""
        super().__init__(f"line {line} is no CAN frame")
        self.line = line


def written(logged: Logged) -> str:
    """Return the line of a frame, without an end of line.

    Its link's name must not hold spaces.
    """
    way = "T" if logged.own else "R"
    at = f"({logged.frame.at:017.6f})"
    return f"{at} {logged.link} {frame_text(logged.frame)} {way}"


def parse_line(line: str) -> Logged | None:
    """Return the frame of a line; None for an invalid one. CAN FD is not supported."""
    if (found := _LINE.fullmatch(line.strip())) is None:
        return None
    number = int(found["id"], 16)
    long = len(found["id"]) == 8
    error = long and bool(number & _ERROR_FLAG)
    can_id = number & ~_ERROR_FLAG if error else number
    if can_id > (_EXTENDED if long else _STANDARD):
        return None
    frame = Frame(
        can_id,
        bytes.fromhex(found["data"] or ""),
        float(found["at"]),
        extended=long and not error,
        remote=found["remote"] is not None,
        error=error,
    )
    return Logged(frame, found["link"], own=(found["way"] or "").upper() == "T")


def parse(lines: Iterable[str]) -> Iterator[Logged]:
    """Yield all frames of a log; LogError for a line that cannot be parsed.

    Lines that do not begin with a parenthesis are comments, as for canplayer.
    """
    for number, line in enumerate(lines, 1):
        if line.startswith("("):
            if (logged := parse_line(line)) is None:
                raise LogError(number)
            yield logged


def frame_text(frame: Frame) -> str:
    """Return ID and data as text."""
    return f"{id_text(frame)}#{'R' if frame.remote else frame.data.hex().upper()}"


def id_text(frame: Frame) -> str:
    """Return an ID as text: three digits, or eight if it has 29 bits."""
    if frame.error:
        return f"{frame.can_id & ~_EXTENDED_FLAG | _ERROR_FLAG:08X}"
    return f"{frame.can_id:08X}" if frame.extended else f"{frame.can_id:03X}"


def link_text(name: str, otherwise: str) -> str:
    """Return the name of a link in a log: its own if that is valid, or `otherwise`."""
    return name if _NAME.fullmatch(name) else otherwise
