"""The schema of a bms_config.toml: its tables, their keys, and their counterparts.

Source: the configuration classes of ul-gh/bms_gateway and the file it ships.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Final


class Kind(Enum):
    """The type of a value."""

    NUMBER = "number"
    YES_NO = "yes_no"
    TEXT = "text"


class Part(StrEnum):
    """The part of a gateway that a table describes; the last two are subentry types."""

    GATEWAY = "gateway"
    BATTERY = "battery"
    INVERTER = "inverter"


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a table, as written with hyphens and in capitals."""

    name: str
    kind: Kind
    default: float | str | bool | None = None
    """The daemon's default for a missing key."""
    becomes: str | None = None
    """The name of the option, or of the field of a battery or an inverter."""
    required: bool = False
    is_limit: bool = False
    """Whether it limits a current: its default is reported, not applied silently."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the file; `[[…]]` if it may occur several times."""

    name: str
    part: Part
    keys: tuple[Key, ...]
    several: bool = False

    @property
    def head(self) -> str:
        """Return its header."""
        return f"[[{self.name}]]" if self.several else f"[{self.name}]"


def normal(name: str) -> str:
    """Return a key in this module's form: `-` and `_` are the same, and so is case.

    The daemon itself is stricter; no two keys can be confused.
    """
    return name.replace("_", "-").upper()


TOP: Final = Table(
    "", Part.GATEWAY, (Key("GATEWAY-ACTIVATED", Kind.YES_NO, default=False),)
)
"""The keys above all tables."""
MQTT: Final = Table(
    "mqtt",
    Part.GATEWAY,
    (
        Key("ACTIVATED", Kind.YES_NO, True, "mqtt_enabled"),
        Key("TOPIC", Kind.TEXT, "tele/bms/state", "mqtt_state_topic"),
        Key("BROKER", Kind.TEXT, "localhost"),
        Key("PORT", Kind.NUMBER, 1883),
        Key("INTERVAL", Kind.NUMBER, 10.0, "mqtt_interval"),
    ),
)
BATTERY: Final = Table(
    "battery",
    Part.GATEWAY,
    (
        Key("I-LIM-CHARGE", Kind.NUMBER, 700.0, "total_charge", is_limit=True),
        Key("I-LIM-DISCHARGE", Kind.NUMBER, 700.0, "total_discharge", is_limit=True),
        Key("I-TOT-SCALING", Kind.NUMBER, 1.0, "current_factor"),
        Key("I-TOT-OFFSET", Kind.NUMBER, 0.0, "current_offset"),
    ),
)
BMSES_IN: Final = Table(
    "bmses-in",
    Part.BATTERY,
    (
        Key("CAN-IF", Kind.TEXT, becomes="channel", required=True),
        Key("DESCRIPTION", Kind.TEXT),
        Key("CAPACITY-AH", Kind.NUMBER, becomes="capacity_ah", required=True),
        Key("POLL-INTERVAL", Kind.NUMBER, becomes="poll_interval"),
    ),
    several=True,
)
BMSES_OUT: Final = Table(
    "bmses-out",
    Part.INVERTER,
    (
        Key("CAN-IF", Kind.TEXT, becomes="channel", required=True),
        Key("DESCRIPTION", Kind.TEXT),
        Key("I-LIM-CHARGE", Kind.NUMBER, 300.0, "rated_charge", is_limit=True),
        Key("I-LIM-DISCHARGE", Kind.NUMBER, 300.0, "rated_discharge", is_limit=True),
        Key("I-SCALING", Kind.NUMBER, 1.0, "current_factor"),
        Key("I-OFFSET", Kind.NUMBER, 0.0, "current_offset"),
        Key("PUSH-MIN-DELAY", Kind.NUMBER, 0.0, "min_send_interval"),
        Key("SEND-SYNC-ACTIVATED", Kind.YES_NO, default=False),
        Key("SYNC-INTERVAL", Kind.NUMBER, 5.0, "prompt_interval"),
    ),
    several=True,
)
TABLES: Final[Mapping[str, Table]] = {
    normal(table.name): table for table in (MQTT, BATTERY, BMSES_IN, BMSES_OUT)
}
"""By their names as `normal` returns them; batteries come before inverters."""
