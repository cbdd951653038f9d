"""The lists of rules: each rule only lowers, each member of `Rule` has one producer."""

from collections.abc import Callable
from pathlib import Path
import runpy
from typing import Any, Final

from hypothesis import given, strategies as st
import pytest

from custom_components.bms_gateway.engine.config import GatewayConfig, LossPolicy
from custom_components.bms_gateway.engine.inverter.rules import (
    INVERTER_RULES,
    InverterInputs,
)
from custom_components.bms_gateway.engine.limits import pipeline
from custom_components.bms_gateway.engine.limits.context import Context
from custom_components.bms_gateway.engine.limits.pipeline import BANK_RULES, Pipeline
from custom_components.bms_gateway.engine.limits.rule_inputs import (
    RuleInputs,
    apply_rules,
)
from custom_components.bms_gateway.engine.model import (
    BatteryState,
    BatteryStatus,
    Direction,
    Limit,
    Readings,
    Rule,
)
from custom_components.bms_gateway.engine.setpoints import RequestedLimit

from ..plant import inverter

ROOT: Final = Path(__file__).parents[3]
MAP: Final[dict[str, Any]] = runpy.run_path(str(ROOT / "scripts/lib/rule_map.py"))

amps = st.floats(0.0, 300.0)


@pytest.mark.parametrize("rule", sorted(set(Rule) - {Rule.NONE}))
def test_each_member_of_rule_is_made_by_one_function(rule: Rule) -> None:
    """So that a reader who sees it finds the one reason for it."""
    assert len(MAP["producers"]()[rule.name]) == 1


def test_each_member_of_rule_is_named_by_the_rule_that_applies_it() -> None:
    """In the docstrings of the two lists, and no other member is."""
    named = {
        member
        for rule in (*BANK_RULES, *INVERTER_RULES)
        for member in MAP["members"](rule)
    }
    assert named == {rule.name for rule in Rule} - {"NONE"}


def test_tables_of_rules_are_up_to_date() -> None:
    """If not: run scripts/docs."""
    page = MAP["PAGE"].read_text(encoding="utf-8")
    assert MAP["render"]() in page


def watched(
    rule: Callable[[RuleInputs, Limit], Limit],
) -> Callable[[RuleInputs, Limit], Limit]:
    """Return a rule that fails the test where it raises a limit."""

    def lower(inputs: RuleInputs, limit: Limit) -> Limit:
        lowered = rule(inputs, limit)
        assert 0.0 <= lowered.amps <= limit.amps, rule.__name__
        return lowered

    return lower


@st.composite
def batteries(draw: st.DrawFn, now: float, key: str) -> BatteryState:
    """Return a battery in any state: unequal, full, over its limit, or lost."""
    readings = Readings(
        charge_current_limit=draw(amps),
        discharge_current_limit=draw(amps),
        charge_voltage_limit=draw(st.floats(50.0, 58.0)),
        current=draw(st.none() | st.floats(-300.0, 300.0)),
        voltage=52.0,
        soc=50.0,
        charge_enabled=draw(st.booleans()),
    )
    battery_status = draw(
        st.sampled_from(
            [BatteryStatus.ONLINE, BatteryStatus.ONLINE, BatteryStatus.LOST]
        )
    )
    return BatteryState(
        id=key,
        status=battery_status,
        capacity_ah=draw(st.sampled_from([50.0, 100.0, 300.0])),
        readings=readings if battery_status is BatteryStatus.ONLINE else Readings(),
        last=readings,
        current_at=now,
        lost_at=None if battery_status is BatteryStatus.ONLINE else now - 5.0,
    )


@given(data=st.data())
def test_no_bank_rule_raises_a_limit(data: st.DataObject) -> None:
    """Each by itself, whatever the batteries report and whatever flows."""
    config = GatewayConfig(
        name="Test",
        inverters=(inverter("i1", 100.0),),
        total_charge=data.draw(st.none() | amps),
    )
    limits, now = Pipeline(), 1000.0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "BANK_RULES", tuple(watched(r) for r in BANK_RULES))
        for _ in range(data.draw(st.integers(1, 8))):
            now += data.draw(st.sampled_from([0.5, 3.0, 40.0]))
            all_ = [data.draw(batteries(now, key)) for key in ("b1", "b2", "b3")]
            online = tuple(b for b in all_ if b.status is BatteryStatus.ONLINE)
            lost = tuple(b for b in all_ if b.status is BatteryStatus.LOST)
            if not online:
                continue
            policy = data.draw(st.sampled_from(LossPolicy)) if lost else None
            context = Context(
                now,
                online,
                lost,
                dict.fromkeys(Direction, policy),
                {b.id: now + 5.0 for b in lost if data.draw(st.booleans())},
            )
            sent = {d: data.draw(amps) for d in Direction}
            beyond = {d: data.draw(amps) for d in Direction}
            limits.observe(context, config, sent, beyond)
            for direction in Direction:
                limits.evaluate(
                    direction,
                    context,
                    config,
                    over_voltage=data.draw(st.sampled_from([None, *online])),
                    requested=data.draw(
                        st.none() | st.builds(RequestedLimit, amps, st.just(Rule.NONE))
                    ),
                )


@given(
    bank=amps,
    limit=amps,
    requested=st.none() | st.builds(RequestedLimit, amps, st.just(Rule.SETPOINT)),
    in_service=st.booleans(),
)
def test_no_own_rule_of_an_inverter_raises_a_limit(
    bank: float, limit: float, requested: RequestedLimit | None, in_service: bool
) -> None:
    """Rating, setpoints and service; the shares are held by test_allocation.py."""
    for direction in Direction:
        inputs = InverterInputs(
            config=inverter("i1", 100.0),
            direction=direction,
            requested=requested,
            in_service=in_service,
            bank=Limit(amps=bank),
        )
        before = Limit(amps=limit)
        for rule in INVERTER_RULES:
            lowered = rule(inputs, before)
            assert 0.0 <= lowered.amps <= before.amps
            before = lowered


def test_a_rule_that_would_raise_a_limit_is_ignored() -> None:
    """A defect in one rule must not undo the others."""

    def raises(_inputs: RuleInputs, limit: Limit) -> Limit:
        return Limit(amps=limit.amps + 1.0)

    inputs: Any = None
    assert apply_rules((raises,), inputs, Limit(amps=7.0)) == Limit(amps=7.0)
