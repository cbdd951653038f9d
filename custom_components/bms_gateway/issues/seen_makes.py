"""The makes of inverter that were recognised, in words."""

from collections.abc import Iterable, Mapping
from typing import Final

from ..engine.model import SeenMake

_NAMES: Final[Mapping[SeenMake, str]] = {
    SeenMake.VICTRON: "Victron GX",
    SeenMake.SMA: "SMA Sunny Island",
    SeenMake.DEYE: "Deye",
}


def describe_makes(makes: Iterable[SeenMake]) -> str:
    """Return the names of makes; they are the same in every language."""
    return ", ".join(_NAMES[make] for make in sorted(makes))
