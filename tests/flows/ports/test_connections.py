"""The connections of a machine, and their labels."""

from collections.abc import Mapping
from typing import Any
from unittest.mock import Mock

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bms_gateway.config_entry import PortOwner
from custom_components.bms_gateway.engine.can.interface.discovery import (
    Adapter,
    FoundLink,
    list_links,
)
from custom_components.bms_gateway.engine.config import Interface
from custom_components.bms_gateway.engine.model import BusState
from custom_components.bms_gateway.flows.ports import connections
from custom_components.bms_gateway.flows.ports.connections import (
    Connection,
    async_find_connections,
    async_identify,
)
from custom_components.bms_gateway.flows.texts import async_texts
from homeassistant.components.usb import SerialDevice
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component

from ...connected import Machine, link, usb_device

HAT = Adapter(driver="mcp251x", place="spi0.0", identities=("path:spi0.0",))
VIRTUAL: dict[str, Any] = {"is_virtual": True, "bitrate": None}


@pytest.fixture(autouse=True)
async def discovery(hass: HomeAssistant, machine: Machine) -> None:
    """Replace the discovery of serial adapters."""
    assert await async_setup_component(hass, "usb", {})


async def find(hass: HomeAssistant) -> list[Connection]:
    """Return the found connections."""
    return await async_find_connections(hass, await async_texts(hass))


@pytest.mark.parametrize(
    ("found", "label"),
    [
        (link("can0", "4D"), "can0 · canable gs_usb · gs_usb · 4D · 500 kbit/s"),
        (link("can0", adapter=HAT), "can0 · mcp251x · spi0.0 · 500 kbit/s"),
        (link("can0", bitrate=83_333), "can0 · 83.333 kbit/s"),
        (link("can0", bitrate=None), "can0"),
        (link("can0", is_up=False), "can0 · switched off"),
        (
            link("can0", state=BusState.ERROR_PASSIVE),
            "can0 · 500 kbit/s · bus errors",
        ),
        (link("can0", state=BusState.ERROR_ACTIVE), "can0 · 500 kbit/s"),
        (link("vcan0", **VIRTUAL), "vcan0 · virtual"),
        (link("vcan0", **VIRTUAL, is_up=False), "vcan0 · virtual · switched off"),
    ],
)
async def test_link_label_names_the_adapter(
    hass: HomeAssistant, machine: Machine, found: FoundLink, label: str
) -> None:
    """So that can0 and can1 can be distinguished."""
    machine.links = [found]
    [connection] = await find(hass)
    assert connection.label == label


async def test_link_is_stored_by_its_adapter(
    hass: HomeAssistant, machine: Machine
) -> None:
    """Only a link without one is stored by its name alone."""
    machine.links = [link("can0", "4D"), link("vcan0", **VIRTUAL)]
    real, virtual = await find(hass)
    assert real.key == "socketcan:can0"
    assert real.port == {
        "interface": "socketcan",
        "channel": "can0",
        "identity": "usb:1d50:606f:4D",
    }
    assert real.names == (
        (Interface.SOCKETCAN, "usb:1d50:606f:4D"),
        (Interface.SOCKETCAN, "path:0000:00:14.0-usb-1"),
        (Interface.SOCKETCAN, "can0"),
    )
    assert virtual.port == {"interface": "socketcan", "channel": "vcan0"}


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ({"resolved_device": "/dev/ttyACM0"}, "CANable2 · 0042 · /dev/ttyACM0"),
        ({"description": None}, "Maker · 0042 · /dev/x"),
        ({"description": None, "manufacturer": None}, "0042 · /dev/x"),
        (
            {"description": None, "manufacturer": None, "serial_number": None},
            "/dev/x",
        ),
    ],
)
async def test_serial_adapter_label_names_the_adapter(
    hass: HomeAssistant, machine: Machine, text: dict[str, Any], label: str
) -> None:
    """It is stored under Home Assistant's name for it."""
    machine.adapters = [usb_device("/dev/x", **text)]
    [connection] = await find(hass)
    assert connection.label == label
    assert connection.key == "slcan:/dev/x"
    assert connection.port == {"interface": "slcan", "channel": "/dev/x"}
    assert connection.is_can


async def test_other_serial_devices_are_not_listed(
    hass: HomeAssistant, machine: Machine
) -> None:
    """A built-in one, and one that another integration uses."""
    machine.adapters = [
        SerialDevice(
            device="/dev/ttyS0", serial_number=None, manufacturer=None, description=None
        ),
        usb_device("/dev/radio", vid="10C4", pid="EA60"),
        usb_device("/dev/other", vid="10C4", pid="EA60"),
    ]
    radio = MockConfigEntry(
        domain="zha",
        data={"device": {"path": "/dev/radio"}},
        state=ConfigEntryState.LOADED,
    )
    radio.add_to_hass(hass)
    [connection] = await find(hass)
    assert connection.key == "slcan:/dev/other"
    assert not connection.is_can
    radio.mock_state(hass, ConfigEntryState.NOT_LOADED)
    assert len(await find(hass)) == 2


async def test_label_names_the_owner() -> None:
    """Of a connection that is taken, by any of its names."""
    texts = {"connection_taken": "belongs to {device} ({gateway})"}
    names = ((Interface.SOCKETCAN, "usb:A"), (Interface.SOCKETCAN, "can0"))
    connection = Connection(label="can0", port={}, names=names)
    owner = PortOwner("House", "Cellar")
    for name in names:
        taken = {name: owner}
        assert connection.owner(taken) == owner
        assert connection.list_label(taken, texts) == "can0 · belongs to Cellar (House)"
    taken = {(Interface.SLCAN, "can0"): owner}
    assert connection.owner(taken) is None
    assert connection.list_label(taken, texts) == "can0"


@pytest.mark.parametrize(
    ("interface", "channel", "expected"),
    [
        ("socketcan", "can0", {"channel": "can0", "identity": "usb:1d50:606f:4D"}),
        ("socketcan", "can9", {"channel": "can9"}),
        ("slcan", "/dev/x", {"channel": "/dev/x"}),
        ("slcan", "/dev/../dev/ttyACM0", {"channel": "/dev/x"}),
        ("slcan", "/dev/ttyACM9", {"channel": "/dev/ttyACM9"}),
        ("virtual", "can0", {"channel": "can0"}),
    ],
)
async def test_manual_connection_is_recognized(
    hass: HomeAssistant,
    machine: Machine,
    interface: str,
    channel: str,
    expected: Mapping[str, str],
) -> None:
    """However it is spelled, it is one connection."""
    machine.links = [link("can0", "4D")]
    machine.adapters = [usb_device("/dev/x", resolved_device="/dev/ttyACM0")]
    typed = {"interface": interface, "channel": channel, "bitrate": 500_000}
    entered = await async_identify(hass, await find(hass), typed)
    assert entered.port == {"interface": interface, **expected}


@pytest.mark.parametrize(
    ("source", "left"),
    [("list_links", "slcan:/dev/x"), ("async_scan_serial_ports", "socketcan:can0")],
)
async def test_failure_of_one_kind_does_not_hide_the_others(
    hass: HomeAssistant,
    machine: Machine,
    monkeypatch: pytest.MonkeyPatch,
    source: str,
    left: str,
) -> None:
    """The others are still found."""
    machine.links = [link("can0")]
    machine.adapters = [usb_device("/dev/x")]
    monkeypatch.setattr(connections, source, Mock(side_effect=OSError))
    [connection] = await find(hass)
    assert connection.key == left


@pytest.mark.usefixtures("socket_enabled")
async def test_connections_of_this_machine_have_labels(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For real, whatever there is."""
    monkeypatch.undo()
    names = {link.name for link in await hass.async_add_executor_job(list_links)}
    found = await find(hass)
    interface = Interface.SOCKETCAN
    links = {c.port["channel"] for c in found if c.port["interface"] == interface}
    assert links == names
    assert all(connection.label for connection in found)
