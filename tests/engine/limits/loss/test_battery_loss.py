"""The effect of a lost battery on the bank limits."""

import pytest

from custom_components.bms_gateway.engine.config import GatewayConfig, LossPolicy
from custom_components.bms_gateway.engine.limits.loss.battery_loss import (
    grace_end,
    policy,
)
from custom_components.bms_gateway.engine.model import Direction

from ...states import lost, never_reported

CONFIG = GatewayConfig(
    name="Test",
    charge_loss_policy=LossPolicy.STOP,
    discharge_loss_policy=LossPolicy.BLOCK,
    discharge_grace=60.0,
)


@pytest.mark.parametrize("direction", Direction)
def test_no_policy_without_a_loss(direction: Direction) -> None:
    """All batteries are online."""
    assert policy(direction, CONFIG, [], 100.0) is None


def test_policy_applies_to_charging_at_once() -> None:
    """A battery that is not received may be full."""
    now = 100.0
    assert policy(Direction.CHARGE, CONFIG, [lost(at=now)], now) is LossPolicy.STOP


def test_policy_applies_to_discharging_after_the_grace_period() -> None:
    """An off-grid house does not go dark because of a loose plug."""
    missing = [lost(at=100.0)]
    sent = [
        policy(Direction.DISCHARGE, CONFIG, missing, at) for at in (100, 159.9, 160)
    ]
    assert sent == [LossPolicy.REDUCE, LossPolicy.REDUCE, LossPolicy.BLOCK]
    assert grace_end(CONFIG, missing) == 160.0


def test_grace_period_starts_with_the_first_loss() -> None:
    """A second battery lost later does not prolong it."""
    missing = [lost("b2", at=150.0), lost("b1", at=100.0)]
    assert grace_end(CONFIG, missing) == 160.0


def test_battery_that_never_reported_is_lost_since_it_was_missed() -> None:
    """Nothing earlier is known of it."""
    assert policy(Direction.CHARGE, CONFIG, [never_reported()], 1.0) is LossPolicy.STOP
