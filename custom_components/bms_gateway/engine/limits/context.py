"""The context of an evaluation: the batteries at one time, and which of them count."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..battery.limits import allowed, allowed_while_lost
from ..config import LossPolicy
from ..model import BatteryState, Direction


@dataclass(frozen=True, slots=True)
class Context:
    """The batteries online at `now`, those lost, and the loss policies."""

    now: float
    online: tuple[BatteryState, ...]
    lost: tuple[BatteryState, ...]
    """Not received, but still part of the bank: they may carry current unseen."""
    policies: Mapping[Direction, LossPolicy | None]
    """The policy for the lost ones; None: none is lost."""
    awaited: Mapping[str, float] = field(default_factory=dict)
    """Until when each lost one is awaited, by its id, where short gaps are habitual for
    all of them: charging continues with half for a short time, and then where it
    was."""

    @property
    def never_reported(self) -> tuple[BatteryState, ...]:
        """Return the lost batteries that never reported: nothing is known of them."""
        return tuple(b for b in self.lost if b.last.charge_current_limit is None)

    @property
    def counted(self) -> tuple[BatteryState, ...]:
        """Return every battery that is part of the bank and ever reported limits."""
        reported = (b for b in self.lost if b.last.charge_current_limit is not None)
        return (*self.online, *reported)

    @property
    def blocked(self) -> frozenset[Direction]:
        """Return the directions that are blocked by a loss."""
        return frozenset(d for d, p in self.policies.items() if p is LossPolicy.BLOCK)

    @property
    def silenced(self) -> bool:
        """Return whether a loss means that nothing is sent."""
        return LossPolicy.STOP in self.policies.values()

    def allowed_currents(self, direction: Direction) -> dict[str, float]:
        """Return each counted battery's limit in A; a lost one's last limit."""
        amps = {b.id: allowed(b.readings, direction) for b in self.online}
        for battery in self.counted[len(self.online) :]:
            amps[battery.id] = allowed_while_lost(battery, direction)
        return amps
