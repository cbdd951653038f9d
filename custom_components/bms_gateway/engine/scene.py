"""The batteries at one moment, and which of them are reckoned with."""

from collections.abc import Mapping
from dataclasses import dataclass

from .allowance import allowed, allowed_while_lost, raw_limit
from .config import LossPolicy
from .model import BatteryState, Direction


@dataclass(frozen=True, slots=True)
class Scene:
    """What there is at `now`: the batteries online, those lost, and the policies."""

    now: float
    online: tuple[BatteryState, ...]
    lost: tuple[BatteryState, ...]
    """Not heard, but still part of the bank: they may carry current unseen."""
    policies: Mapping[Direction, LossPolicy | None]
    """What holds for the lost ones; None: none is lost."""

    @property
    def counted(self) -> tuple[BatteryState, ...]:
        """Return every battery that is part of the bank."""
        return (*self.online, *self.lost)

    @property
    def blocked(self) -> frozenset[Direction]:
        """Return the directions that are stopped by a loss."""
        return frozenset(d for d, p in self.policies.items() if p is LossPolicy.BLOCK)

    @property
    def silenced(self) -> bool:
        """Return whether a loss means that nothing is said."""
        return LossPolicy.STOP in self.policies.values()

    def allowances(self, direction: Direction) -> dict[str, float]:
        """Return what each battery allows in A; a lost one by its last limits.

        A battery never heard is left out for discharging: nothing is known of it, but
        it need not be empty; for charging it counts as full.
        """
        amps = {b.id: allowed(b.readings, direction) for b in self.online}
        for battery in self.lost:
            charge = direction is Direction.CHARGE
            if charge or raw_limit(battery.last, direction) is not None:
                amps[battery.id] = allowed_while_lost(battery, direction)
        return amps
