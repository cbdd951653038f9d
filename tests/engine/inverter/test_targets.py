"""What each inverter may be told of the bank's verdict, and why."""

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
    sends_block,
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
VERDICT = BankLimits(
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


def _claims(*requests: AllocationRequest) -> AllocationRequests:
    """Return the same claims both ways."""
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


FREE = _claims(AllocationRequest(100, 100), AllocationRequest(100, 100))


def test_limits_are_cut_to_counts() -> None:
    """Never rounded up."""
    current = target(CONFIG, 0, VERDICT, FREE)
    assert current is not None
    assert current.telegram.charge_current_limit == 50.0
    assert current.telegram.charge_voltage_limit == 52.8


def test_counts_survive_binary_fractions() -> None:
    """52.8 V is 528 counts, 105.6 A are twice 52.8 A."""
    bank_limits = replace(
        VERDICT,
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
            _claims(
                AllocationRequest(100, 30, Rule.SETPOINT), AllocationRequest(100, 100)
            ),
            Rule.SETPOINT,
            30.0,
        ),
        (
            _claims(
                AllocationRequest(100, 100), AllocationRequest(100, 100, reserved=90.0)
            ),
            Rule.SHARING,
            50.0,
        ),
        (
            _claims(
                AllocationRequest(100, 100, ceiling=20.0), AllocationRequest(100, 100)
            ),
            Rule.SHARING,
            50.0,
        ),
    ],
)
def test_the_rule_that_binds(
    requests: AllocationRequests, rule: Rule, number: float
) -> None:
    """The bank's own, the inverter's, or that the others come first."""
    current = target(CONFIG, 0, VERDICT, requests)
    assert current is not None
    limit = current.limits[Direction.CHARGE]
    assert (limit.rule, limit.number) == (rule, number)


def test_whose_setpoint_or_lease_it_is() -> None:
    """The bank's as it is, the inverter's own with the inverter."""
    asked = Limit(amps=80.0, rule=Rule.TEMPORARY_LIMIT, source="Ann", number=80.0)
    bank_limits = replace(VERDICT, limits=dict.fromkeys(Direction, asked))
    reserved = _claims(
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
        replace(VERDICT, status=Status.STARTING),
        replace(VERDICT, status=Status.SILENT),
        replace(VERDICT, limits=None),
        replace(VERDICT, charge_voltage_limit=None),
        replace(VERDICT, bank=BankState(soc=50.0)),
        replace(VERDICT, bank=BankState(voltage=52.0)),
    ],
)
def test_nothing_to_tell(bank_limits: BankLimits) -> None:
    """Without what is required nothing is sent, least of all a 0 in its place."""
    assert not bank_limits.speaks
    assert target(CONFIG, 0, bank_limits, FREE) is None


class _Rash(BankLimits):
    """A verdict that says it can be told though it cannot."""

    @property
    @override
    def speaks(self) -> bool:
        return True


def test_unknown_never_becomes_a_number() -> None:
    """Even if somebody else made a mistake."""
    bank_limits = _Rash(status=Status.RUNNING, batteries={}, limits=VERDICT.limits)
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
def test_is_block(sent: Telegram | None, is_it: bool) -> None:
    """Only what forbids both directions."""
    assert sends_block(sent) is is_it


def test_an_inverter_that_may_take_nothing_is_given_no_current() -> None:
    """Without parts or weights the current is split evenly."""
    current = target(
        CONFIG, 1, VERDICT, _claims(AllocationRequest(0, 0), AllocationRequest(0, 0))
    )
    assert current is not None
    assert current.telegram.current == 15.0
