"""Owners of temporary limits: their names, how many there may be, how they are shown."""

import json
from unittest.mock import PropertyMock, patch

import pytest
from pytest_homeassistant_custom_component.common import MockUser

from custom_components.bms_gateway.engine.gateway import Gateway
from custom_components.bms_gateway.engine.model import Direction
from custom_components.bms_gateway.engine.temporary_limits import MOST_OWNERS
from homeassistant.components.recorder.db_schema import StateAttributes
from homeassistant.const import EVENT_STATE_CHANGED
from homeassistant.core import Context, Event, EventStateChangedData, HomeAssistant
from homeassistant.exceptions import ServiceValidationError

from ..bench import Bench
from .calls import call, clear, limit, ready, temporary_limits


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        (" Ann ", "Ann"),
        ("x" * 150, "x" * 100),
        ("y" * 99 + "  z", "y" * 99),
        (None, "automation"),
        ("  ", "automation"),
        ("a\nb", "automation"),
    ],
)
async def test_user_with_an_odd_name_needs_no_owner(
    hass: HomeAssistant, bench: Bench, name: str | None, owner: str
) -> None:
    """A limit must not fail for a user's name."""
    await ready(bench)
    user = MockUser(name=name, is_owner=True).add_to_hass(hass)
    await call(
        bench, "limit_current", "gw", Context(user_id=user.id), charge_current=30
    )
    assert [temporary_limit.owner for temporary_limit in temporary_limits(bench)] == [
        owner
    ]


async def test_each_owner_has_one_limit_and_the_lowest_holds(
    hass: HomeAssistant, bench: Bench
) -> None:
    """A user is the owner by default."""
    await ready(bench)
    await bench.online("b1")
    user = MockUser(name="Ann", is_owner=True).add_to_hass(hass)
    ann = Context(user_id=user.id)
    await call(bench, "limit_current", "gw", ann, charge_current=30)
    await limit(bench, charge_current=40)
    await limit(bench, charge_current=20, owner=" Tariff ")
    await limit(bench, charge_current=25, owner="Tariff")
    owners = {
        temporary_limit.owner: temporary_limit.amps
        for temporary_limit in temporary_limits(bench)
    }
    assert owners == {"Ann": 30.0, "Tariff": 25.0, "automation": 40.0}
    reason = await bench.shows("sensor", "gw_charge_limited_by", "temporary_limit")
    assert reason.attributes["source"] == "Tariff"
    assert reason.attributes["device_id"] == bench.device_id("gw")
    assert reason.attributes["number"] == 25.0
    assert {each["owner"] for each in reason.attributes["temporary_limits"]} == set(
        owners
    )
    answer = await clear(bench, owner=" Tariff ")
    assert [each["owner"] for each in answer["temporary_limits"]] == [
        "Ann",
        "automation",
    ]
    await bench.until(
        lambda: (
            len(
                bench.state("sensor", "gw_charge_limited_by").attributes[
                    "temporary_limits"
                ]
            )
            == 2
        )
    )


async def test_too_many_owners_are_rejected(bench: Bench) -> None:
    """Nothing of the call is applied; existing owners may change their limits."""
    await ready(bench)
    for n in range(MOST_OWNERS):
        await limit(bench, charge_current=20, owner=f"o{n}", duration=60 + n)
    before = temporary_limits(bench)
    with pytest.raises(ServiceValidationError) as refused:
        await limit(bench, discharge_current=5, charge_current=5, owner="new")
    assert refused.value.translation_key == "too_many_owners"
    assert "16" in str(refused.value)
    assert temporary_limits(bench) == before
    await limit(bench, discharge_current=5, owner="new")
    await limit(bench, "i1", charge_current=5, owner="new")
    await limit(bench, charge_current=3, owner="o7")
    # The engine ends one at its exact time, before it has left the store
    ended = bench.runtime.gateway.now + 60.5
    with patch.object(Gateway, "now", PropertyMock(return_value=ended)):
        await limit(bench, charge_current=5, owner="new")
    owners = {
        e.owner for e in temporary_limits(bench) if e.place == (None, Direction.CHARGE)
    }
    assert owners == {"new", *(f"o{n}" for n in range(1, MOST_OWNERS))}


@pytest.mark.parametrize("letter", ["x", "é", "電", "\U0001f50b", '"', "\\"])
async def test_list_of_owners_fits_the_recorder(bench: Bench, letter: str) -> None:
    """With the longest names, in any script, next to all other attributes."""
    name = letter * 98
    bench.battery("b1", title=f"My {name}")
    await bench.inverter("i1", title=f"Your {name}").start()
    await bench.online("b1")
    for n in range(MOST_OWNERS):
        for target in "gw", "i1":
            for amount in (
                {"charge_current": 49.87654321, "discharge_current": 49.98765432},
                {"charge_power": 2345.654321},
            ):
                data = amount | {"owner": f"{n:02}{name}", "duration": {"days": 300}}
                await limit(bench, target, **data)
    # All of that took time in which nothing was received
    await bench.online("b1")
    for device_id in "gw", "i1":
        for way in "charge", "discharge":
            unique_id = f"{device_id}_{way}_limited_by"
            await bench.shows("sensor", unique_id, "temporary_limit")
            attributes = dict(bench.state("sensor", unique_id).attributes)
            shown = len(attributes["temporary_limits"]) + attributes.get(
                "more_temporary_limits", 0
            )
            assert shown == MOST_OWNERS
            assert ("more_temporary_limits" in attributes) is not letter.isascii()
    for state in bench.hass.states.async_all():
        assert len(json.dumps(dict(state.attributes), default=str)) < 16_384
        changed = EventStateChangedData(
            entity_id=state.entity_id, old_state=None, new_state=state
        )
        event = Event(EVENT_STATE_CHANGED, changed)
        assert StateAttributes.shared_attrs_bytes_from_event(event, None) != b"{}"
