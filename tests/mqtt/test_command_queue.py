"""The command queue: bounded, in order, keeping the newest of each owner."""

from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.bms_gateway.engine.model import Direction
from custom_components.bms_gateway.mqtt.command_queue import (
    MAX_WAITING,
    Command,
    CommandQueue,
)
from custom_components.bms_gateway.mqtt.parsing import RejectedCommand

CHARGE, DISCHARGE = Direction.CHARGE, Direction.DISCHARGE
BOTH = (CHARGE, DISCHARGE)


def command(
    value: float | None,
    owner: str = "Ann",
    *directions: Direction,
    device: str = "bank",
) -> Command:
    """Return a command that sets or (None) clears a limit, of charging by default."""
    return Command(
        name="clear" if value is None else "limit",
        fields={"value": value},
        data={},
        target=(device, owner),
        directions=frozenset(directions or (CHARGE,)),
    )


def values(commands: list[Command]) -> list[Any]:
    """Return the values that commands set."""
    return [each.fields["value"] for each in commands]


def drained(waiting: CommandQueue) -> list[Command]:
    """Return all waiting commands in order."""
    found = []
    while each := waiting.take():
        found.append(each)
    return found


def test_newer_command_replaces_an_older_one() -> None:
    """Of its owner, its device, its directions and its name."""
    waiting = CommandQueue()
    assert waiting.add(command(1)) == []
    others = [
        command(2, "Bob"),
        command(3, "Ann", DISCHARGE),
        command(4, "Ann", *BOTH),
        command(5, device="i1"),
        command(None),
    ]
    for other in others:
        assert waiting.add(other) == []
    assert values(waiting.add(command(6))) == [1]
    assert len(waiting) == 6
    # Ann first, with her earlier command; then each in turn
    assert values(drained(waiting)) == [3, 2, 5, 4, None, 6]
    assert waiting.take() is None
    assert len(waiting) == 0


def test_owners_take_turns() -> None:
    """Although one keeps sending."""
    waiting = CommandQueue()
    waiting.add(command(1, "Ann"))
    waiting.add(command(None, "Ann"))
    waiting.add(command(2, "Bob"))
    taken = [waiting.take()]
    waiting.add(command(3, "Ann", DISCHARGE))
    taken += drained(waiting)
    assert [each.target[1] for each in taken if each] == ["Ann", "Bob", "Ann", "Ann"]


def test_full_queue_keeps_the_newest_of_waiting_owners() -> None:
    """Others are rejected; one that keeps some effect stays."""
    waiting = CommandQueue()
    for n in range(MAX_WAITING - 2):
        waiting.add(command(n, f"o{n}"))
    waiting.add(command(50, "Ann"))
    waiting.add(command(60, "Bob", *BOTH))
    assert len(waiting) == MAX_WAITING
    with pytest.raises(RejectedCommand) as refused:
        waiting.add(command(0, "late"))
    assert refused.value.code == "busy"
    assert values(waiting.add(command(5, "o3"))) == [3]
    assert values(waiting.add(command(0, "Ann", *BOTH))) == [50]
    assert values(waiting.add(command(None, "o4"))) == [4]
    with pytest.raises(RejectedCommand):
        waiting.add(command(0, "Bob"))
    assert len(waiting) == MAX_WAITING
    waiting.take()
    waiting.add(command(0, "late"))
    assert len(waiting) == MAX_WAITING
    waiting.clear()
    assert waiting.take() is None


@given(
    st.lists(
        st.builds(
            lambda value, owner, directions: command(value, owner, *directions),
            st.none() | st.integers(0, 9),
            st.sampled_from("abc"),
            st.sampled_from([(CHARGE,), (DISCHARGE,), BOTH]),
        ),
        max_size=40,
    ),
    st.sets(st.integers(0, 39)),
)
def test_replacing_does_not_change_the_final_state(
    commands: list[Command], pauses: set[int]
) -> None:
    """Whenever the worker takes one."""

    def obey(held: dict[Any, Any], one: Command) -> None:
        for direction in one.directions:
            held[one.target, direction] = one.fields["value"]

    waiting = CommandQueue()
    at_once: dict[Any, Any] = {}
    in_turn: dict[Any, Any] = {}
    for n, each in enumerate(commands):
        waiting.add(each)
        obey(at_once, each)
        if n in pauses and (taken := waiting.take()):
            obey(in_turn, taken)
    for each in drained(waiting):
        obey(in_turn, each)
    assert in_turn == at_once
