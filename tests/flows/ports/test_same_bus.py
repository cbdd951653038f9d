"""A second adapter on one bus: the form names the others and leaves the choice."""

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bms_gateway.engine.model import Frame, PortStatus
from custom_components.bms_gateway.runtime import BmsGatewayRuntime
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType

from ...connected import Machine, members, message, repeating
from ...engine.ports import other_node
from ...engine.telegrams import telegram
from ...form_user import BATTERY, add, change, start_real
from ...waiting import PATIENCE, until

SETTLE = 0.3
"""Seconds; frames on another port may be read a little later."""
BATTERY_FRAMES = telegram()
OTHER = telegram(voltage=52.3)


@asynccontextmanager
async def one_bus(
    *channels: str, frames: list[Frame] = BATTERY_FRAMES
) -> AsyncIterator[None]:
    """Send one battery's frames on several virtual buses, as if they were one."""
    with ExitStack() as nodes:
        buses = {each: nodes.enter_context(other_node(each)) for each in channels}

        def send_all() -> None:
            for frame in frames:
                for channel, bus in buses.items():
                    if members(channel) > 1:
                        bus.send(message(frame))

        async with repeating(send_all):
            yield


@asynccontextmanager
async def bridged(channel: str, other: str) -> AsyncIterator[None]:
    """Forward frames from one virtual bus to another."""
    with other_node(channel) as near, other_node(other) as far:

        def carry() -> None:
            while (received := near.recv(0)) is not None:
                if members(other) > 1:
                    far.send(received)

        async with repeating(carry):
            yield


@pytest.fixture(name="running")
async def start(
    hass: HomeAssistant, machine: Machine, bank: MockConfigEntry
) -> MockConfigEntry:
    """Return a running gateway with its ports open."""
    assert await hass.config_entries.async_setup(bank.entry_id)
    runtime: BmsGatewayRuntime = bank.runtime_data
    await until(
        lambda: (
            {p.status for p in runtime.gateway.snapshot.ports.values()}
            == {PortStatus.OPEN}
        )
    )
    machine.listen(PATIENCE, SETTLE)
    return bank


async def test_bus_of_a_battery_is_recognized(
    hass: HomeAssistant, running: MockConfigEntry
) -> None:
    """It is named, and the user continues or does not."""
    flow = await add(hass, running, "battery")
    async with one_bus("old-b", "flow-1"):
        result = await flow.enter("flow-1")
    assert result["step_id"] == "scan_result"
    assert result["menu_options"] == ["battery", "listen_again", "port"]
    text = result["description_placeholders"]["scan_result"]
    assert text.startswith("Battery detected: PYLON")
    assert "The connection of Old battery receives the same" in text
    result = await flow.choose("battery")
    assert result["description_placeholders"]["scan_result"] == text
    result = await flow.fill(BATTERY)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_bus_of_an_inverter_is_recognized(
    hass: HomeAssistant, running: MockConfigEntry
) -> None:
    """The frames look like a battery but come from the gateway itself."""
    runtime: BmsGatewayRuntime = running.runtime_data
    flow = await add(hass, running, "battery")
    async with one_bus("old-b", frames=OTHER), bridged("old-i", "flow-1"):
        await until(
            lambda: any(
                i.telegrams_sent for i in runtime.gateway.snapshot.inverters.values()
            )
        )
        result = await flow.enter("flow-1")
    assert result["step_id"] == "scan_result"
    text = result["description_placeholders"]["scan_result"]
    assert text.startswith(
        "The messages received here are those that the gateway sends to Old inv"
    )
    assert "battery" in result["menu_options"]


async def test_another_battery_opens_its_form(
    hass: HomeAssistant, running: MockConfigEntry
) -> None:
    """At once."""
    flow = await add(hass, running, "battery")
    async with one_bus("old-b", frames=OTHER), one_bus("flow-1"):
        result = await flow.enter("flow-1")
    assert result["step_id"] == "battery"
    assert "Old battery" not in result["description_placeholders"]["scan_result"]


async def test_own_bus_through_another_adapter(
    hass: HomeAssistant, running: MockConfigEntry
) -> None:
    """After replacing an adapter, the same battery is received on both."""
    flow = await change(hass, running, "battery")
    await flow.choose("port")
    async with one_bus("old-b", "flow-1"):
        result = await flow.enter("flow-1")
    assert result["step_id"] == "battery"
    assert "Old battery" not in result["description_placeholders"]["scan_result"]


@pytest.mark.parametrize("is_one", [True, False])
async def test_first_setup_compares_chosen_ports(
    hass: HomeAssistant, machine: Machine, is_one: bool
) -> None:
    """No gateway runs yet: the ports chosen before are compared."""
    machine.listen(PATIENCE, SETTLE)
    flow = await start_real(hass)
    async with one_bus("flow-1"):
        await flow.enter("flow-1")
    await flow.fill(BATTERY)
    await flow.choose("add_battery")
    channels = ("flow-1", "flow-2") if is_one else ("flow-2",)
    others = () if is_one else ("flow-1",)
    async with one_bus(*channels), one_bus(*others, frames=OTHER):
        result = await flow.enter("flow-2")
    assert members("flow-1") == members("flow-2") == 0
    text = result["description_placeholders"]["scan_result"]
    assert ("Cellar" in text) is is_one
    assert result["step_id"] == ("scan_result" if is_one else "battery")
