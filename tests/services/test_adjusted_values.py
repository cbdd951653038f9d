"""Values outside the rating, below 0 or with noise: adjusted, and reported."""

from typing import Any

import pytest

from ..bench import Bench
from .calls import limit, ready, temporary_limits


async def test_minus_zero_is_zero(bench: Bench) -> None:
    """A limit of -0 A would look odd."""
    await ready(bench)
    await limit(bench, charge_current=-0.0, discharge_power="-0")
    charge, discharge = temporary_limits(bench)
    assert (str(charge.amps), str(discharge.watts)) == ("0.0", "0.0")


@pytest.mark.parametrize(
    ("target", "asked", "taken"),
    [
        # A program passes its forecast minus its load, whatever the result
        ("gw", {"charge_current": 50.1}, 50.0),
        ("gw", {"discharge_current": 1e308}, 50.0),
        ("i1", {"charge_current": 25.1}, 25.0),
        ("gw", {"charge_power": 3001}, 3000.0),
        ("i1", {"discharge_power": 6000}, 1500.0),
        ("gw", {"discharge_current": -0.4}, 0.0),
        ("gw", {"charge_current": -1}, 0.0),
        ("i1", {"charge_current": -0.9999}, 0.0),
        ("gw", {"discharge_power": -60}, 0.0),
        ("i1", {"charge_power": "-3.5"}, 0.0),
    ],
)
async def test_adjusted_value_is_applied_and_reported(
    bench: Bench, target: str, asked: dict[str, Any], taken: float
) -> None:
    """It replaces the older limit, which would stay otherwise."""
    await ready(bench)
    [(field, value)] = asked.items()
    await limit(bench, target, owner="EMS", **{field: 5.0})
    answer = await limit(bench, target, owner="EMS", **asked)
    adjusted = {"field": field, "requested": float(value), "set": taken}
    assert answer["adjusted"] == [adjusted]
    [temporary_limit] = temporary_limits(bench)
    assert taken in {temporary_limit.amps, temporary_limit.watts}
    [temporary_limit] = answer["temporary_limits"]
    assert taken in {temporary_limit.get("current"), temporary_limit.get("power")}


async def test_response_lists_only_adjusted_values(bench: Bench) -> None:
    """Not the rating itself, nor 0, nor float noise."""
    await ready(bench)
    answer = await limit(bench, charge_current=50, discharge_power=-0.0)
    assert "adjusted" not in answer
    answer = await limit(
        bench, charge_current=66.60000000000001, discharge_current=0.1 + 0.2
    )
    assert answer["adjusted"] == [
        {"field": "charge_current", "requested": 66.6, "set": 50.0}
    ]
    assert {each.get("current") for each in answer["temporary_limits"]} == {50.0, 0.3}
    answer = await limit(bench, "i1", charge_power=66.60000000000001)
    assert answer["temporary_limits"][0]["power"] == 66.6
    assert "adjusted" not in answer
