"""What a lost battery means for the others: the loss policy, per direction."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from ...config import GatewayConfig, LossPolicy
from ...model import BatteryState, Direction, Limit, Rule
from ..rule_inputs import RuleInputs

BLOCK_BEFORE_SILENCE: Final = 5.0
"""Seconds for which the inverters are told 0 A once no battery is online; then
nothing: their own time-outs act, and no old value is repeated as if it were news."""


def policy(
    direction: Direction,
    config: GatewayConfig,
    lost: Sequence[BatteryState],
    now: float,
) -> LossPolicy | None:
    """Return what holds in this direction while batteries are lost; None: nothing.

    Charging stops at once: a battery that is not heard may be full. (Where a block waits
    for a moment, because short gaps are a habit of it, see `gaps.py`.) Discharging is
    only reduced for a grace, so that a house off the grid does not go dark for a loose
    plug; then the policy holds.
    """
    if not lost:
        return None
    if direction is Direction.CHARGE:
        return config.charge_loss_policy
    if now < grace_end(config, lost):
        return LossPolicy.REDUCE
    return config.discharge_loss_policy


def grace_end(config: GatewayConfig, lost: Sequence[BatteryState]) -> float:
    """Return until when the loss only reduces discharging: since the first loss."""
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
