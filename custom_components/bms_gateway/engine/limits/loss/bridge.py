"""Bridges a gap of the last battery: discharging continues with a falling limit."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from ...battery.capacity import cells_in_series
from ...config import GatewayConfig
from ...model import BatteryState, Direction, Limit, Rule
from ...ramp import RAMP_STEP
from ..charge_voltage import EMPTY_CELL
from ..context import Context

FINAL_PART: Final = 0.5
"""By the end of the bridge it falls to this part of the last discharge limit."""
NEARLY_NOTHING: Final = 0.1
"""A battery that allowed less than this part of its largest limit so far is about to
switch off."""
NEARLY_EMPTY: Final = 0.5
"""V above the discharge voltage limit; a battery that is not higher is nearly empty
too."""


class Bridge(NamedTuple):
    """How a gap is bridged."""

    limit: Limit
    """The limit for discharging the bank now."""
    until: float
    """When it ends, in s of the monotonic clock."""


def bridge(
    config: GatewayConfig,
    context: Context,
    last: Limit | None,
    floor: float | None,
    allowed_then: Mapping[str, float],
) -> Bridge | None:
    """Return how much may be discharged while no battery is received; None: nothing.

    Gaps of some seconds are normal on these buses, and an off-grid house must not go
    dark because of one. The time counts from the last telegram of the batteries that
    fell silent last. A battery that raised a protection or is nearly empty is not
    bridged: it may have switched off. `last`: the bank's last discharge limit; `floor`:
    its discharge voltage limit in V; `allowed_then`: what each battery allowed then, in
    A. Where a partly received battery allows less now, the bank's limit falls in
    proportion.
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
    # In steps: each lower limit is one more telegram, whatever is received meanwhile
    left = (until - context.now) // RAMP_STEP * RAMP_STEP / seconds
    amps = min(last.amps * min(1.0, part), allowed) * (
        FINAL_PART + (1 - FINAL_PART) * left
    )
    source = silent[-1][0].id
    return Bridge(bridging_limit(amps, source=source, number=last.amps), until)


def bridging_limit(amps: float, *, source: str, number: float) -> Limit:
    """Return a limit during a gap, in A, lower than the `number` before it.

    `Rule.BRIDGING`. `source`: the battery that is silent, by its id.
    """
    return Limit(amps=amps, rule=Rule.BRIDGING, source=source, number=number)


def bridge_time(config: GatewayConfig) -> float:
    """Return for how many seconds a gap is bridged: 0 where the grid covers it."""
    return config.bridge if config.discharge_grace > 0 else 0.0


def _may_be_bridged(battery: BatteryState, floor: float | None) -> bool:
    last_reported = battery.last
    if last_reported.protections or last_reported.voltage is None:
        return False
    if last_reported.discharge_voltage_limit is not None:
        floor = last_reported.discharge_voltage_limit
    elif floor is None:
        floor = EMPTY_CELL * cells_in_series(battery)
    allowed = last_reported.discharge_current_limit or 0.0
    return (
        allowed >= NEARLY_NOTHING * battery.largest_discharge_limit
        and last_reported.voltage > floor + NEARLY_EMPTY
    )
