"""The last battery falls silent for a moment: the house goes on, with ever less."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from ...battery.capacity import CELLS
from ...config import GatewayConfig
from ...model import BatteryState, Direction, Limit, Rule
from ...ramp import RAMP_STEP
from ..charge_voltage import EMPTY_CELL
from ..context import Context

LEAST_PART: Final = 0.5
"""To this part of the last discharge limit it falls until the end."""
NEARLY_NOTHING: Final = 0.1
"""A battery that allowed less than this part of the most that it ever allowed is about
to switch off."""
NEARLY_EMPTY: Final = 0.5
"""V above the discharge voltage limit; so is one that is not higher."""


class Bridge(NamedTuple):
    """How a silence is bridged."""

    limit: Limit
    """What the bank may be discharged with now."""
    until: float
    """When it ends, in s of the monotonic clock."""


def bridge(
    config: GatewayConfig,
    context: Context,
    last: Limit | None,
    floor: float | None,
    allowed_then: Mapping[str, float],
) -> Bridge | None:
    """Return how much may be discharged while no battery is heard; None: nothing.

    Gaps of some seconds are normal on these buses, and a house off the grid is not to
    go dark for one. Counted from the last telegram of those that fell silent last.
    None of them is bridged that has raised a protection or is nearly empty: it may have
    switched off. `last`: the bank's last discharge limit; `floor`: its discharge
    voltage limit in V; `allowed_then`: what each battery allowed then, in A. Where one
    that is half heard allows less now, the bank's limit falls as that one's did.
    """
    seconds = bridge_time(config)
    silent = [
        (battery, at)
        for battery in context.lost
        if (at := battery.limits_at) is not None and context.now < at + seconds
    ]
    blocked = Direction.DISCHARGE in context.blocked
    if context.online or context.silenced or blocked or last is None or not silent:
        return None
    if not all(_may_be_bridged(battery, floor) for battery, _ in silent):
        return None
    amps_now = context.allowed_currents(Direction.DISCHARGE)
    if not (allowed := sum(amps_now.values())):
        return None
    part = min(
        (amps_now.get(key, 0.0) / then for key, then in allowed_then.items() if then),
        default=1.0,
    )
    until = max(at for _, at in silent) + seconds
    # In steps: each lower limit is a set, whatever is heard meanwhile
    left = (until - context.now) // RAMP_STEP * RAMP_STEP / seconds
    amps = min(last.amps * min(1.0, part), allowed) * (
        LEAST_PART + (1 - LEAST_PART) * left
    )
    source = silent[-1][0].id
    return Bridge(bridging_limit(amps, source=source, number=last.amps), until)


def bridging_limit(amps: float, *, source: str, number: float) -> Limit:
    """Return a limit during a gap, in A: less than the `number` before it.

    `Rule.BRIDGING`. `source`: the battery that is silent, by its id.
    """
    return Limit(amps=amps, rule=Rule.BRIDGING, source=source, number=number)


def bridge_time(config: GatewayConfig) -> float:
    """Return for how many seconds a gap is bridged: 0 where the grid does it."""
    return config.bridge if config.discharge_grace > 0 else 0.0


def _may_be_bridged(battery: BatteryState, floor: float | None) -> bool:
    said = battery.last
    if said.protections or said.voltage is None:
        return False
    if said.discharge_voltage_limit is not None:
        floor = said.discharge_voltage_limit
    elif floor is None:
        floor = EMPTY_CELL * (battery.cells or CELLS)
    allowed = said.discharge_current_limit or 0.0
    return (
        allowed >= NEARLY_NOTHING * battery.largest_discharge_limit
        and said.voltage > floor + NEARLY_EMPTY
    )
