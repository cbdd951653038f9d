"""Commands that wait until those before them are done: few, and the newest of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..engine.model import Direction
from .reading import RejectedCommand

MOST_WAITING: Final = 32
"""Commands; each may take as long as a disk does, and more would be stale."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command that makes sense; only what holds when its turn comes may refuse it."""

    name: str
    fields: Mapping[str, Any]
    """As they came."""
    data: Mapping[str, Any]
    """What its action is called with."""
    whose: tuple[str, str]
    """The device and the owner of the limits that it is about."""
    directions: frozenset[Direction]

    @property
    def kind(self) -> tuple[str, frozenset[Direction]]:
        """What the command of an owner for a device has in common with a newer one."""
        return (self.name, self.directions)


class Waiting:
    """Owners wait in turn, and each one's commands in their order.

    A newer command takes the place of the one of its kind that still waits: what the
    older one asked for would not have held beyond it.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._by_owner: dict[tuple[str, str], dict[object, Command]] = {}

    def __len__(self) -> int:
        """Return how many wait."""
        return sum(map(len, self._by_owner.values()))

    def add(self, command: Command) -> list[Command]:
        """Queue a command; return those whose place it takes.

        Raises Refused if there is no place. One of an owner that waits already takes
        the place of any of them that it leaves nothing of: that older one must not
        hold because the newer one was too many. One of which something is left stays.
        """
        own = self._by_owner.get(command.whose, {})
        replaced = [each for each in own.values() if each.kind == command.kind]
        if not replaced and len(self) >= MOST_WAITING:
            replaced = [
                each for each in own.values() if each.directions <= command.directions
            ]
            if not replaced:
                raise RejectedCommand("busy", f"{MOST_WAITING} commands wait already")
        for each in replaced:
            del own[each.kind]
        own[command.kind] = command
        self._by_owner[command.whose] = own
        return replaced

    def take(self) -> Command | None:
        """Return the next command, which waits no more."""
        if not self._by_owner:
            return None
        whose = next(iter(self._by_owner))
        own = self._by_owner.pop(whose)
        command = own.pop(next(iter(own)))
        if own:
            # Behind the others: nobody waits for all that one owner has to say
            self._by_owner[whose] = own
        return command

    def clear(self) -> None:
        """Forget all that wait."""
        self._by_owner.clear()
