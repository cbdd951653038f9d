"""Choosing a port: the list, manual connections, and owners."""

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bms_gateway.engine.can.interface.discovery import FoundLink
from custom_components.bms_gateway.flows.ports import connections
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import InvalidData

from ...connected import Machine, link, usb_device
from ...form_user import Flow, Result, add, filled, offered, start_real, subentry


@pytest.fixture(name="flow")
async def begin(hass: HomeAssistant, bank: MockConfigEntry) -> Flow:
    """Return a user who adds a battery."""
    return await add(hass, bank, "battery")


async def test_connections_are_listed(
    hass: HomeAssistant, bank: MockConfigEntry, machine: Machine
) -> None:
    """With label and owner; the first free one is proposed."""
    taken = {"interface": "socketcan", "channel": "can0"}
    before = subentry(bank, "battery")
    hass.config_entries.async_update_subentry(bank, before, data=before.data | taken)
    machine.links = [link("can0"), link("can1", "4D"), link("can2", is_up=False)]
    machine.adapters = [
        usb_device("/dev/serial/by-id/x", resolved_device="/dev/ttyACM0")
    ]
    flow = await add(hass, bank, "inverter")
    assert offered(flow.result) == {
        "socketcan:can0": "can0 · 500 kbit/s · belongs to Old battery (House)",
        "socketcan:can1": "can1 · canable gs_usb · gs_usb · 4D · 500 kbit/s",
        "socketcan:can2": "can2 · switched off",
        "slcan:/dev/serial/by-id/x": "CANable2 · 0042 · /dev/ttyACM0",
        "manual": "Enter manually",
        "rescan": "Search again, after plugging in an adapter",
    }
    assert filled(flow.result) == {"connection": "socketcan:can1"}


async def test_adapter_that_may_not_be_can_is_not_proposed(
    hass: HomeAssistant, bank: MockConfigEntry, machine: Machine
) -> None:
    """A quick click could disturb a radio or a meter; it can be chosen, though."""
    machine.adapters = [usb_device("/dev/radio", vid="10C4", pid="EA60")]
    flow = await add(hass, bank, "battery")
    assert "slcan:/dev/radio" in offered(flow.result)
    assert filled(flow.result) == {"connection": "rescan"}


def hint(result: Result) -> str:
    """Return the hint of the form if the list is empty."""
    text: str = result["description_placeholders"]["hint"]
    return text


async def test_empty_list_explains_possible_reasons(
    machine: Machine, flow: Flow
) -> None:
    """A container with its own network, a board without overlay; until one is found."""
    assert "--network host" in hint(flow.result)
    assert "config.txt" in hint(flow.result)
    # An adapter has to be plugged in first
    assert filled(flow.result) == {"connection": "rescan"}
    # A radio is not a CAN adapter
    machine.adapters = [usb_device("/dev/radio", vid="10C4", pid="EA60")]
    result = await flow.fill(connection="rescan")
    assert hint(result).startswith("No CAN connection was found")
    machine.links = [link("can0", is_up=False)]
    result = await flow.fill(connection="rescan")
    assert hint(result) == ""
    machine.links, machine.adapters = [], [usb_device("/dev/ttyACM0")]
    result = await flow.fill(connection="rescan")
    assert hint(result) == ""


async def test_machine_that_lists_no_links(
    hass: HomeAssistant,
    bank: MockConfigEntry,
    machine: Machine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its list is empty, too: the kernel has no CAN, or a rule forbids the query."""

    def refuse() -> list[FoundLink]:
        raise PermissionError

    monkeypatch.setattr(connections, "list_links", refuse)
    flow = await add(hass, bank, "battery")
    assert "container" in hint(flow.result)


async def test_first_setup_explains_an_empty_list(
    hass: HomeAssistant, machine: Machine
) -> None:
    """There the user has not seen a list before."""
    flow = await start_real(hass)
    assert "container" in hint(flow.result)


async def test_refreshing_finds_a_new_adapter(machine: Machine, flow: Flow) -> None:
    """And proposes it; the other input stays."""
    machine.links = [link("can0")]
    result = await flow.fill(connection="rescan", bitrate="250000", bring_up=False)
    assert filled(result) == {
        "connection": "socketcan:can0",
        "bitrate": "250000",
        "bring_up": False,
    }


async def test_empty_manual_input_leads_back_to_the_list(flow: Flow) -> None:
    """No user gets stuck there."""
    result = await flow.fill(connection="manual", bitrate="250000")
    assert filled(result) == {"bitrate": "250000", "bring_up": True}
    result = await flow.fill(channel=" ")
    assert result["step_id"] == "port"
    await flow.fill(connection="manual")
    result = await flow.fill({})
    assert result["step_id"] == "port"


async def test_only_listed_choices_are_accepted(flow: Flow) -> None:
    """Nor a bitrate that is not offered."""
    for wrong in ({"connection": "socketcan:can7"}, {"bitrate": "1"}):
        with pytest.raises(InvalidData):
            await flow.fill({"connection": "manual"}, wrong)
    await flow.fill(connection="manual")
    with pytest.raises(InvalidData):
        await flow.fill(interface="pigeon", channel="coo")
    result = await flow.fill(interface="virtual", channel="flow-1")
    assert result["step_id"] == "scan_result"


async def test_taken_connection_is_rejected(
    hass: HomeAssistant, bank: MockConfigEntry, machine: Machine
) -> None:
    """It stays in the list, so that the user sees its owner."""
    machine.links = [link("can0"), link("can1")]
    taken = {"interface": "socketcan", "channel": "can0"}
    before = subentry(bank, "battery")
    hass.config_entries.async_update_subentry(bank, before, data=before.data | taken)
    flow = await add(hass, bank, "battery")
    result = await flow.fill(connection="socketcan:can0")
    assert result["errors"] == {"connection": "port_taken"}
    placeholders = result["description_placeholders"]
    assert (placeholders["channel"], placeholders["device"]) == ("can0", "Old battery")
    assert filled(result)["connection"] == "socketcan:can0"


@pytest.mark.parametrize(
    ("there", "typed"),
    [
        (
            {"interface": "slcan", "channel": "/dev/serial/by-id/x"},
            {"interface": "slcan", "channel": "/dev/../dev/ttyACM0"},
        ),
        (
            {
                "interface": "socketcan",
                "channel": "can7",
                "identity": "usb:1d50:606f:4D",
            },
            {"interface": "socketcan", "channel": "can1"},
        ),
    ],
    ids=["serial", "link"],
)
async def test_other_spelling_of_a_taken_port_is_rejected(
    hass: HomeAssistant,
    bank: MockConfigEntry,
    machine: Machine,
    there: dict[str, str],
    typed: dict[str, str],
) -> None:
    """Two batteries on one bus would count twice."""
    machine.links = [link("can1", "4D")]
    machine.adapters = [
        usb_device("/dev/serial/by-id/x", resolved_device="/dev/ttyACM0")
    ]
    before = subentry(bank, "battery")
    hass.config_entries.async_update_subentry(bank, before, data=before.data | there)
    flow = await add(hass, bank, "battery")
    await flow.fill(connection="manual")
    result = await flow.fill(typed)
    assert result["errors"] == {"channel": "port_taken"}
    assert result["description_placeholders"]["device"] == "Old battery"


@pytest.mark.parametrize(
    ("there", "key"),
    [
        ({"interface": "socketcan", "channel": "can1"}, "socketcan:can1"),
        (
            {
                "interface": "socketcan",
                "channel": "can0",
                "identity": "path:0000:00:14.0-usb-1",
            },
            "socketcan:can1",
        ),
        ({"interface": "slcan", "channel": "/dev/ttyACM0"}, "slcan:/dev/by-id/x"),
    ],
    ids=["by name", "by place", "serial"],
)
async def test_taken_port_is_recognized_however_it_is_stored(
    hass: HomeAssistant,
    bank: MockConfigEntry,
    machine: Machine,
    there: dict[str, str],
    key: str,
) -> None:
    """Stored by its name then, found by its serial number now."""
    machine.links = [link("can1", "4D")]
    machine.adapters = [usb_device("/dev/by-id/x", resolved_device="/dev/ttyACM0")]
    before = subentry(bank, "battery")
    hass.config_entries.async_update_subentry(bank, before, data=before.data | there)
    flow = await add(hass, bank, "battery")
    assert "belongs to Old battery (House)" in offered(flow.result)[key]
    assert filled(flow.result).get("connection") != key
    result = await flow.fill(connection=key)
    assert result["errors"] == {"connection": "port_taken"}
