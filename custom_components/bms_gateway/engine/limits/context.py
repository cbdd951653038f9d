"""The batteries at one moment, and which of them are reckoned with."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ..battery.limits import allowed, allowed_while_lost
from ..config import LossPolicy
from ..model import BatteryState, Direction


@dataclass(frozen=True, slots=True)
class Context:
    """What there is at `now`: the batteries online, those lost, and the policies."""

    now: float
    online: tuple[BatteryState, ...]
    lost: tuple[BatteryState, ...]
    """Not heard, but still part of the bank: they may carry current unseen."""
    policies: Mapping[Direction, LossPolicy | None]
    """What holds for the lost ones; None: none is lost."""
    awaited: Mapping[str, float] = field(default_factory=dict)
    """Until when each lost one is awaited, by its id, where short gaps are a habit of all
    of them: charging goes on with half for a moment, and afterwards where it was."""

    @property
    def never_reported(self) -> tuple[BatteryState, ...]:
        """Return the lost batteries that never spoke: nothing is known of them."""
        return tuple(b for b in self.lost if b.last.charge_current_limit is None)

    @property
    def counted(self) -> tuple[BatteryState, ...]:
        """Return every battery that is part of the bank, as far as it was ever heard."""
        heard = (b for b in self.lost if b.last.charge_current_limit is not None)
        return (*self.online, *heard)

    @property
    def blocked(self) -> frozenset[Direction]:
        """Return the directions that are stopped by a loss."""
        return frozenset(d for d, p in self.policies.items() if p is LossPolicy.BLOCK)

    @property
    def silenced(self) -> bool:
        """Return whether a loss means that nothing is said."""
        return LossPolicy.STOP in self.policies.values()

    def reduced(self, direction: Direction) -> Context:
        """Return it with the loss only reducing a direction."""
        policies = {**self.policies, direction: LossPolicy.REDUCE}
        return replace(self, policies=policies)

    def allowed_currents(self, direction: Direction) -> dict[str, float]:
        """Return what each counted battery allows in A; a lost one by its last limits."""
        amps = {b.id: allowed(b.readings, direction) for b in self.online}
        for battery in self.counted[len(self.online) :]:
            amps[battery.id] = allowed_while_lost(battery, direction)
        return amps
