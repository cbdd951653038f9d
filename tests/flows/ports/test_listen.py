"""Scanning a port: the result, the next steps, and every fault."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)

from custom_components.bms_gateway.engine.can.bus import as_message
from custom_components.bms_gateway.engine.can.interface.discovery import (
    Adapter,
    FoundLink,
)
from custom_components.bms_gateway.engine.can.slcan import (
    adapter as slcan_adapter,
    codec,
)
from custom_components.bms_gateway.engine.config import Interface, PortConfig
from custom_components.bms_gateway.engine.detection.classify import ScanResult
from custom_components.bms_gateway.engine.model import Frame, PortFault
from custom_components.bms_gateway.flows.ports import listen as listen_flow
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.data_entry_flow import (
    EVENT_DATA_ENTRY_FLOW_PROGRESS_UPDATE,
    FlowResultType,
)
from homeassistant.util import dt as dt_util

from ...connected import (
    REQUEST,
    Machine,
    answering,
    link,
    members,
    repeating,
    sending,
    usb_device,
)
from ...engine import waveshare
from ...engine.serial_adapter import ACKNOWLEDGING, SerialAdapter, plugged_in
from ...engine.telegrams import telegram
from ...form_user import BATTERY, INVERTER, Flow, add, filled
from ...waiting import PATIENCE, until

BATTERY_FRAMES = telegram()
TOO_HIGH = telegram(charge_voltage_limit=65.6)
TWENTY_FOUR = telegram(charge_voltage_limit=29.2, voltage=26.4)
OWN_REQUEST = [*BATTERY_FRAMES[:-1], REQUEST, BATTERY_FRAMES[-1]]
"""A battery that sends 0x305 as one of its own frames."""
# 0x379, u16 in Ah: 0x0118 is 280
CAPACITY = Frame(0x379, b"\x18\x01")
GROWATT = Frame(0x311, bytes(8))
STRANGER = Frame(0x123)
DISTURBANCE = Frame(0x88, bytes(8), error=True)

HEARD = "Battery detected: PYLON"
TOLD = f"{HEARD}, 2 modules, 50 %, 52.0 V."


@pytest.fixture(name="flow")
async def begin(hass: HomeAssistant, bank: MockConfigEntry) -> Flow:
    """Return a user who adds a battery."""
    return await add(hass, bank, "battery")


# Scanning


async def test_detected_battery_opens_its_form(machine: Machine, flow: Flow) -> None:
    """At once, with the battery's own data; nothing was sent."""
    machine.listen(PATIENCE)
    async with sending("flow-1", *BATTERY_FRAMES, CAPACITY):
        result = await flow.enter("flow-1")
    assert result["step_id"] == "battery"
    assert result["description_placeholders"]["scan_result"] == TOLD
    assert filled(result) == {"name": "Battery 2", "capacity_ah": 280.0}
    assert members("flow-1") == 0
    result = await flow.fill(BATTERY)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_battery_that_sends_0x305_opens_its_form(
    machine: Machine, flow: Flow
) -> None:
    """With a hint; no user is sent to separate cables."""
    machine.listen(0.3, settle=0.3)
    async with sending("flow-1", *OWN_REQUEST):
        result = await flow.enter("flow-1")
    assert result["step_id"] == "battery"
    text = result["description_placeholders"]["scan_result"]
    assert text.startswith(TOLD)
    assert "sends 0x305 itself" in text
    assert "separate" not in text


async def test_detected_inverter_opens_its_form(
    hass: HomeAssistant, bank: MockConfigEntry, machine: Machine
) -> None:
    """At once."""
    machine.listen(PATIENCE)
    flow = await add(hass, bank, "inverter")
    async with sending("flow-1", REQUEST):
        result = await flow.enter("flow-1")
    assert result["step_id"] == "inverter"
    assert "Inverter detected" in result["description_placeholders"]["scan_result"]
    assert filled(result) == {"name": "Inverter 2"}
    result = await flow.fill(INVERTER)
    assert result["type"] is FlowResultType.CREATE_ENTRY


@pytest.mark.parametrize(
    ("frame", "name", "make"),
    [
        # A GX's constant 0x307, and the clock in a Deye's 0x305: 2026-11-28 23:59:58
        (Frame(0x307, bytes.fromhex("1234567856494300")), "Victron GX", "victron"),
        (Frame(0x305, bytes([58, 59, 23, 28, 11, 26, 0, 0])), "Deye", "deye"),
    ],
)
async def test_recognized_make_is_proposed(
    hass: HomeAssistant,
    bank: MockConfigEntry,
    machine: Machine,
    frame: Frame,
    name: str,
    make: str,
) -> None:
    """It is filled in, and can be changed."""
    machine.listen(0.3, settle=0.3)
    flow = await add(hass, bank, "inverter")
    async with sending("flow-1", REQUEST, frame):
        result = await flow.enter("flow-1")
    text = result["description_placeholders"]["scan_result"]
    assert text == f"Inverter detected: {name}."
    assert filled(result) == {"name": "Inverter 2", "make": make}


@pytest.mark.parametrize(
    ("kind", "frames", "text", "choices"),
    [
        ("battery", [REQUEST], "Inverter detected", ["battery"]),
        ("battery", [REQUEST, *BATTERY_FRAMES], "each other", ["battery"]),
        ("battery", [GROWATT], "Growatt", ["battery"]),
        ("battery", [STRANGER], "none from a supported battery", ["battery"]),
        ("battery", [DISTURBANCE], "Only bus errors", ["battery"]),
        ("battery", [], "Nothing was received", ["battery", "poll"]),
        ("battery", TOO_HIGH, "CVL 65.6 V (40–65 V)", ["battery"]),
        ("inverter", BATTERY_FRAMES, TOLD, []),
        ("inverter", TWENTY_FOUR, "26.4 V, 24 V battery", []),
        ("inverter", [REQUEST, *BATTERY_FRAMES], "each other", []),
        ("inverter", [GROWATT], "Growatt", ["inverter"]),
        ("inverter", [STRANGER], "none from a supported battery", ["inverter"]),
        ("inverter", [DISTURBANCE], "Only bus errors", ["inverter"]),
        ("inverter", [], "Nothing was received", ["inverter"]),
    ],
)
async def test_unexpected_result_is_shown(
    hass: HomeAssistant,
    bank: MockConfigEntry,
    machine: Machine,
    kind: str,
    frames: list[Frame],
    text: str,
    choices: list[str],
) -> None:
    """The user decides; a battery's bus cannot become an inverter's."""
    machine.listen(0.3)
    flow = await add(hass, bank, kind)
    async with sending("flow-1", *frames):
        result = await flow.enter("flow-1")
    assert result["step_id"] == "scan_result"
    assert text in result["description_placeholders"]["scan_result"]
    assert result["menu_options"] == [*choices, "listen_again", "port"]
    result = await flow.choose("port")
    assert filled(result)["connection"] == "manual"
    result = await flow.fill(connection="manual")
    assert filled(result)["channel"] == "flow-1"


@pytest.mark.parametrize(
    ("found", "is_usb"),
    [
        (link("can7", "4D"), True),
        (link("can7", adapter=Adapter(identities=("path:1-usb-2",))), True),
        (link("can7", adapter=Adapter(identities=("path:spi0.0",))), False),
        (link("can7", is_virtual=True), False),
    ],
    ids=["usb", "usb without a number", "board", "virtual"],
)
async def test_silent_usb_adapter_should_be_replugged(
    machine: Machine, flow: Flow, found: FoundLink, is_usb: bool
) -> None:
    """Some hang after a restart of the computer; a board is not replugged."""
    machine.links = [found]
    await flow.fill(connection="rescan")
    with patch.object(listen_flow, "listen", return_value=ScanResult()):
        result = await flow.fill(connection="socketcan:can7")
    text = result["description_placeholders"]["scan_result"]
    assert text.startswith("Nothing was received.")
    assert ("plug it in again" in text) is is_usb


async def test_battery_that_needs_polling(machine: Machine, flow: Flow) -> None:
    """One request makes it send; polling it permanently is proposed."""
    async with answering("flow-1", *BATTERY_FRAMES):
        await flow.enter("flow-1")
        machine.listen(PATIENCE)
        result = await flow.submit({"next_step_id": "poll"})
        assert result["progress_action"] == "poll"
        result = await flow.follow()
    assert result["step_id"] == "battery"
    assert filled(result) == {"name": "Battery 2", "poll_interval": 1.0}
    assert "*Poll interval*" in result["description_placeholders"]["scan_result"]


async def test_scanning_again_does_not_poll(machine: Machine, flow: Flow) -> None:
    """After a poll in vain; a battery that sends by itself is not polled."""
    result = await flow.enter("flow-1")
    assert (
        "*Poll once and listen again*"
        in result["description_placeholders"]["scan_result"]
    )
    result = await flow.choose("poll")
    assert result["menu_options"] == ["battery", "poll", "listen_again", "port"]
    assert "did not answer" in result["description_placeholders"]["scan_result"]
    machine.listen(PATIENCE)
    async with sending("flow-1", *BATTERY_FRAMES):
        result = await flow.submit({"next_step_id": "listen_again"})
        assert result["progress_action"] == "listen"
        result = await flow.follow()
    assert filled(result) == {"name": "Battery 2"}


async def test_silent_battery_can_be_added(flow: Flow) -> None:
    """It may be installed tomorrow; the form does not offer what only the menu has."""
    await flow.enter("flow-1")
    result = await flow.choose("battery")
    text = result["description_placeholders"]["scan_result"]
    assert "Nothing was received" in text
    assert "Poll once" not in text
    result = await flow.fill(BATTERY)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_progress_is_shown(
    hass: HomeAssistant, machine: Machine, flow: Flow
) -> None:
    """Until the scan ends; looking again meanwhile disturbs nothing."""
    parts: list[float] = []

    @callback
    def note(event: Event[Any]) -> None:
        parts.append(event.data["progress"])

    undo = hass.bus.async_listen(EVENT_DATA_ENTRY_FLOW_PROGRESS_UPDATE, note)
    machine.listen(3600)
    await flow.fill(connection="manual")
    await flow.submit({"interface": "virtual", "channel": "flow-1"})
    await until(lambda: members("flow-1") == 1)
    await until(lambda: len(parts) > 1)
    assert 0 < parts[0] < parts[1] <= 1

    result = await flow.submit()
    assert result["type"] is FlowResultType.SHOW_PROGRESS
    assert members("flow-1") == 1
    async with sending("flow-1", *BATTERY_FRAMES):
        result = await flow.follow()
    assert result["step_id"] == "battery"
    text = len(parts)
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=1))
    assert len(parts) == text
    undo()


async def test_closing_the_dialog_ends_the_scan(
    hass: HomeAssistant, bank: MockConfigEntry, machine: Machine, flow: Flow
) -> None:
    """No port stays open, and the port is free at once."""
    machine.listen(3600)
    await flow.fill(connection="manual")
    await flow.submit({"interface": "virtual", "channel": "flow-1"})
    await until(lambda: members("flow-1") == 1)
    flow.close()
    await until(lambda: members("flow-1") == 0)
    again = await add(hass, bank, "battery")
    machine.listen(0.05)
    result = await again.enter("flow-1")
    assert result["step_id"] == "scan_result"


# Faults


@pytest.mark.parametrize("fault", list(PortFault))
@pytest.mark.parametrize("by_hand", [True, False])
async def test_port_fault_is_reported_and_fixed(
    machine: Machine, flow: Flow, fault: PortFault, by_hand: bool
) -> None:
    """The faults are simulated: no machine has all of them. The recovery is real."""
    machine.links = [link("can7")]
    await flow.fill(connection="rescan")
    use = {"bitrate": "250000", "bring_up": False}
    with patch.object(
        listen_flow, "listen", return_value=ScanResult(fault=fault)
    ) as received:
        if by_hand:
            result = await flow.enter(" can7 ", interface="socketcan", **use)
        else:
            result = await flow.fill({"connection": "socketcan:can7"}, use)
    [(config,)] = [call.args for call in received.await_args_list]
    assert config == PortConfig(Interface.SOCKETCAN, "can7", 250_000)
    field = "channel" if by_hand else "connection"
    assert result["errors"] == {field: fault.value}
    assert filled(result)[field] == ("can7" if by_hand else "socketcan:can7")
    assert filled(result)["bitrate"] == "250000"
    hint = {} if by_hand else {"hint": ""}
    assert result["description_placeholders"] == hint | {
        "name": "Battery 2",
        "channel": "can7",
        "bitrate": "250",
        "commands": "sudo ip link set can7 down && sudo ip link set can7 up"
        " txqueuelen 100 type can bitrate 250000 restart-ms 100",
    }
    if not by_hand:
        await flow.fill(connection="manual")
    result = await flow.fill(interface="virtual", channel="flow-1")
    assert result["step_id"] == "scan_result"


async def test_serial_permission_has_its_own_advice(
    machine: Machine, flow: Flow
) -> None:
    """No network command grants it."""
    machine.adapters = [usb_device("/dev/ttyACM0")]
    await flow.fill(connection="rescan")
    fault = ScanResult(fault=PortFault.NO_PERMISSION)
    with patch.object(listen_flow, "listen", return_value=fault):
        result = await flow.fill(connection="slcan:/dev/ttyACM0")
    assert result["errors"] == {"connection": "no_permission_serial"}


@pytest.mark.usefixtures("socket_enabled")
async def test_missing_link_is_rejected(flow: Flow) -> None:
    """For real: there is no such link, and on some machines no CAN at all."""
    result = await flow.enter("nolink0", interface="socketcan")
    assert result["errors"]["channel"] in {
        PortFault.NO_SUCH_CHANNEL,
        PortFault.NOT_SUPPORTED,
    }
    result = await flow.fill(interface="virtual", channel="flow-1")
    assert result["step_id"] == "scan_result"


async def test_unplugged_adapter_is_found_once_it_is_back(
    machine: Machine, flow: Flow
) -> None:
    """As the message says: plug it in, wait, submit again."""
    machine.links = [link("can6"), link("can7", "4D")]
    await flow.fill(connection="rescan")
    machine.links = [link("can6")]
    lost = ScanResult(fault=PortFault.NO_SUCH_CHANNEL)
    with patch.object(listen_flow, "listen", return_value=lost):
        result = await flow.fill(connection="socketcan:can7")
    assert result["errors"] == {"connection": "no_such_channel"}
    assert result["description_placeholders"]["channel"] == "can7"
    assert filled(result)["connection"] == "rescan"
    machine.links = [link("can6"), link("can5", "4D")]
    result = await flow.fill(filled(result))
    assert filled(result)["connection"] == "socketcan:can5"
    result = await flow.fill(connection="manual")
    assert filled(result)["channel"] == "can5"


# Real adapters


@pytest.fixture(name="adapter")
async def plug_in_adapter(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[SerialAdapter]:
    """Plug in a serial adapter that answers at once."""
    monkeypatch.setattr(slcan_adapter, "GREETING_TIME", 0.05)
    with plugged_in() as adapter:
        machine.adapters = [usb_device(adapter.device)]
        yield adapter


async def test_battery_on_a_serial_adapter_is_added(
    hass: HomeAssistant, bank: MockConfigEntry, machine: Machine, adapter: SerialAdapter
) -> None:
    """Chosen from the list, detected, and stored by its device."""
    machine.listen(PATIENCE)
    flow = await add(hass, bank, "battery")
    key = f"slcan:{adapter.device}"
    assert filled(flow.result) == {"connection": key}

    def speak() -> None:
        if "O" in adapter.commands:
            for frame in BATTERY_FRAMES:
                adapter.send(codec.encode(as_message(frame)))

    async with repeating(speak):
        result = await flow.fill(connection=key)
    assert HEARD in result["description_placeholders"]["scan_result"]
    assert adapter.frames == []
    result = await flow.fill(BATTERY)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert bank.get_subentries_of_type("battery")[-1].data == {
        "interface": "slcan",
        "channel": adapter.device,
        "bitrate": 500_000,
        "capacity_ah": 280.0,
    }


async def test_adapter_unplugged_during_the_scan_is_reported(
    machine: Machine, adapter: SerialAdapter, flow: Flow
) -> None:
    """At once, not after the duration of the scan."""
    machine.listen(3600)
    await flow.fill(connection="rescan")
    await flow.submit({"connection": f"slcan:{adapter.device}"})
    await adapter.until(lambda: "O" in adapter.commands)
    adapter.unplug()
    machine.adapters = []
    result = await flow.follow()
    assert result["errors"] == {"connection": "no_such_channel"}


async def test_adapter_of_another_protocol_is_named(
    machine: Machine, adapter: SerialAdapter, flow: Flow
) -> None:
    """Not as a silent bus; with new firmware it is accepted."""
    machine.listen(3600)
    adapter.answers = {}
    await flow.fill(connection="rescan")
    message = waveshare.variable(telegram(soc=13.0))
    async with repeating(lambda: adapter.send(message)):
        result = await flow.fill(connection=f"slcan:{adapter.device}")
    assert result["errors"] == {"connection": "not_lawicel"}
    assert result["description_placeholders"]["channel"] == adapter.device
    machine.listen(0.05)
    adapter.answers = dict(ACKNOWLEDGING)
    result = await flow.fill(connection=f"slcan:{adapter.device}")
    assert result["step_id"] == "scan_result"
