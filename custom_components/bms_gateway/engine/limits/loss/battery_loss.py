"""The rule `battery_loss`: the loss policy of each direction."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from ...config import GatewayConfig, LossPolicy
from ...model import BatteryState, Direction, Limit, Rule
from ..rule_inputs import RuleInputs

BLOCK_BEFORE_SILENCE: Final = 5.0
"""Seconds for which 0 A is sent once no battery is online; then nothing: the inverters'
own time-outs act, and no stale value is repeated as if it were current."""


def policy(
    direction: Direction,
    config: GatewayConfig,
    lost: Sequence[BatteryState],
    now: float,
) -> LossPolicy | None:
    """Return the loss policy of this direction; None: no battery is lost.

    Charging stops at once: a battery that is not received may be full. (The block is
    delayed for batteries with habitual short gaps, see `gap.py`.) Discharging is only
    reduced during the grace period, so that an off-grid house does not go dark because
    of a loose plug; then the policy applies.
    """
    if not lost:
        return None
    if direction is Direction.CHARGE:
        return config.charge_loss_policy
    if now < grace_end(config, lost):
        return LossPolicy.REDUCE
    return config.discharge_loss_policy


def grace_end(config: GatewayConfig, lost: Sequence[BatteryState]) -> float:
    """Return the end of the discharge grace period, counted from the first loss."""
    since = min((b.lost_at for b in lost if b.lost_at is not None), default=0.0)
    return since + config.discharge_grace


def battery_loss(inputs: RuleInputs, limit: Limit) -> Limit:
    """Stop a direction while a battery is lost, if the loss policy says so.

    `Rule.LOSS`: 0 A, or the limit of a lost battery that still counts with its last
    limits (policy `reduce`).
    """
    lost = [battery.id for battery in inputs.context.lost]
    if inputs.is_lost:
        return stopped_by_loss(next(iter(lost), None))
    if limit.rule is Rule.BATTERY and limit.source in lost:
        return stopped_by_loss(limit.source, limit)
    return limit


def stopped_by_loss(source: str | None, limit: Limit | None = None) -> Limit:
    """Return 0 A, or a limit, as that of a lost battery (`source`: its id)."""
    limit = limit or Limit(amps=0.0)
    return replace(limit, rule=Rule.LOSS, source=source)
