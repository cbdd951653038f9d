"""The tables of frames: every row reads back what it wrote, at its own place."""

import pytest

from custom_components.bms_gateway.engine.protocol import deye, frames, luxpower
from custom_components.bms_gateway.engine.protocol.fields import (
    Bit,
    Field,
    Text,
    decode_fields,
    encode_fields,
)
from custom_components.bms_gateway.engine.protocol.number import Kind, Number, Value

ROWS = [
    pytest.param(field, id=f"{name}.{field.attribute}")
    for module in (frames, deye, luxpower)
    for name, value in vars(module).items()
    for field in (value if isinstance(value, tuple) else (value,))
    if isinstance(field, Number | Bit | Text)
] + [
    pytest.param(field, id=f"{can_id:x}.{field.attribute}")
    for can_id, table in (frames.PLAIN | frames.WHOLE | deye.DIAGNOSTICS).items()
    for field in table
]
"""Every field of every table."""

TABLES = [value for value in vars(frames).values() if isinstance(value, tuple)] + [
    *frames.PLAIN.values(),
    *frames.WHOLE.values(),
    *deye.DIAGNOSTICS.values(),
    luxpower.CELLS,
    luxpower.CELL_TEMPERATURES,
]


def width(field: Field) -> int:
    """Return the bytes that a field takes."""
    match field:
        case Number():
            return field.kind.size
        case Text():
            return field.length
        case Bit():
            return 1


def samples(field: Field) -> list[Value]:
    """Return values that a field can hold, including both ends of its window."""
    match field:
        case Bit():
            return [True, False]
        case Text():
            return ["PYLON", "A", "12345678"[: field.length]]
        case Number():
            lowest = 0 if field.magnitude else field.kind.lowest
            counts = {
                max(lowest, round((field.low + field.offset) * field.per_unit))
                if field.low > float("-inf")
                else lowest,
                min(
                    field.kind.highest,
                    round((field.high + field.offset) * field.per_unit),
                )
                if field.high < float("inf")
                else field.kind.highest,
            }
            counts |= {sum(counts) // 2} - {0}
            return [
                count / field.per_unit - field.offset
                for count in sorted(counts - field.codes)
            ]


@pytest.mark.parametrize("field", ROWS)
def test_each_row_decodes_what_it_encoded(field: Field) -> None:
    """Encode and decode use one table: same place, same scale, same sign."""
    for value in samples(field):
        data = encode_fields({field.attribute: value}, [field])
        assert decode_fields(data, [field]) == ({field.attribute: value}, ())


@pytest.mark.parametrize("field", ROWS)
def test_each_row_is_unknown_in_a_frame_too_short_for_it(field: Field) -> None:
    """One byte less than it needs, and it is left out."""
    needed = field.start + (1 if isinstance(field, Text) else width(field))
    assert decode_fields(bytes(8)[: needed - 1], [field]).values == {}


@pytest.mark.parametrize("field", ROWS)
def test_each_code_is_unknown_and_not_invalid(field: Field) -> None:
    """A code for "not available" is neither a value nor invalid."""
    for code in getattr(field, "codes", ()):
        assert isinstance(field, Number)
        raw = code % (1 << 8 * field.kind.size)
        data = bytes(field.start) + raw.to_bytes(field.kind.size, "little")
        assert decode_fields(data, [field]) == ({field.attribute: None}, ())


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table[0])
def test_no_two_rows_of_a_table_overlap(table: tuple[Field, ...]) -> None:
    """Bits may share a byte, all others have their own bytes within 8."""
    fields = [field for field in table if isinstance(field, Number | Bit | Text)]
    places = [
        (byte, field.bit if isinstance(field, Bit) else -1)
        for field in fields
        for byte in range(field.start, field.start + width(field))
    ]
    assert len(places) == len(set(places))
    assert all(byte < 8 for byte, _ in places)


def test_windows_accept_packs_of_12_to_48_v() -> None:
    """Limits of all nominal voltages are accepted, and nothing else."""
    cvl = frames.LIMITS[0]
    assert cvl.decode((584).to_bytes(2, "little")) == 58.4  # Deye SE-F12-C
    assert cvl.decode((288).to_bytes(2, "little")) == 28.8
    assert cvl.decode((100).to_bytes(2, "little")) == 10.0
    assert cvl.decode((650).to_bytes(2, "little")) == 65.0
    for counts in (99, 651, 0, 0xFFFE):
        assert not isinstance(cvl.decode(counts.to_bytes(2, "little")), float)


def test_inverter_ids_are_no_battery_ids() -> None:
    """The inverter's own IDs and other protocols are not among them."""
    assert {0x351, 0x355, 0x356, 0x359, 0x35A, 0x35C, 0x35E} <= frames.BATTERY_IDS
    assert not frames.BATTERY_IDS & {0x300, 0x305, 0x306, 0x307, 0x311, 0x453, 0x400}
    assert min(frames.BATTERY_IDS) == 0x351
    assert max(frames.BATTERY_IDS) == 0x382
    assert Kind.S16.lowest == -0x7FFF
