"""Inverter targets: what each inverter may be sent of the bank limits, and why."""

from collections.abc import Sequence
from dataclasses import replace
from typing import override

import pytest

from custom_components.bms_gateway.engine.config import GatewayConfig
from custom_components.bms_gateway.engine.inverter.allocation import (
    Allocation,
    AllocationRequest,
    AllocationRequests,
)
from custom_components.bms_gateway.engine.inverter.targets import (
    InverterTarget,
    is_block,
    target_for,
)
from custom_components.bms_gateway.engine.limits.bank_limits import BankLimits
from custom_components.bms_gateway.engine.model import (
    BankState,
    Direction,
    Limit,
    Rule,
    Status,
    Telegram,
)

from ..plant import inverter
from ..telegrams import HEALTHY

CONFIG = GatewayConfig(name="Test", inverters=(inverter("i1"), inverter("i2")))
BANK_LIMITS = BankLimits(
    status=Status.RUNNING,
    batteries={},
    bank=BankState(soc=50.0, voltage=52.0, current=30.0),
    limits=dict.fromkeys(
        Direction,
        Limit(amps=100.06, rule=Rule.BATTERY, source="b1", number=50.0),
    ),
    enabled=frozenset(Direction),
    charge_voltage_limit=52.89,
    discharge_voltage_limit=46.0,
)


def _requests(*requests: AllocationRequest) -> AllocationRequests:
    """Return the same requests both ways."""
    both: Sequence[AllocationRequest] = requests
    return dict.fromkeys(Direction, both)


def target(
    config: GatewayConfig,
    index: int,
    bank_limits: BankLimits,
    requests: AllocationRequests,
) -> InverterTarget | None:
    """Return the target of one inverter, of limits that are shared by these requests."""
    limits = bank_limits.limits or dict.fromkeys(Direction, Limit(amps=0.0))
    return target_for(config, index, bank_limits, Allocation.of(limits, requests))


FREE = _requests(AllocationRequest(100, 100), AllocationRequest(100, 100))


def test_limits_are_rounded_down_to_steps() -> None:
    """Never up."""
    current = target(CONFIG, 0, BANK_LIMITS, FREE)
    assert current is not None
    assert current.telegram.charge_current_limit == 50.0
    assert current.telegram.charge_voltage_limit == 52.8


def test_rounding_survives_binary_fractions() -> None:
    """52.8 V is 528 steps, 105.6 A is twice 52.8 A."""
    bank_limits = replace(
        BANK_LIMITS,
        limits=dict.fromkeys(Direction, Limit(amps=105.6)),
        charge_voltage_limit=52.8,
    )
    current = target(CONFIG, 0, bank_limits, FREE)
    assert current is not None
    assert current.telegram.charge_current_limit == 52.8
    assert current.telegram.charge_voltage_limit == 52.8


@pytest.mark.parametrize(
    ("requests", "rule", "number"),
    [
        (FREE, Rule.BATTERY, 50.0),
        (
            _requests(
                AllocationRequest(100, 30, Rule.SETPOINT), AllocationRequest(100, 100)
            ),
            Rule.SETPOINT,
            30.0,
        ),
        (
            _requests(
                AllocationRequest(100, 100), AllocationRequest(100, 100, reserved=90.0)
            ),
            Rule.SHARING,
            50.0,
        ),
        (
            _requests(
                AllocationRequest(100, 100, ceiling=20.0), AllocationRequest(100, 100)
            ),
            Rule.SHARING,
            50.0,
        ),
    ],
)
def test_target_names_the_rule_that_binds(
    requests: AllocationRequests, rule: Rule, number: float
) -> None:
    """The bank's, the inverter's own, or that the others come first."""
    current = target(CONFIG, 0, BANK_LIMITS, requests)
    assert current is not None
    limit = current.limits[Direction.CHARGE]
    assert (limit.rule, limit.number) == (rule, number)


def test_target_names_whose_setpoint_or_temporary_limit_binds() -> None:
    """The bank's unchanged, the inverter's own with its id."""
    asked = Limit(amps=80.0, rule=Rule.TEMPORARY_LIMIT, source="Ann", number=80.0)
    bank_limits = replace(BANK_LIMITS, limits=dict.fromkeys(Direction, asked))
    reserved = _requests(
        AllocationRequest(100, 20, Rule.SETPOINT, "charge_current"),
        AllocationRequest(100, 100),
        AllocationRequest(100, 30),
    )
    three = replace(CONFIG, inverters=(*CONFIG.inverters, inverter("i3")))
    first, second = (target(three, index, bank_limits, reserved) for index in (0, 1))
    assert first is not None
    assert second is not None
    assert first.limits[Direction.CHARGE] == Limit(
        amps=20.0,
        rule=Rule.SETPOINT,
        source="charge_current",
        device="i1",
        number=20.0,
    )
    assert second.limits[Direction.CHARGE] == replace(asked, amps=30.0)


@pytest.mark.parametrize(
    "bank_limits",
    [
        replace(BANK_LIMITS, status=Status.STARTING),
        replace(BANK_LIMITS, status=Status.SILENT),
        replace(BANK_LIMITS, limits=None),
        replace(BANK_LIMITS, charge_voltage_limit=None),
        replace(BANK_LIMITS, bank=BankState(soc=50.0)),
        replace(BANK_LIMITS, bank=BankState(voltage=52.0)),
    ],
)
def test_no_target_without_required_values(bank_limits: BankLimits) -> None:
    """Nothing is sent then, least of all a 0 instead."""
    assert not bank_limits.may_be_sent
    assert target(CONFIG, 0, bank_limits, FREE) is None


class InconsistentLimits(BankLimits):
    """Limits that claim to be complete although they are not."""

    @property
    @override
    def may_be_sent(self) -> bool:
        return True


def test_unknown_value_raises_an_error() -> None:
    """Even if `may_be_sent` is wrong, it never becomes a number."""
    bank_limits = InconsistentLimits(
        status=Status.RUNNING, batteries={}, limits=BANK_LIMITS.limits
    )
    with pytest.raises(ValueError, match="unknown"):
        target(CONFIG, 0, bank_limits, FREE)


@pytest.mark.parametrize(
    ("sent", "is_it"),
    [
        (None, False),
        (HEALTHY, False),
        (replace(HEALTHY, charge_current_limit=0.0), False),
        (
            replace(HEALTHY, charge_current_limit=0.0, discharge_current_limit=0.0),
            True,
        ),
    ],
)
def test_block_forbids_both_directions(sent: Telegram | None, is_it: bool) -> None:
    """And nothing less is one."""
    assert is_block(sent) is is_it


def test_current_is_split_evenly_without_targets_or_weights() -> None:
    """No inverter may take anything then."""
    current = target(
        CONFIG,
        1,
        BANK_LIMITS,
        _requests(AllocationRequest(0, 0), AllocationRequest(0, 0)),
    )
    assert current is not None
    assert current.telegram.current == 15.0
