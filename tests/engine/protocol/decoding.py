"""Decoding of one frame, for the tests of all IDs."""

from custom_components.bms_gateway.engine.model import Alarm, Dialect, Frame
from custom_components.bms_gateway.engine.protocol import Decoded, decode
from custom_components.bms_gateway.engine.protocol.number import Value

NO_ALARM: frozenset[Alarm] = frozenset()


def values(
    can_id: int, data: str | bytes, dialect: Dialect | None = Dialect.PYLONTECH
) -> dict[str, Value]:
    """Return the values of one frame; dialect None: not settled."""
    raw = bytes.fromhex(data) if isinstance(data, str) else data
    return dict(decoded_by(Frame(can_id, raw), dialect).values)


def decoded_by(frame: Frame, dialect: Dialect | None) -> Decoded:
    """Decode by a dialect; None: not settled."""
    return decode(frame, dialect or Dialect.UNKNOWN, settled=dialect is not None)
