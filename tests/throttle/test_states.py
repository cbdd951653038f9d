"""When an entity writes a value: by its kind, its move and the time."""

import pytest

from custom_components.bms_gateway.throttle.states import (
    SLOW_INTERVAL,
    TABLE,
    Kind,
    Shown,
    is_worth_writing,
)


def test_every_kind_has_a_row() -> None:
    """Or a value would be written at a pace that was never chosen."""
    assert TABLE.keys() == set(Kind)


@pytest.mark.parametrize(
    ("kind", "old", "new", "waited", "expected"),
    [
        (Kind.CURRENT, 10.0, 10.9, 0.0, False),
        (Kind.CURRENT, 10.0, 11.0, 0.0, True),
        (Kind.CURRENT, 0.5, 0.0, 0.0, True),
        (Kind.CURRENT, 10.0, None, 0.0, True),
        (Kind.CURRENT, 10.0, 10.1, SLOW_INTERVAL, True),
        (Kind.CURRENT, 10.0, 10.0, SLOW_INTERVAL, False),
        (Kind.POWER, 500.0, 549.0, 0.0, False),
        (Kind.LIMIT, 3.0, 2.6, 0.0, True),  # more than a tenth
        (Kind.LIMIT, 30.0, 29.5, 0.0, False),
        (Kind.LIVE, 1.0, 1.001, 0.0, True),
        (Kind.STATE, 1.0, 1.001, 0.0, True),
    ],
)
def test_table_decides_what_an_entity_writes(
    kind: Kind, old: float, new: float | None, waited: float, expected: bool
) -> None:
    """By the smallest step of the kind of value, its fraction, and the time."""
    before, after = Shown(True, old, {}), Shown(True, new, {})
    assert is_worth_writing(kind, before, after, waited) is expected


def test_attributes_are_written_by_the_same_row() -> None:
    """The figure behind a limit moves with it; a new attribute does not wait."""
    before = Shown(True, 30.0, {"number": 30.0})
    assert not is_worth_writing(
        Kind.LIMIT, before, Shown(True, 30.0, {"number": 30.4}), 0.0
    )
    assert is_worth_writing(Kind.LIMIT, before, Shown(True, 30.0, {"by": "x"}), 0.0)
