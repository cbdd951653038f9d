"""The adapter behind a link; on a real kernel: socketcan/test_links.py."""

from collections.abc import Callable
import errno
import os
from pathlib import Path
import struct

import pytest

from custom_components.bms_gateway.engine.can.interface import discovery as links_module
from custom_components.bms_gateway.engine.can.interface.discovery import (
    FoundLink,
    list_links,
    resolve,
    set_up_commands,
)
from custom_components.bms_gateway.engine.can.interface.state import PortError
from custom_components.bms_gateway.engine.config import Interface, PortConfig
from custom_components.bms_gateway.engine.model import PortFault

CAN, ETHERNET = 280, 1  # linux/if_arp.h
USB = "pci0000:00/0000:00:14.0/usb1/1-1"


class Machine:
    """A simulated /sys, where the kernel describes the devices behind its links."""

    def __init__(self, root: Path) -> None:
        """Start without links."""
        self.root = root
        self.net = root / "class" / "net"
        self.net.mkdir(parents=True)
        self.kinds: dict[str, int] = {}

    def dump(self) -> list[bytes]:
        """Answer as netlink does: ifinfomsg with type and IFF_UP, then IFLA_IFNAME."""
        return [
            struct.pack("=BxHiII", 0, kind, 1, 1, 0)
            + struct.pack("=HH", 4 + len(os.fsencode(name)) + 1, 3)
            + os.fsencode(f"{name}\0")
            for name, kind in self.kinds.items()
        ]

    def link(
        self, name: str, device: str | None = None, *, port: int = 0, kind: int = CAN
    ) -> None:
        """Add a link, with the device behind it."""
        self.kinds[name] = kind
        link = self.net / name
        link.mkdir()
        (link / "dev_port").write_text(f"{port}\n")
        (link / "dev_id").write_text("0x0\n")
        if device:
            (self.root / "devices" / device).mkdir(parents=True, exist_ok=True)
            (link / "device").symlink_to(self.root / "devices" / device)

    def usb(
        self,
        place: str,
        serial: str | None,
        product: str = "candleLight",
        port: int = 0,
    ) -> str:
        """Plug in a USB adapter; return the device that its links have."""
        device = self.root / "devices" / place
        interface = device / f"{device.name}:1.0"
        interface.mkdir(parents=True, exist_ok=True)
        driver = self.root / "bus/usb/drivers/gs_usb"
        driver.mkdir(parents=True, exist_ok=True)
        if not (interface / "driver").exists():
            (interface / "driver").symlink_to(driver)
        (device / "idVendor").write_text("1d50\n")
        (device / "idProduct").write_text("606f\n")
        (device / "product").write_text(f"{product}\n")
        if serial:
            (device / "serial").write_text(f"{serial}\n")
        return f"{place}/{interface.name}"

    def found(self) -> dict[str, FoundLink]:
        """Return the links by name."""
        return {link.name: link for link in list_links()}


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Return a machine without links."""
    made = Machine(tmp_path)
    monkeypatch.setattr(links_module, "SYSFS", made.net)
    monkeypatch.setattr(links_module, "dump", made.dump)
    return made


def test_usb_adapters_are_identified_by_their_serial_numbers(machine: Machine) -> None:
    """Wherever they are plugged in."""
    machine.link("can1", machine.usb(f"{USB}/1-1.2", "0030004A"))
    machine.link("can0", machine.usb(f"{USB}/1-1.3", "003A0021"))
    found = machine.found()
    assert list(found) == ["can0", "can1"]
    assert found["can0"].identity == "usb:1d50:606f:003A0021"
    assert found["can1"].identity == "usb:1d50:606f:0030004A"
    adapter = found["can1"].adapter
    assert (adapter.driver, adapter.product) == ("gs_usb", "candleLight")
    assert (adapter.serial, adapter.place) == ("0030004A", "0000:00:14.0-usb-1.2")
    assert found["can1"].is_up


def test_adapters_with_the_same_serial_number_are_identified_by_place(
    machine: Machine,
) -> None:
    """Cheap copies have the serial number of their model."""
    machine.link("can0", machine.usb(f"{USB}/1-1.2", "000000000001"))
    assert machine.found()["can0"].identity == "usb:1d50:606f:000000000001"
    machine.link("can1", machine.usb(f"{USB}/1-1.3", "000000000001"))
    found = machine.found()
    assert found["can0"].identity == "path:0000:00:14.0-usb-1.2"
    assert found["can1"].identity == "path:0000:00:14.0-usb-1.3"


def test_place_does_not_depend_on_the_order_of_the_buses(machine: Machine) -> None:
    """The kernel numbers USB buses in the order in which it finds them."""
    other = "pci0000:00/0000:00:14.0/usb3/3-1/3-1.2"
    machine.link("can0", machine.usb(other, None))
    assert machine.found()["can0"].identity == "path:0000:00:14.0-usb-1.2"


def test_channels_of_one_adapter_have_different_identities(machine: Machine) -> None:
    """They share a device and have different numbers."""
    device = machine.usb(f"{USB}/1-1.2", "A1")
    machine.link("can0", device)
    machine.link("can1", device, port=1)
    found = machine.found()
    assert found["can0"].identity == "usb:1d50:606f:A1"
    assert found["can1"].identity == "usb:1d50:606f:A1#1"


def test_names_that_are_not_text_are_listed(machine: Machine) -> None:
    """The kernel accepts any bytes as the name of a link."""
    odd = os.fsdecode(b"c\xff\xfe")
    machine.link(os.fsdecode(b"x\xff"), kind=ETHERNET)
    machine.link(odd)
    assert list(machine.found()) == [odd]


def test_plug_on_board_is_identified_by_place(machine: Machine) -> None:
    """That is its place on the SPI bus."""
    machine.link("can0", "platform/soc/fe204000.spi/spi_master/spi0/spi0.0")
    machine.link("can1", "platform/soc/fe204000.spi/spi_master/spi0/spi0.1")
    identities = [link.identity for link in machine.found().values()]
    assert identities == ["path:spi0.0", "path:spi0.1"]


def test_links_without_a_device_have_no_identity(machine: Machine) -> None:
    """Virtual ones have only their name; links other than CAN are not listed."""
    machine.link("vcan0")
    machine.link("eth0", kind=ETHERNET)
    (link,) = list_links()
    assert (link.name, link.identity) == ("vcan0", None)


def _port(identity: str | None, channel: str = "can0") -> PortConfig:
    return PortConfig(Interface.SOCKETCAN, channel, identity=identity)


def test_adapter_is_found_under_any_name(machine: Machine) -> None:
    """It does not matter if can0 and can1 are exchanged."""
    machine.link("can0", machine.usb(f"{USB}/1-1.2", "B"))
    machine.link("can1", machine.usb(f"{USB}/1-1.3", "A"))
    assert resolve(_port("usb:1d50:606f:A")).channel == "can1"
    assert resolve(_port("usb:1d50:606f:B", "can1")).channel == "can0"
    assert resolve(_port(None)).channel == "can0"


def _none(machine: Machine) -> None:
    machine.link("can0", machine.usb(f"{USB}/1-1.3", "other"))


def _without_serial(machine: Machine) -> None:
    machine.link("can0")


def _two(machine: Machine) -> None:
    for place, name in (("1-1.2", "can0"), ("1-1.3", "can1")):
        machine.link(name, machine.usb(f"{USB}/{place}", "A"))


@pytest.mark.parametrize(
    ("plug", "fault"),
    [
        (_none, PortFault.NO_SUCH_CHANNEL),
        (_without_serial, PortFault.NO_SUCH_CHANNEL),
        (_two, PortFault.AMBIGUOUS),
    ],
)
def test_no_other_adapter_is_used_instead(
    machine: Machine, plug: Callable[[Machine], None], fault: PortFault
) -> None:
    """Not one whose link has the right name, and not one of two with the serial number."""
    plug(machine)
    with pytest.raises(PortError) as raised:
        resolve(_port("usb:1d50:606f:A"))
    assert raised.value.fault is fault
    assert "usb:1d50:606f:A" in str(raised.value)


def test_kernel_without_answer_is_a_fault_of_the_port(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not an unexpected error."""

    def refuse() -> list[bytes]:
        raise OSError(errno.EPERM, "refused")

    monkeypatch.setattr(links_module, "dump", refuse)
    with pytest.raises(PortError) as raised:
        resolve(_port("usb:1d50:606f:A"))
    assert raised.value.fault is PortFault.NO_PERMISSION


def test_commands_for_the_user_can_be_copied() -> None:
    """They are complete shell commands."""
    assert set_up_commands("can0", 250_000) == (
        "sudo ip link set can0 down",
        (
            "sudo ip link set can0 up txqueuelen 100"
            " type can bitrate 250000 restart-ms 100"
        ),
    )
