"""What a lost battery means for the others."""

import pytest

from custom_components.bms_gateway.engine.config import GatewayConfig, LossPolicy
from custom_components.bms_gateway.engine.limits.loss.battery_loss import (
    grace_end,
    policy,
)
from custom_components.bms_gateway.engine.model import Direction

from ...states import lost, never_heard

CONFIG = GatewayConfig(
    name="Test",
    charge_loss_policy=LossPolicy.STOP,
    discharge_loss_policy=LossPolicy.BLOCK,
    discharge_grace=60.0,
)


@pytest.mark.parametrize("direction", Direction)
def test_nobody_lost(direction: Direction) -> None:
    """No loss, no policy."""
    assert policy(direction, CONFIG, [], 100.0) is None


def test_charging_by_the_policy_at_once() -> None:
    """A battery that is not heard may be full."""
    now = 100.0
    assert policy(Direction.CHARGE, CONFIG, [lost(at=now)], now) is LossPolicy.STOP


def test_discharging_after_a_grace() -> None:
    """A house off the grid does not go dark for a loose plug."""
    missing = [lost(at=100.0)]
    sent = [
        policy(Direction.DISCHARGE, CONFIG, missing, at) for at in (100, 159.9, 160)
    ]
    assert sent == [LossPolicy.REDUCE, LossPolicy.REDUCE, LossPolicy.BLOCK]
    assert grace_end(CONFIG, missing) == 160.0


def test_the_first_loss_counts() -> None:
    """A second battery that is lost later does not prolong the grace."""
    missing = [lost("b2", at=150.0), lost("b1", at=100.0)]
    assert grace_end(CONFIG, missing) == 160.0


def test_a_battery_that_never_spoke() -> None:
    """It is lost since it was missed."""
    assert policy(Direction.CHARGE, CONFIG, [never_heard()], 1.0) is LossPolicy.STOP
