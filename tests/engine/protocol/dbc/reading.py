"""Reading frames by the DBC file of a profile: names and values in the model's terms.

Nothing here knows the tables of the engine. A DBC file has no text: a signal with the
unit ASCII is one, first character in the lowest byte. A value named "unknown" is None.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from cantools.database import Message, load_file
from cantools.database.can import Database
from cantools.database.can.signal import Signal
from cantools.database.namedsignalvalue import NamedSignalValue

from custom_components.bms_gateway.engine.model import Alarm, Frame

FOLDER: Final = Path(__file__).parents[4] / "docs/dbc"
ALARM: Final = "alarm"
WARNING: Final = "warning"
_BIT_BEGINNINGS: Final = (f"{ALARM}_", f"{WARNING}_")

type Value = float | bool | str | None


class SignalValue(NamedTuple):
    """One signal of one frame."""

    can_id: int
    signal: Signal
    value: Value

    @property
    def step(self) -> float:
        """Return the size of one count in the signal's unit."""
        return abs(float(self.signal.scale))


@cache
def database(profile: str) -> Database:
    """Return the DBC file of a profile; overlaps and signals that do not fit raise."""
    loaded = load_file(FOLDER / f"{profile}.dbc", strict=True)
    assert isinstance(loaded, Database)
    return loaded


def message(profile: str, can_id: int) -> Message:
    """Return the frame with an identifier."""
    return database(profile).get_message_by_frame_id(can_id)


def read_frame(profile: str, frame: Frame) -> Iterator[SignalValue]:
    """Yield the signals of a frame, which may be padded."""
    layout = message(profile, frame.can_id)
    decoded = layout.decode(frame.data)
    assert isinstance(decoded, dict)
    for signal in layout.signals:
        value = _value(signal, decoded[signal.name])
        yield SignalValue(frame.can_id, signal, value)


def read(profile: str, frames: Iterable[Frame]) -> list[SignalValue]:
    """Return the signals of a telegram, in the order of its frames."""
    return [each for frame in frames for each in read_frame(profile, frame)]


def _value(signal: Signal, decoded: object) -> Value:
    if isinstance(decoded, NamedSignalValue):
        return None if decoded.name == "unknown" else str(decoded.name)
    assert isinstance(decoded, int | float)
    if signal.unit == "ASCII":
        return _text(int(decoded).to_bytes(signal.length // 8, "little"))
    if signal.length == 1:
        return bool(decoded)
    return round(decoded, 6)  # 563 x 0.1 is 56.300000000000004


def _text(data: bytes) -> str:
    """Return the text up to its padding."""
    return data.rstrip(b"\0 ").decode("ascii")


def values(signals: Iterable[SignalValue], name: str) -> list[SignalValue]:
    """Return the signals of a name: several frames may hold the same value."""
    return [each for each in signals if each.signal.name == name]


def raised(signals: Iterable[SignalValue], half: str) -> frozenset[Alarm]:
    """Return the alarms of a half, `ALARM` or `WARNING`, that are raised."""
    return frozenset(
        alarm
        for each in signals
        if each.signal.name.startswith(f"{half}_") and each.value in {True, "raised"}
        for alarm in [alarm_of(each.signal.name)]
    )


def is_alarm(signal: Signal) -> bool:
    """Return whether a signal is an alarm or a warning."""
    return signal.name.startswith(_BIT_BEGINNINGS)


def alarm_of(name: str) -> Alarm:
    """Return the alarm that a signal belongs to: a detail may follow its name."""
    _, _, rest = name.partition("_")
    return max(
        (alarm for alarm in Alarm if f"{rest}_".startswith(f"{alarm}_")), key=len
    )


def covered(layout: Message) -> int:
    """Return the bits that belong to a signal, as a little-endian number."""
    assert all(signal.byte_order == "little_endian" for signal in layout.signals)
    return sum((1 << s.length) - 1 << s.start for s in layout.signals)
