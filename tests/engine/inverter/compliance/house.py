"""Inverters and a battery of a house, as the monitor sees them."""

from dataclasses import replace
from typing import Any

from custom_components.bms_gateway.engine.inverter.compliance.monitor import (
    ComplianceMonitor,
    Current,
    InverterLoad,
)
from custom_components.bms_gateway.engine.model import (
    BatteryState,
    BatteryStatus,
    Direction,
    Disobedience,
    Readings,
)

from ...plant import inverter

CHARGE, DISCHARGE = Direction.CHARGE, Direction.DISCHARGE
NONE = dict.fromkeys(Direction, 0.0)


class House:
    """Inverters sampled every second; `reaction`: their reaction time in s."""

    def __init__(self, *ids: str, reaction: float = 10.0) -> None:
        """Create inverters with limits of 0 A."""
        self.compliance = ComplianceMonitor()
        self.loads = {
            key: InverterLoad(inverter(key, reaction_time=reaction), dict(NONE), True)
            for key in ids or ("i1",)
        }
        self.now = 1000.0

    def set_limit(self, key: str, amps: float, *, is_sent: bool = True) -> None:
        """Send one inverter another limit, both ways; or nothing at all."""
        load = self.loads[key]
        self.loads[key] = replace(
            load, amps=dict.fromkeys(Direction, amps), is_sent=is_sent
        )

    def flow(
        self,
        seconds: float,
        amps: float | None,
        period: float = 1.0,
        sensed: dict[str, float] | None = None,
    ) -> None:
        """Have a current (charge positive) measured every `period` for a while."""
        end = self.now + seconds
        while self.now < end:
            self.now += period
            for key, shown in (sensed or {}).items():
                self.compliance.sense(key, Current(shown, self.now))
            bank = None if amps is None else Current(amps, self.now)
            self.look(bank)

    def look(self, bank: Current | None) -> None:
        """Take one sample."""
        self.compliance.update(self.now, bank, list(self.loads.values()), NONE)

    def found(self, key: str = "i1") -> dict[Direction, Disobedience]:
        """Return in which directions an inverter disobeys."""
        return self.compliance.found(key)


def battery_state(**changes: Any) -> BatteryState:
    """Return a battery that is discharged with 10 A, with changes."""
    state = BatteryState(
        id="b1",
        status=BatteryStatus.ONLINE,
        capacity_ah=100.0,
        readings=Readings(current=-10.0),
        current_at=5.0,
    )
    return replace(state, **changes)
