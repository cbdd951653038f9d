"""The folder of CAN logs: file names, creating and writing.

The functions block; run them in the executor.
"""

from pathlib import Path
import re
from typing import Final

from homeassistant.core import HomeAssistant

from ..const import DOMAIN
from ..errors import action_error

MAX_LOGS: Final = 20
"""Files in the folder: an automation that records must not fill the disk."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}\.log")


def folder(hass: HomeAssistant) -> Path:
    """Return the folder of the logs in Home Assistant's configuration folder."""
    return Path(hass.config.path(DOMAIN))


def checked_name(name: str) -> str:
    """Return a valid name of a log file; it never leads to another folder."""
    if not _NAME.fullmatch(name):
        raise action_error("bad_log_name")
    return name


def create(path: Path) -> None:
    """Create an empty log. OSError if that fails; no file is ever replaced."""
    path.parent.mkdir(exist_ok=True)
    if path.exists():
        raise action_error("log_exists", file=path.name)
    if len(list(path.parent.glob("*.log"))) >= MAX_LOGS:
        raise action_error("too_many_logs", most=str(MAX_LOGS), folder=str(path.parent))
    path.open("x").close()


def append(path: Path, text: str) -> None:
    """Append lines to a log. OSError if that fails."""
    with path.open("a", encoding="ascii") as file:
        file.write(text)
