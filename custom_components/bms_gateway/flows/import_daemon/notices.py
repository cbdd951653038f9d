"""Notices about a bms_config.toml, line by line."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class NoticeKind(StrEnum):
    """The kind of a notice; each has a text of its own."""

    LOST = "lost"
    TOO_LARGE = "too_large"
    NOT_UTF8 = "not_utf8"
    NO_TOML = "no_toml"
    """Detail: tomllib's message."""
    EMPTY = "empty"
    NO_BATTERY = "no_battery"
    NO_TABLE = "no_table"
    """Detail: the header of the table."""
    MISSPELT = "misspelt"
    """Detail: the probable name."""
    TWICE = "twice"
    MISSING = "missing"
    """Detail: the header of the table."""
    NO_NUMBER = "no_number"
    NO_YES_NO = "no_yes_no"
    NO_TEXT = "no_text"
    ZERO = "zero"
    REFUSED = "refused"
    """Detail: the key of the text with which the forms reject the value."""
    LINK_TWICE = "link_twice"
    """Detail: the line that names the CAN link first."""
    LINK_TAKEN = "link_taken"
    """Detail: the owner of the CAN link."""

    NOT_ACTIVATED = "not_activated"
    UNKNOWN = "unknown"
    ASSUMED = "assumed"
    """The daemon's default is the value. Detail: the header of the table."""
    BROKER = "broker"
    NO_INVERTER = "no_inverter"
    NO_LINK = "no_link"


FOR_INFORMATION: Final = frozenset(
    {
        NoticeKind.NOT_ACTIVATED,
        NoticeKind.UNKNOWN,
        NoticeKind.ASSUMED,
        NoticeKind.BROKER,
        NoticeKind.NO_INVERTER,
        NoticeKind.NO_LINK,
    }
)
"""Notices for information; all others have to be fixed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A notice about a line of the file, or about all of it."""

    kind: NoticeKind
    line: int | None = None
    key: str = ""
    """As written in the file."""
    value: str = ""
    """As written in the file, more or less."""
    detail: str = ""

    @property
    def blocks_setup(self) -> bool:
        """Return whether it has to be fixed before anything can be set up."""
        return self.kind not in FOR_INFORMATION
