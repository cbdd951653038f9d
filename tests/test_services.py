"""The actions: temporary limits, and every rejection."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
import json
import math
from pathlib import Path
from typing import Any
from unittest.mock import PropertyMock, patch

import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    MockUser,
    async_capture_events,
)
import voluptuous as vol

from custom_components.bms_gateway.can_log.services import RECORD_SCHEMA
from custom_components.bms_gateway.const import DOMAIN
from custom_components.bms_gateway.engine.gateway import Gateway
from custom_components.bms_gateway.engine.model import Direction
from custom_components.bms_gateway.engine.setpoints import Setpoints
from custom_components.bms_gateway.engine.temporary_limits import (
    MOST_OWNERS,
    TemporaryLimit,
)
from custom_components.bms_gateway.services import CLEAR_SCHEMA, LIMIT_SCHEMA
from custom_components.bms_gateway.setpoints.limit_list import shown_temporary_limits
from homeassistant.components.recorder.db_schema import StateAttributes
from homeassistant.const import EVENT_STATE_CHANGED
from homeassistant.core import Context, Event, EventStateChangedData, HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from homeassistant.util.yaml import load_yaml_dict

from .bench import Bench

KEY = f"{DOMAIN}.gw.setpoints"
FOLDER = Path(__file__).parent.parent / "custom_components" / DOMAIN


def device(bench: Bench, identifier: str) -> str:
    """Return the device id of a gateway, battery or inverter."""
    return dr.async_get_device_id_by_identifier(
        bench.hass, (DOMAIN, identifier), config_entry_id="gw"
    )


async def call(
    bench: Bench, action: str, target: str, context: Context | None = None, **data: Any
) -> dict[str, Any]:
    """Call an action for a device, and return its response."""
    answer = await bench.hass.services.async_call(
        DOMAIN,
        action,
        {"device_id": device(bench, target), **data},
        blocking=True,
        return_response=True,
        context=context,
    )
    assert isinstance(answer, dict)
    return dict(answer)


async def limit(bench: Bench, target: str = "gw", **data: Any) -> dict[str, Any]:
    """Limit a current."""
    return await call(bench, "limit_current", target, **data)


async def clear(bench: Bench, target: str = "gw", **data: Any) -> dict[str, Any]:
    """Clear limits."""
    return await call(bench, "clear_limit", target, **data)


def temporary_limits(bench: Bench) -> list[TemporaryLimit]:
    """Return the active temporary limits."""
    return list(bench.runtime.setpoint_manager.setpoints.temporary_limits)


async def ready(bench: Bench) -> None:
    """Start a gateway for 50 A with a battery and two inverters of 25 A."""
    bench.battery("b1")
    for inverter in "i1", "i2":
        bench.inverter(inverter, rated_charge=25.0, rated_discharge=25.0)
    await bench.start()


async def at_work(bench: Bench, **reports: Any) -> None:
    """Start it, and wait until both inverters are sent the battery's limit."""
    await ready(bench)
    await bench.online("b1", **reports)
    for inverter in "i1", "i2":
        await bench.receives(inverter, 25.0, 25.0)


async def later(bench: Bench, seconds: float) -> None:
    """Advance the time in one step, also for timers that were set long ago."""
    bench.ahead += seconds
    await bench.tick(bench.ahead)


SCHEMAS: dict[str, Any] = {
    "limit_current": LIMIT_SCHEMA,
    "clear_limit": CLEAR_SCHEMA,
    "record_traffic": RECORD_SCHEMA,
}


@pytest.mark.parametrize(("action", "schema"), SCHEMAS.items())
def test_every_field_is_described(action: str, schema: Any) -> None:
    """In the form that Home Assistant shows, and in both languages."""
    fields = {str(key): isinstance(key, vol.Required) for key in schema.schema}
    form = load_yaml_dict(str(FOLDER / "services.yaml"))
    assert set(form) == set(SCHEMAS)
    shown = form[action]["fields"]
    assert {key: each.get("required", False) for key, each in shown.items()} == fields
    assert all(each["selector"] for each in shown.values())
    for language in "en", "de":
        path = FOLDER / f"translations/{language}.json"
        texts = json.loads(path.read_text("utf-8"))["services"]
        assert set(texts) == set(form)
        assert set(texts[action]["fields"]) == set(fields)
        for each in (texts[action], *texts[action]["fields"].values()):
            assert each["name"] and each["description"]
    icons = json.loads((FOLDER / "icons.json").read_text("utf-8"))["services"]
    assert set(icons) == set(form)


async def test_form_offers_devices_that_can_be_limited(bench: Bench) -> None:
    """The gateway and its inverters, but no battery."""
    await bench.battery("b1").inverter("i1").start()
    await bench.online("b1")
    form = load_yaml_dict(str(FOLDER / "services.yaml"))
    for action in "limit_current", "clear_limit":
        offered = form[action]["fields"]["device_id"]["selector"]["device"]["filter"]
        models = {row["model"] for row in offered}
        known_devices = dr.async_entries_for_config_entry(
            dr.async_get(bench.hass), "gw"
        )
        found = {
            identifier
            for known in known_devices
            if known.model in models
            for _, identifier in known.identifiers
        }
        assert found == {"gw", "i1"}


async def test_actions_exist_without_a_gateway(hass: HomeAssistant) -> None:
    """So that automations can be validated while none runs."""
    assert await async_setup_component(hass, DOMAIN, {})
    for action in "limit_current", "clear_limit":
        assert hass.services.has_service(DOMAIN, action)


async def live(bench: Bench, seconds: int) -> None:
    """Advance the time while the battery sends; rising limits ramp up."""
    for _ in range(seconds // 2):
        await bench.move(2)
        await bench.send_telegrams("b1")


async def test_limit_applies_at_once_and_ends_by_itself(bench: Bench) -> None:
    """After an hour by default."""
    await at_work(bench)
    answer = await limit(bench, charge_current=20.0)
    await bench.receives("i1", 10.0, 25.0)
    await bench.receives("i2", 10.0, 25.0)
    [temporary_limit] = answer["temporary_limits"]
    end = dt_util.parse_datetime(temporary_limit["ends_at"])
    assert end is not None
    assert abs(end - dt_util.utcnow() - timedelta(hours=1)) < timedelta(seconds=5)
    assert temporary_limit == {
        "direction": "charge",
        "owner": "automation",
        "current": 20.0,
        "ends_at": temporary_limit["ends_at"],
    }
    await later(bench, 3500)
    await live(bench, 40)
    await bench.receives("i1", 10.0, 25.0)
    assert len(temporary_limits(bench)) == 1
    await later(bench, 61)
    assert temporary_limits(bench) == []
    await live(bench, 24)
    await bench.receives("i1", 25.0, 25.0)


async def test_limit_of_one_inverter_leaves_the_rest_to_the_others(
    bench: Bench,
) -> None:
    """It alone is sent less; the others take the rest."""
    await ready(bench)
    await bench.online("b1", ccl=40.0)
    await bench.receives("i1", 20.0, 25.0)
    await limit(bench, "i1", charge_current=10.0, discharge_current=0.0)
    await bench.receives("i1", 10.0, 0.0)
    reason = await bench.shows("sensor", "i1_discharge_limited_by", "temporary_limit")
    assert reason.attributes["source"] == "automation"
    assert reason.attributes["device_id"] == bench.device_id("i1")


async def test_limit_in_watts_uses_the_present_voltage(bench: Bench) -> None:
    """Converted again with each telegram, rounding down."""
    await at_work(bench, voltage=50.0)
    await limit(bench, charge_power=1000, discharge_power=503)
    await bench.receives("i1", 10.0, 5.0)
    await bench.send_telegrams("b1", voltage=55.0)
    await bench.receives("i1", 9.0, 4.5)
    [charge, discharge] = temporary_limits(bench)
    assert (charge.watts, discharge.watts) == (1000.0, 503.0)


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


async def test_minus_zero_is_zero(bench: Bench) -> None:
    """A limit of -0 A would look odd."""
    await ready(bench)
    await limit(bench, charge_current=-0.0, discharge_power="-0")
    charge, discharge = temporary_limits(bench)
    assert (str(charge.amps), str(discharge.watts)) == ("0.0", "0.0")


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


async def test_repeated_call_renews_the_limit(bench: Bench) -> None:
    """The same owner's limit starts anew; a shorter one ends it earlier."""
    await ready(bench)
    await limit(bench, charge_current=20, duration={"minutes": 10})
    await later(bench, 300)
    await limit(bench, charge_current=20, duration={"minutes": 10})
    await later(bench, 400)
    assert len(temporary_limits(bench)) == 1
    await limit(bench, charge_current=20, duration=5)
    await later(bench, 6)
    assert temporary_limits(bench) == []


async def test_unlimited_duration_lasts_until_cleared(bench: Bench) -> None:
    """Only when requested; then it is shown without an end."""
    await ready(bench)
    answer = await limit(bench, charge_current=20, until_cleared=True)
    assert answer["temporary_limits"][0]["ends_at"] is None
    await later(bench, 90_000)
    assert len(temporary_limits(bench)) == 1
    assert (await clear(bench))["temporary_limits"] == []


async def test_clear_one_direction_of_one_device(bench: Bench) -> None:
    """Everything else stays."""
    await ready(bench)
    for target in "gw", "i1":
        await limit(bench, target, charge_current=20, discharge_current=15)
    await clear(bench, "i1", direction="charge")
    assert {
        (temporary_limit.device_id, temporary_limit.direction)
        for temporary_limit in temporary_limits(bench)
    } == {
        (None, Direction.CHARGE),
        (None, Direction.DISCHARGE),
        ("i1", Direction.DISCHARGE),
    }
    await clear(bench)
    assert [
        temporary_limit.device_id for temporary_limit in temporary_limits(bench)
    ] == ["i1"]


@pytest.mark.parametrize(
    ("target", "data", "key"),
    [
        ("gw", {}, "no_limit_given"),
        ("gw", {"duration": 60, "owner": "me"}, "no_limit_given"),
        ("gw", {"charge_current": 5, "charge_power": 5}, "current_and_power"),
        ("i1", {"discharge_current": 5, "discharge_power": 5}, "current_and_power"),
        ("gw", {"charge_current": math.nan}, "limit_not_finite"),
        ("gw", {"charge_power": math.nan}, "limit_not_finite"),
        ("gw", {"discharge_current": math.inf}, "limit_not_finite"),
        ("gw", {"discharge_power": -math.inf}, "limit_not_finite"),
        # A wrong sign must not become 0 A: the house would be dark
        ("gw", {"discharge_current": -1.1}, "limit_negative"),
        ("i1", {"charge_current": -20}, "limit_negative"),
        ("gw", {"discharge_power": -60.1}, "limit_negative"),
        ("i1", {"charge_power": -3000}, "limit_negative"),
        # A valid direction is not applied if the other is invalid
        ("gw", {"charge_current": 5, "discharge_current": -5}, "limit_negative"),
        ("gw", {"charge_current": -5, "discharge_current": 5}, "limit_negative"),
        ("gw", {"charge_current": 60, "discharge_power": -99}, "limit_negative"),
        ("gw", {"charge_current": 5, "duration": 0}, "bad_duration"),
        ("gw", {"charge_current": 5, "duration": -60}, "bad_duration"),
        ("gw", {"charge_current": 5, "duration": {"days": 366}}, "bad_duration"),
        (
            "gw",
            {"charge_current": 5, "duration": 60, "until_cleared": True},
            "duration_until_cleared",
        ),
        ("gw", {"charge_current": 5, "owner": ""}, "bad_owner"),
        ("gw", {"charge_current": 5, "owner": "  "}, "bad_owner"),
        ("gw", {"charge_current": 5, "owner": "x" * 101}, "bad_owner"),
        ("gw", {"charge_current": 5, "owner": "a\0"}, "bad_owner"),
        ("gw", {"charge_current": 5, "owner": "a\nb"}, "bad_owner"),
        ("gw", {"charge_current": 5, "owner": "a\u2028b"}, "bad_owner"),
        ("gw", {"charge_current": 5, "owner": "a\ud83d"}, "bad_owner"),
        ("gw", {"charge_current": 5, "owner": "\ud83d\udd0b"}, "bad_owner"),
        # Characters that reverse the text, or are invisible
        ("gw", {"charge_current": 5, "owner": "a\u202eb"}, "bad_owner"),
        ("gw", {"charge_current": 5, "owner": "a\u2066b"}, "bad_owner"),
        ("gw", {"charge_current": 5, "owner": "a\u200bb"}, "bad_owner"),
        ("gw", {"charge_current": 5, "owner": "\u200d"}, "bad_owner"),
        ("b1", {"charge_current": 5}, "no_gateway_or_inverter"),
    ],
)
async def test_invalid_call_is_rejected(
    bench: Bench,
    hass_storage: dict[str, Any],
    target: str,
    data: Mapping[str, Any],
    key: str,
) -> None:
    """With its own reason, and nothing changes: not in the store, nor on the wire."""
    await at_work(bench)
    await limit(bench, charge_current=20, owner="Bob", until_cleared=True)
    await bench.receives("i1", 10.0, 25.0)
    await bench.receives("i2", 10.0, 25.0)
    await bench.move(2)
    stored, before = (
        json.dumps(hass_storage[KEY]),
        bench.runtime.setpoint_manager.setpoints,
    )
    with pytest.raises(ServiceValidationError) as refused:
        await limit(bench, target, **data)
    assert (refused.value.translation_domain, refused.value.translation_key) == (
        DOMAIN,
        key,
    )
    assert bench.runtime.setpoint_manager.setpoints == before
    assert json.dumps(hass_storage[KEY]) == stored
    await bench.send_telegrams("b1")
    await bench.receives("i1", 10.0, 25.0)
    await bench.receives("i2", 10.0, 25.0)


@pytest.mark.parametrize(
    "data",
    [
        {"charge_current": "much"},
        {"charge_current": True},
        {"discharge_power": False},
        {"charge_current": None},
        {"charge_current": 10**400},
        {"charge_current": 5, "duration": "long"},
        {"charge_current": 5, "duration": math.inf},
        {"charge_current": 5, "duration": math.nan},
        {"charge_current": 5, "duration": True},
        {"charge_current": 5, "duration": False},
        {"charge_current": 5, "duration": {"hours": True}},
        {"charge_current": 5, "forever": True},
        {"charge_current": 5, "owner": None},
    ],
)
async def test_wrong_type_is_rejected(bench: Bench, data: Mapping[str, Any]) -> None:
    """By the schema of the action itself."""
    await ready(bench)
    with pytest.raises(vol.Invalid):
        await limit(bench, **data)
    assert temporary_limits(bench) == []


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


@pytest.mark.parametrize("data", [{"until_cleared": True}, {"duration": 600}])
async def test_repeated_call_succeeds(
    bench: Bench, hass_storage: dict[str, Any], data: dict[str, Any]
) -> None:
    """An automation sets a state, not a change."""
    await ready(bench)
    asked: dict[str, Any] = {"charge_current": 20, "discharge_power": 0, **data}
    clock = bench.clock()
    with patch.object(Gateway, "now", PropertyMock(return_value=clock)):
        first = await limit(bench, **asked)
        before, written = temporary_limits(bench), json.dumps(hass_storage[KEY])
        with patch.object(bench.runtime.setpoint_manager, "async_set") as taken:
            assert await limit(bench, **asked) == first
        assert not taken.called
    assert temporary_limits(bench) == before
    assert json.dumps(hass_storage[KEY]) == written


async def test_repeated_direction_keeps_the_other(bench: Bench) -> None:
    """The new one of a call is applied, although the other is unchanged."""
    await ready(bench)
    await limit(bench, charge_current=20, until_cleared=True)
    await limit(bench, charge_current=20, discharge_current=9, until_cleared=True)
    assert {(each.direction, each.amps) for each in temporary_limits(bench)} == {
        (Direction.CHARGE, 20.0),
        (Direction.DISCHARGE, 9.0),
    }


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"owner": "Ann"},
        {"owner": "Bob", "direction": "discharge"},
        {"direction": "discharge"},
    ],
)
async def test_clearing_twice_succeeds(bench: Bench, data: Mapping[str, Any]) -> None:
    """It changes nothing, and returns the active limits."""
    await ready(bench)
    if data:
        await limit(bench, charge_current=20, owner="Bob")
    before = temporary_limits(bench)
    with patch.object(bench.runtime.setpoint_manager, "async_set") as taken:
        answer = await clear(bench, **data)
    assert not taken.called
    assert [each["owner"] for each in answer["temporary_limits"]] == ["Bob"] * bool(
        data
    )
    for refused in (clear(bench, "b1"), clear(bench, owner=" ")):
        with pytest.raises(ServiceValidationError):
            await refused
    assert temporary_limits(bench) == before


async def test_automation_continues_after_an_error(
    hass: HomeAssistant, bench: Bench
) -> None:
    """An earlier call does not end it."""
    await ready(bench)
    target = {"device_id": device(bench, "gw"), "owner": "tariff"}
    clears = {"action": f"{DOMAIN}.clear_limit", "data": target}
    holds = {
        "action": f"{DOMAIN}.limit_current",
        "data": target | {"discharge_current": -0.2, "until_cleared": True},
    }
    automation = {
        "triggers": [{"trigger": "event", "event_type": "go"}],
        "actions": [clears, holds, holds, clears, clears, holds, {"event": "reached"}],
    }
    assert await async_setup_component(hass, "automation", {"automation": automation})
    reached = async_capture_events(hass, "reached")
    hass.bus.async_fire("go")
    await hass.async_block_till_done()
    assert len(reached) == 1
    [temporary_limit] = temporary_limits(bench)
    assert (temporary_limit.owner, temporary_limit.amps) == ("tariff", 0.0)


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


@pytest.mark.parametrize("action", ["limit_current", "clear_limit"])
async def test_foreign_devices_are_rejected(
    hass: HomeAssistant, bench: Bench, action: str
) -> None:
    """Unknown, another integration's, gone, or of a gateway that is not running."""
    await ready(bench)
    await limit(bench, charge_current=20)
    before = temporary_limits(bench)
    other = MockConfigEntry(domain="other")
    other.add_to_hass(hass)
    registry = dr.async_get(hass)
    foreign = registry.async_get_or_create(
        config_entry_id=other.entry_id, identifiers={("other", "gw")}, name="Foreign"
    )
    stale = registry.async_get_or_create(
        config_entry_id="gw", identifiers={(DOMAIN, "gone")}, name="Gone"
    )
    data = {"charge_current": 5} if action == "limit_current" else {}

    async def key_of(device_id: str) -> str | None:
        with pytest.raises(ServiceValidationError) as refused:
            await hass.services.async_call(
                DOMAIN, action, {"device_id": device_id, **data}, blocking=True
            )
        return refused.value.translation_key

    assert await key_of("unknown") == "service_device_not_found"
    assert await key_of(foreign.id) == "service_device_wrong_domain"
    assert await key_of(stale.id) == "no_gateway_or_inverter"
    assert temporary_limits(bench) == before
    gateway = device(bench, "gw")
    assert await hass.config_entries.async_unload("gw")
    assert await key_of(gateway) == "service_config_entry_not_loaded"


@pytest.mark.usefixtures("socket_enabled")
async def test_limiting_is_always_possible(bench: Bench) -> None:
    """While batteries are silent and ports are lost."""
    bench.battery("b1", interface="socketcan", channel="nosuchcan0")
    bench.inverter("i1", interface="socketcan", channel="nosuchcan1")
    await bench.start()
    await bench.until(lambda: {"port_b1", "port_i1"} <= set(bench.issues()))
    await limit(bench, charge_current=0)
    await limit(bench, "i1", discharge_power=0)
    assert len(temporary_limits(bench)) == 2


async def test_limit_set_while_a_battery_is_lost(bench: Bench) -> None:
    """It applies when the battery is back."""
    await at_work(bench)
    await bench.move(11)
    await bench.shows("sensor", "b1_state", "lost")
    await limit(bench, charge_current=10)
    for _ in range(4):
        await bench.send_telegrams("b1")
    await bench.shows("sensor", "b1_state", "online")
    await live(bench, 24)
    await bench.receives("i1", 5.0, 25.0)


async def test_temporary_limit_survives_a_restart_and_ends(
    hass: HomeAssistant, bench: Bench, hass_storage: dict[str, Any]
) -> None:
    """The remaining time counts from the restart, however long that took."""
    await ready(bench)
    await limit(bench, charge_current=20, duration=600)
    assert hass_storage[KEY]["data"]["temporary_limits"][0]["until"] == pytest.approx(
        600, abs=5
    )
    await later(bench, 200)
    assert await hass.config_entries.async_unload("gw")
    assert hass_storage[KEY]["data"]["temporary_limits"][0]["until"] == pytest.approx(
        400, abs=5
    )
    bench.ahead += 100_000
    await bench.setup()
    await bench.online("b1")
    await bench.receives("i1", 10.0, 25.0)
    await later(bench, 390)
    assert len(temporary_limits(bench)) == 1
    await later(bench, 15)
    assert temporary_limits(bench) == []
    assert hass_storage[KEY]["data"]["temporary_limits"] == []


async def test_limit_lasts_longer_after_a_crash_never_shorter(
    bench: Bench, hass_storage: dict[str, Any]
) -> None:
    """The remaining time is stored anew once it is half of that on disk."""
    await ready(bench)
    await limit(bench, charge_current=20, duration=600)
    for passed, stored in (61, 600), (290, 600), (310, 290), (440, 290), (470, 130):
        [temporary_limit] = temporary_limits(bench)
        assert temporary_limit.until is not None
        await later(bench, passed - (600 - (temporary_limit.until - bench.clock())))
        left = hass_storage[KEY]["data"]["temporary_limits"][0]["until"]
        assert left == pytest.approx(stored, abs=5)


async def test_wall_clock_ends_no_limit(bench: Bench) -> None:
    """It may jump by a year; only the displayed end moves along, at once."""
    await ready(bench)
    before = (await limit(bench, charge_current=20))["temporary_limits"][0]["ends_at"]
    await bench.runtime.setpoint_manager.async_save_periodically()
    assert (
        shown_temporary_limits(bench.runtime.setpoint_manager, None)[0]["ends_at"]
        == before
    )
    next_year = dt_util.utcnow() + timedelta(days=365)
    for _ in range(2):
        with patch("homeassistant.util.dt.utcnow", return_value=next_year):
            [temporary_limit] = temporary_limits(bench)
            end = bench.runtime.setpoint_manager.ends_at(temporary_limit)
            assert end is not None
            assert timedelta(minutes=59) < end - next_year <= timedelta(hours=1)
            await bench.runtime.setpoint_manager.async_save_periodically()


async def test_temporary_limit_does_not_lift_an_unreadable_store(
    bench: Bench, hass_storage: dict[str, Any]
) -> None:
    """0 A until the user confirms; a temporary limit can only lower."""
    hass_storage[KEY] = {"version": 1, "minor_version": 1, "key": KEY, "data": "?"}
    await ready(bench)
    await limit(bench, charge_current=20)
    await bench.online("b1")
    await bench.receives("i1", 0.0, 0.0)
    assert "setpoints_unreadable_gw" in bench.issues()


@pytest.mark.parametrize("learned", [{"b1": 0.0}, {"b1": 0.0, "b2": 0.0}])
async def test_zero_shares_do_not_stop_a_gateway(
    bench: Bench, hass_storage: dict[str, Any], learned: dict[str, float]
) -> None:
    """It starts by capacity."""
    no_setpoints = asdict(Setpoints())
    data = {
        "confirmed": True,
        "bank": no_setpoints,
        "inverters": {},
        "temporary_limits": [],
    }
    data |= {"out_of_service": [], "changes": [], "current_shares": learned}
    hass_storage[KEY] = {"version": 1, "minor_version": 1, "key": KEY, "data": data}
    await bench.battery("b1").battery("b2").inverter("i1").start()
    await bench.online("b1", "b2", ccl=20.0)
    await bench.receives("i1", 40.0, 50.0)


async def test_learned_shares_survive_a_restart(
    hass: HomeAssistant, bench: Bench, hass_storage: dict[str, Any]
) -> None:
    """Loaded before the engine starts."""
    await bench.battery("b1").battery("b2").start()
    await bench.online("b1", "b2")
    learned = {"b1": 0.7, "b2": 0.3}
    with patch.object(Gateway, "learned", PropertyMock(return_value=learned)):
        await bench.move(61)
        assert hass_storage[KEY]["data"]["current_shares"] == learned
        assert await hass.config_entries.async_unload("gw")
    await bench.setup()
    assert bench.runtime.gateway.learned == learned
