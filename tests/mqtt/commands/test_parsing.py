"""Parsing of commands: any bytes, any fields."""

from contextlib import suppress
import json
from typing import Any

from hypothesis import given, strategies as st

from custom_components.bms_gateway.mqtt.parsing import RejectedCommand, read_command

from .listening import message


@given(st.binary())
def test_any_bytes_are_parsed_or_rejected(payload: bytes) -> None:
    """Nothing else is raised, whatever is published."""
    with suppress(RejectedCommand):
        assert isinstance(read_command("limit", message(payload)), dict)


@given(
    st.dictionaries(
        st.sampled_from(["charge_current", "duration", "owner", "until_cleared", "x"]),
        st.one_of(
            st.none(),
            st.booleans(),
            st.floats(),
            st.text(max_size=5),
            st.lists(st.integers(), max_size=1),
            st.dictionaries(st.text(max_size=5), st.floats(), max_size=1),
        ),
    )
)
def test_only_known_keys_with_usable_values_pass(fields: dict[str, Any]) -> None:
    """Numbers are numbers, texts are texts."""
    try:
        read = read_command("limit", message(json.dumps(fields).encode()))
    except RejectedCommand:
        return
    assert read == fields
    assert "x" not in read
    assert type(read.get("charge_current", 0)) in {int, float}
    assert type(read.get("owner", "")) is str
    assert type(read.get("until_cleared", True)) is bool
