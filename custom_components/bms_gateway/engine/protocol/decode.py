"""Decoding one frame of a battery into its values; any bytes are accepted."""

from typing import Final

from ..model import Dialect, Frame
from .decoded import NOTHING, Decoded
from .deye import DIAGNOSTICS
from .dialect import is_battery_frame, is_extra_frame
from .fields import decode_fields
from .frames import PLAIN, WHOLE
from .readers import READERS, plain

_AGREES: Final = 0.2
"""Of the configured capacity; an aged battery has that much less. Ah and 0.1 Ah are
still told apart."""


def decode(frame: Frame, dialect: Dialect, settled: bool) -> Decoded:
    """Decode one frame by the dialect that `recognise` returned; never raises.

    Frames of other nodes yield nothing: 29-bit, remote and error frames, the inverter's
    0x305, other protocols. While the dialect is not settled, the current is unknown,
    and other values that depend on the dialect are left out.
    """
    if settled and is_extra_frame(frame, dialect):
        diagnosis = DIAGNOSTICS[frame.can_id]
        return plain(decode_fields(frame.data, diagnosis)) if _whole(frame) else NOTHING
    if not is_battery_frame(frame):
        return NOTHING
    if (table := PLAIN.get(frame.can_id)) is not None:
        return plain(decode_fields(frame.data, table))
    if (table := WHOLE.get(frame.can_id)) is not None:
        return plain(decode_fields(frame.data, table)) if _whole(frame) else NOTHING
    reader = READERS.get(frame.can_id)
    known = dialect if settled else None
    return NOTHING if reader is None else reader(frame.data, known)


def agreed_capacity(candidate: float | None, known: float | None) -> float | None:
    """Return the capacity (Ah) of 0x35F if it agrees with a known one.

    Some batteries send 0.1 Ah there, some the modules online: it is accepted within a
    factor of 2 of the capacity in 0x379 or the configured one.
    """
    if candidate is None or known is None:
        return None
    return candidate if known / 2 <= candidate <= known * 2 else None


def agreed_remaining(
    raw: float | None, soc: float | None, capacity_ah: float
) -> float | None:
    """Return the remaining charge (Ah) in 0x355 if it agrees with the state of charge.

    Only some batteries send it, in Ah by Sofar's document and in 0.1 Ah as
    Sleeper85/esphome-yambms has it; others have something else there.
    """
    if raw is None or soc is None:
        return None
    expected = capacity_ah * soc / 100
    nearest = min(raw, raw / 10, key=lambda value: abs(value - expected))
    agrees = abs(nearest - expected) <= _AGREES * capacity_ah
    return nearest if agrees else None


def joined(first: str | None, second: str | None) -> str | None:
    """Return a text that came in two frames; None without the first half."""
    return first and (first + (second or "")).strip(" ")


def _whole(frame: Frame) -> bool:
    return len(frame.data) == 8
