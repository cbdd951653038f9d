"""The queue of MQTT commands: short, with only the newest of each kind."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..engine.model import Direction
from .parsing import RejectedCommand

MAX_WAITING: Final = 32
"""Commands; each may take as long as a disk write, and more would be stale."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A valid command; only conditions at the time of execution may reject it."""

    name: str
    fields: Mapping[str, Any]
    """As they came."""
    data: Mapping[str, Any]
    """The data of its action."""
    target: tuple[str, str]
    """The device and the owner of the limits concerned."""
    directions: frozenset[Direction]

    @property
    def kind(self) -> tuple[str, frozenset[Direction]]:
        """The key that an owner's command for a device shares with a newer one."""
        return (self.name, self.directions)


class CommandQueue:
    """A queue in which owners take turns, and each one's commands keep their order.

    A newer command replaces a waiting one of its kind: the older one's effect would
    have ended with the newer one.
    """

    def __init__(self) -> None:
        """Start empty."""
        self._by_owner: dict[tuple[str, str], dict[object, Command]] = {}

    def __len__(self) -> int:
        """Return the number of waiting commands."""
        return sum(map(len, self._by_owner.values()))

    def add(self, command: Command) -> list[Command]:
        """Queue a command; return those that it replaces.

        Raises RejectedCommand if the queue is full. If its owner has commands in a full
        queue, it replaces all of which it leaves no effect: an older command must not
        apply because the newer one was one too many. One that keeps some effect stays.
        """
        own = self._by_owner.get(command.target, {})
        replaced = [each for each in own.values() if each.kind == command.kind]
        if not replaced and len(self) >= MAX_WAITING:
            replaced = [
                each for each in own.values() if each.directions <= command.directions
            ]
            if not replaced:
                raise RejectedCommand("busy", f"{MAX_WAITING} commands wait already")
        for each in replaced:
            del own[each.kind]
        own[command.kind] = command
        self._by_owner[command.target] = own
        return replaced

    def take(self) -> Command | None:
        """Remove and return the next command."""
        if not self._by_owner:
            return None
        target = next(iter(self._by_owner))
        own = self._by_owner.pop(target)
        command = own.pop(next(iter(own)))
        if own:
            # Behind the others: no client waits for all commands of one owner
            self._by_owner[target] = own
        return command

    def clear(self) -> None:
        """Drop all waiting commands."""
        self._by_owner.clear()
