"""The folder of CAN logs: file names, creating, writing and reading.

The functions block; run them in the executor.
"""

from pathlib import Path
import re
from typing import Final

from homeassistant.core import HomeAssistant

from ..const import DOMAIN
from ..engine.can.log.candump import LogError, parse
from ..engine.can.log.recording import LARGEST
from ..engine.simulator import Replay, UnfitLogError
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


def read(path: Path, loops: int) -> Replay:
    """Return a log for playback. OSError if it cannot be read."""
    if not path.resolve().is_relative_to(path.parent.resolve()):
        raise action_error("bad_log_name")
    if not path.is_file():
        raise action_error("no_such_log", file=path.name, folder=str(path.parent))
    if path.stat().st_size > LARGEST:
        raise action_error("log_too_long", file=path.name)
    try:
        with path.open(encoding="ascii", errors="replace") as file:
            return Replay(parse(file), loops)
    except LogError as error:
        raise action_error(
            "bad_log_line", file=path.name, line=str(error.line)
        ) from error
    except UnfitLogError as error:
        raise action_error(error.reason, file=path.name) from error
