"""What there is to say about a bms_config.toml, line by line."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class About(StrEnum):
    """What a remark is about; each has a text of its own."""

    LOST = "lost"
    TOO_LARGE = "too_large"
    NOT_UTF8 = "not_utf8"
    NO_TOML = "no_toml"
    """Detail: what tomllib says."""
    EMPTY = "empty"
    NO_BATTERY = "no_battery"
    NO_TABLE = "no_table"
    """Detail: how the table begins."""
    MISSPELT = "misspelt"
    """Detail: what was probably meant."""
    TWICE = "twice"
    MISSING = "missing"
    """Detail: how the table begins."""
    NO_NUMBER = "no_number"
    NO_YES_NO = "no_yes_no"
    NO_TEXT = "no_text"
    ZERO = "zero"
    REFUSED = "refused"
    """Detail: the key of the text in which the forms refuse the value."""
    LINK_TWICE = "link_twice"
    """Detail: the line that names the CAN link first."""
    LINK_TAKEN = "link_taken"
    """Detail: whose the CAN link is."""

    NOT_ACTIVATED = "not_activated"
    UNKNOWN = "unknown"
    ASSUMED = "assumed"
    """The daemon's default is the value. Detail: how the table begins."""
    BROKER = "broker"
    NO_INVERTER = "no_inverter"
    NO_LINK = "no_link"


NOTES: Final = frozenset(
    {
        About.NOT_ACTIVATED,
        About.UNKNOWN,
        About.ASSUMED,
        About.BROKER,
        About.NO_INVERTER,
        About.NO_LINK,
    }
)
"""What is only good to know; all else has to be mended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """Something about a line of the file, or about all of it."""

    about: About
    line: int | None = None
    key: str = ""
    """As the file writes it."""
    value: str = ""
    """As the file writes it, more or less."""
    detail: str = ""

    @property
    def prevents(self) -> bool:
        """Return whether nothing can be set up before it is mended."""
        return self.about not in NOTES
