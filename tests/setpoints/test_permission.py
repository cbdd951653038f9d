"""Permissions: which user may call which action, and in whose name."""

from collections.abc import Set as AbstractSet
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from hypothesis import given, strategies as st
import pytest
from pytest_homeassistant_custom_component.common import MockUser
from pytest_homeassistant_custom_component.typing import (
    ClientSessionGenerator,
    WebSocketGenerator,
)

from custom_components.bms_gateway.const import DOMAIN
from custom_components.bms_gateway.engine.temporary_limits import TemporaryLimit
from custom_components.bms_gateway.setpoints.requester import (
    MAX_NAME_LENGTH,
    is_name,
    normalized,
)
from homeassistant.auth.const import GROUP_ID_ADMIN, GROUP_ID_READ_ONLY, GROUP_ID_USER
from homeassistant.auth.models import User
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import ServiceValidationError, Unauthorized, UnknownUser
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component

from ..bench import Bench

GROUPS: Final = {
    "read-only": [GROUP_ID_READ_ONLY],
    "normal": [GROUP_ID_USER],
    "both": [GROUP_ID_READ_ONLY, GROUP_ID_USER],
    "admin": [GROUP_ID_ADMIN],
    "none": [],
}
CONTROL: Final = {"normal", "both", "admin"}
"""Users who may control entities."""

ACTIONS: Final[dict[str, tuple[str, dict[str, Any], set[str]]]] = {
    "limit_current": ("gw", {"charge_current": 5}, CONTROL),
    "clear_limit": ("gw", {}, CONTROL),
    "record_traffic": ("b1", {"file": "a.log"}, {"admin"}),
}
"""Each action, its data, and who may call it."""


@pytest.fixture(autouse=True)
async def gateway(hass: HomeAssistant, bench: Bench, tmp_path: Path) -> None:
    """Start a gateway for 50 A with a battery and two inverters."""
    hass.config.config_dir = str(tmp_path)
    # The first user is the owner, whatever the groups
    await hass.auth.async_create_user("Owner")
    bench.battery("b1").inverter("i1", rated_charge=25.0, rated_discharge=25.0)
    await bench.inverter("i2", rated_charge=25.0, rated_discharge=25.0).start()


def device(bench: Bench, key: str) -> str:
    """Return the registry id of a device."""
    return dr.async_get_device_id_by_identifier(
        bench.hass, (DOMAIN, key), config_entry_id="gw"
    )


async def user(hass: HomeAssistant, name: str | None, *groups: str) -> User:
    """Return a user of Home Assistant; a normal one if no group is given."""
    return await hass.auth.async_create_user(
        name or "", group_ids=list(groups or [GROUP_ID_USER])
    )


async def call(
    bench: Bench,
    action: str,
    requester: User | None,
    target: str = "gw",
    **data: Any,
) -> dict[str, Any]:
    """Call an action as a user, or (None) as an automation; return its response."""
    answer = await bench.hass.services.async_call(
        DOMAIN,
        action,
        {"device_id": device(bench, target), **data},
        blocking=True,
        context=Context(user_id=None if requester is None else requester.id),
        return_response=True,
    )
    return dict(answer or {})


async def limit(bench: Bench, requester: User | None, **data: Any) -> dict[str, Any]:
    """Limit charging to 5 A by default."""
    return await call(
        bench, "limit_current", requester, **({"charge_current": 5} | data)
    )


async def clear(bench: Bench, requester: User | None, **data: Any) -> dict[str, Any]:
    """Clear limits."""
    return await call(bench, "clear_limit", requester, **data)


def temporary_limits(bench: Bench) -> tuple[TemporaryLimit, ...]:
    """Return all active limits."""
    return bench.runtime.setpoint_manager.setpoints.temporary_limits


def owners(bench: Bench) -> list[str]:
    """Return their owners."""
    return [temporary_limit.owner for temporary_limit in temporary_limits(bench)]


# Whether a user may call at all
# ---------------------------------------------------------


@pytest.mark.parametrize("group", GROUPS)
async def test_every_action_checks_permissions(
    hass: HomeAssistant, bench: Bench, tmp_path: Path, group: str
) -> None:
    """Controls check the permissions for entities; the others are for admins."""
    requester = await hass.auth.async_create_user("Ann", group_ids=GROUPS[group])
    actions = hass.services.async_services_for_domain(DOMAIN)
    assert set(actions) == set(ACTIONS), "An action without a row here"
    for action, (target, data, permitted) in ACTIONS.items():
        try:
            await call(bench, action, requester, target, **data)
        except Unauthorized:
            assert group not in permitted, action
        except ServiceValidationError:
            assert group in permitted, action
        else:
            assert group in permitted, action
    assert (tmp_path / DOMAIN).exists() is (group == "admin")


@pytest.mark.parametrize("action", ACTIONS)
async def test_automation_may_call_and_unknown_user_may_not(
    bench: Bench, action: str
) -> None:
    """Automations have no user; a user unknown to Home Assistant is rejected."""
    target, data, _ = ACTIONS[action]
    with pytest.raises(UnknownUser):
        await call(bench, action, MockUser(id="gone"), target, **data)
    await call(bench, action, None, target, **data)


async def test_nothing_changes_without_permission(
    hass: HomeAssistant, bench: Bench
) -> None:
    """Neither a limit, nor the limits of others."""
    await limit(bench, None, owner="Cheap hours")
    reader = await user(hass, "Reader", GROUP_ID_READ_ONLY)
    before = temporary_limits(bench)
    for target in "gw", "i1", "b1":
        for data in (
            {"charge_current": 0, "discharge_current": 0, "until_cleared": True},
            {"charge_current": -99},
            {},
            {"owner": "Cheap hours"},
            {"owner": " "},
        ):
            # For any fault of the call: a reason would reveal what exists
            with pytest.raises(Unauthorized):
                await call(bench, "limit_current", reader, target, **data)
    for data in {}, {"owner": "Cheap hours"}, {"direction": "charge"}:
        with pytest.raises(Unauthorized):
            await clear(bench, reader, **data)
    assert temporary_limits(bench) == before


@pytest.mark.parametrize("target", ["gw", "i1"])
async def test_every_control_of_a_device_has_to_be_permitted(
    hass: HomeAssistant, bench: Bench, target: str
) -> None:
    """As for an action on these entities; those of other devices do not count."""
    registry = er.async_get(hass)
    all_ = {
        entry.entity_id
        for entry in er.async_entries_for_config_entry(registry, "gw")
        if entry.device_id == device(bench, target)
    }
    controls = {each for each in all_ if each.startswith(("number.", "switch."))}
    assert len(controls) == 5
    requester = MockUser(name="Ann").add_to_hass(hass)

    def permit(entity_ids: set[str], read: AbstractSet[str] = frozenset()) -> None:
        policy: dict[str, Any] = {each: {"read": True} for each in read}
        policy |= dict.fromkeys(entity_ids, True)
        requester.mock_policy({"entities": {"entity_ids": policy}})

    permit(controls, read=all_ - controls)
    await limit(bench, requester, target=target)
    others = {"gw", "i1", "i2"} - {target}
    for other in others:
        with pytest.raises(Unauthorized):
            await limit(bench, requester, target=other)
    for missing in controls:
        permit(controls - {missing}, read={missing})
        with pytest.raises(Unauthorized) as refused:
            await limit(bench, requester, target=target)
        assert refused.value.entity_id == missing
    # Enabled or not
    for entity_id in controls:
        registry.async_update_entity(
            entity_id, disabled_by=er.RegistryEntryDisabler.USER
        )
    with pytest.raises(Unauthorized):
        await limit(bench, requester, target=target)
    permit(controls)
    await limit(bench, requester, target=target)


async def test_device_without_controls_needs_permission_for_all(
    hass: HomeAssistant, bench: Bench
) -> None:
    """The entity of a permission may have been removed."""
    registry = er.async_get(hass)
    for entry in er.async_entries_for_config_entry(registry, "gw"):
        registry.async_remove(entry.entity_id)
    requester = MockUser(name="Ann").add_to_hass(hass)
    requester.mock_policy({"entities": {"domains": {"number": True, "switch": True}}})
    with pytest.raises(Unauthorized):
        await limit(bench, requester)
    await limit(bench, await user(hass, "Bob"))


@pytest.mark.parametrize("action", ACTIONS)
async def test_rejection_over_http_is_home_assistants(
    hass: HomeAssistant,
    bench: Bench,
    action: str,
    hass_client: ClientSessionGenerator,
    hass_ws_client: WebSocketGenerator,
    hass_read_only_access_token: str,
) -> None:
    """As for number.set_value: 401."""
    assert await async_setup_component(hass, "api", {})
    assert await async_setup_component(hass, "websocket_api", {})
    target, data, _ = ACTIONS[action]
    data = {"device_id": device(bench, target)} | data
    client = await hass_client(hass_read_only_access_token)
    answer = await client.post(f"/api/services/{DOMAIN}/{action}", json=data)
    assert answer.status == HTTPStatus.UNAUTHORIZED
    number = bench.entity_id("number", "gw_charge_current_setpoint")
    set_value = {"entity_id": number, "value": 5}
    answer = await client.post("/api/services/number/set_value", json=set_value)
    assert answer.status == HTTPStatus.UNAUTHORIZED
    socket = await hass_ws_client(hass, hass_read_only_access_token)
    message = {"type": "call_service", "domain": DOMAIN, "service": action}
    await socket.send_json_auto_id(message | {"service_data": data})
    reply = await socket.receive_json()
    assert not reply["success"]
    assert reply["error"]["message"] == "Unauthorized"
    assert temporary_limits(bench) == ()


# In whose name
# ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "owner",
    [
        "Ann",
        " ann ",
        "ANN",
        "A\u200dnn",
        "\uff21nn",  # full width
        "automation",
        "Automation",
        " mqtt",
        "MQTT\ufe0f",
        "repair",
        "Cheap hours",
        " Cheap hours ",
        "Roof",
    ],
)
async def test_normal_user_cannot_name_another_owner(
    hass: HomeAssistant, bench: Bench, owner: str
) -> None:
    """No other user, no program, and not the owner of another user's limit."""
    await user(hass, "Ann", GROUP_ID_ADMIN)
    bob = await user(hass, "Bob")
    await limit(bench, None, owner="Cheap hours")
    await limit(bench, None, owner="Roof", target="i2", discharge_current=3)
    before = temporary_limits(bench)
    for ask in limit, clear:
        for target in "gw", "i1":
            with pytest.raises(Unauthorized) as refused:
                await ask(bench, bob, owner=owner, target=target)
            assert refused.value.translation_key == "owner_of_others"
            assert owner.strip() in str(refused.value)
            assert refused.value.user_id == bob.id
    assert temporary_limits(bench) == before


async def test_own_and_free_names_can_be_used(
    hass: HomeAssistant, bench: Bench
) -> None:
    """A limit in them may be renewed, changed and cleared by the user who set it."""
    await user(hass, "Ann")
    bob = await user(hass, "Bob")
    for owner in "Bob", "bob", "Anna", "Cheap hours", "mqtt 2":
        await limit(bench, bob, owner=owner)
        await limit(bench, bob, owner=owner, charge_current=9)
        await limit(bench, bob, owner=owner, target="i1", discharge_power=9)
    assert {temporary_limit.by for temporary_limit in temporary_limits(bench)} == {
        bob.id
    }
    await clear(bench, bob, owner="Cheap hours")
    await clear(bench, bob, owner="never seen")
    assert owners(bench).count("Cheap hours") == 2
    # Free again after its end
    await limit(bench, None, owner="Tariff", duration=60)
    with pytest.raises(Unauthorized):
        await limit(bench, bob, owner="Tariff")
    await bench.move(61)
    await limit(bench, bob, owner="Tariff")


async def test_user_of_a_limit_outlives_a_restart_and_can_change(
    hass: HomeAssistant, bench: Bench
) -> None:
    """An administrator may take a limit over; then it is no longer the user's."""
    ann, bob = await user(hass, "Ann", GROUP_ID_ADMIN), await user(hass, "Bob")
    await limit(bench, bob, owner="Car", until_cleared=True)
    assert await hass.config_entries.async_unload("gw")
    await bench.setup()
    await limit(bench, bob, owner="Car", until_cleared=True)
    assert [temporary_limit.by for temporary_limit in temporary_limits(bench)] == [
        bob.id
    ]
    await limit(bench, ann, owner="Car", until_cleared=True)
    assert [temporary_limit.by for temporary_limit in temporary_limits(bench)] == [
        ann.id
    ]
    for ask in limit, clear:
        with pytest.raises(Unauthorized):
            await ask(bench, bob, owner="Car")
    await limit(bench, None, owner="Car", until_cleared=True)
    assert [temporary_limit.by for temporary_limit in temporary_limits(bench)] == [None]


async def test_clear_without_owner_keeps_others_limits(
    hass: HomeAssistant, bench: Bench
) -> None:
    """The response shows them; administrators and automations clear all."""
    ann, bob = await user(hass, "Ann", GROUP_ID_ADMIN), await user(hass, "Bob")
    for final in ann, None:
        await limit(bench, ann)
        await limit(bench, None, owner="Bob's friend")
        await limit(bench, bob)
        await limit(bench, bob, owner="Car", discharge_current=4)
        await limit(bench, bob, owner="Car", target="i1")
        answer = await clear(bench, bob, direction="charge")
        left = {
            (each["owner"], each["direction"]) for each in answer["temporary_limits"]
        }
        assert left == {
            ("Ann", "charge"),
            ("Bob's friend", "charge"),
            ("Car", "discharge"),
        }
        answer = await clear(bench, bob)
        assert {each["owner"] for each in answer["temporary_limits"]} == {
            "Ann",
            "Bob's friend",
        }
        assert await clear(bench, bob) == answer
        assert (await clear(bench, final))["temporary_limits"] == []
        assert owners(bench) == ["Car"]
        await clear(bench, final, target="i1")


async def test_administrators_and_automations_act_for_everybody(
    hass: HomeAssistant, bench: Bench
) -> None:
    """In every name, on every limit."""
    ann = await user(hass, "Ann", GROUP_ID_ADMIN)
    bob = await user(hass, "Bob")
    await limit(bench, bob, owner="Car")
    for requester in ann, None:
        for owner in "Bob", "automation", "mqtt", "repair", "Car":
            await limit(bench, requester, owner=owner)
            await clear(bench, requester, owner=owner)
    assert temporary_limits(bench) == ()


@pytest.mark.parametrize(
    "owner", ["Cheap hours", "cheap  hours", "Cheap\u00a0hours", "Cheap\u200d hours"]
)
async def test_lookalike_of_an_owner_is_that_owner(
    hass: HomeAssistant, bench: Bench, owner: str
) -> None:
    """In a list they could not be distinguished."""
    bob = await user(hass, "Bob")
    await limit(bench, None, owner="Cheap hours")
    for ask in limit, clear:
        with pytest.raises(Unauthorized):
            await ask(bench, bob, owner=owner)
    await limit(bench, bob, owner="Cheap hours 2")
    assert owners(bench) == ["Cheap hours", "Cheap hours 2"]


@pytest.mark.parametrize(
    "name", [None, " ", "a\nb", "automation", "MQTT", "repair", "a\u202eb"]
)
async def test_user_with_an_unusable_name_needs_no_owner(
    hass: HomeAssistant, bench: Bench, name: str | None
) -> None:
    """And takes no name that is a program's."""
    requester, other = await user(hass, name), await user(hass, name)
    await limit(bench, requester)
    await limit(bench, requester)
    await limit(bench, other)
    assert owners(bench) == [f"user {each.id[:8]}" for each in (requester, other)]
    assert all(map(is_name, owners(bench)))


async def test_second_user_of_a_name_needs_another_owner(
    hass: HomeAssistant, bench: Bench
) -> None:
    """The second one has to give another owner, and can."""
    first, second = await user(hass, "Ann"), await user(hass, "Ann")
    await limit(bench, first)
    for ask in limit, clear:
        with pytest.raises(Unauthorized):
            await ask(bench, second, owner="Ann")
    with pytest.raises(Unauthorized):
        await limit(bench, second)
    await limit(bench, second, owner="Ann 2", charge_current=0)
    assert temporary_limits(bench)[-1].amps == 0.0


async def test_rejection_is_explained(hass: HomeAssistant, bench: Bench) -> None:
    """Not only by the name of an error."""
    bob = await user(hass, "Bob")
    with pytest.raises(Unauthorized) as refused:
        await limit(bench, bob, owner="mqtt")
    assert str(refused.value).startswith(
        "mqtt is another user's name, a reserved name,"
    )


# Names
# -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Cheap hours", True),
        ("\U0001f469\u200d\U0001f52c", True),  # joined to one emoji
        ("\u06cc\u200c\u0627", True),  # Persian
        ("x" * MAX_NAME_LENGTH, True),
        ("x" * (MAX_NAME_LENGTH + 1), False),
        ("", False),
        (" ", False),
        ("\u200d\ufe0f", False),
        ("a\u202eb", False),
        ("a\u200fb", False),
        ("a\u2067b", False),
        ("a\ufeffb", False),
        ("a\u00adb", False),
        ("a\tb", False),
        ("a\x7fb", False),
        ("a\U000e0041b", False),
    ],
)
def test_only_visible_unambiguous_names_are_valid(text: str, expected: bool) -> None:
    """Names that are visible, and shown unchanged."""
    assert is_name(text) is expected


@given(st.text())
def test_any_text_is_a_valid_name_or_not(text: str) -> None:
    """A valid one looks like itself."""
    if is_name(text):
        assert (
            normalized(text)
            == normalized(text.strip())
            == normalized(normalized(text))
            != ""
        )
