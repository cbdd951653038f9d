"""The CAN links of this machine, and the adapter behind each of them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
import os
from pathlib import Path
from typing import Final

from ...config import PortConfig
from ...model import BusState, PortFault
from .netlink import IFLA_IFNAME, LINK, dump, find
from .state import Link, PortError, link_of

SYSFS: Final = Path("/sys/class/net")
"""Where the kernel describes the devices behind its network links."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """The hardware behind a link; virtual links have none."""

    driver: str | None = None
    product: str | None = None
    """The product name that a USB adapter reports."""
    serial: str | None = None
    """The serial number of a USB adapter."""
    place: str | None = None
    """Where it is plugged in, such as `0000:00:14.0-usb-1.2` or `spi0.0`."""
    identities: tuple[str, ...] = ()
    """Names by which the adapter is found again, the best one first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundLink:
    """A CAN link of this machine, for a list to choose from."""

    name: str
    is_up: bool
    bitrate: int | None
    """bit/s; None where it has none (virtual links) or none was set yet."""
    state: BusState | None
    is_virtual: bool
    adapter: Adapter = Adapter()
    identity: str | None = None
    """What to store as `PortConfig.identity`: it identifies only this link."""


def list_links() -> list[FoundLink]:
    """Return every CAN link, by name; OSError where the kernel does not answer.

    Blocks briefly: call it in an executor. Needs no rights.
    """
    links = sorted(_links(), key=lambda link: link.name)
    return [replace(link, identity=_identity(link, links)) for link in links]


def resolve(config: PortConfig) -> PortConfig:
    """Return the port with the present name of its adapter's link; may block.

    PortError (NO_SUCH_CHANNEL, AMBIGUOUS) unless exactly one link has the identity: a
    link that only has the right name may belong to a different bus.
    """
    if config.identity is None:
        return config
    try:
        links = list_links()
    except OSError as error:
        raise PortError.of(error) from error
    names = [each.name for each in links if config.identity in each.adapter.identities]
    if len(names) == 1:
        return replace(config, channel=names[0])
    fault, problem = (
        (PortFault.AMBIGUOUS, f"is that of {', '.join(names)}")
        if names
        else (PortFault.NO_SUCH_CHANNEL, "is not there")
    )
    raise PortError(fault, f"The adapter {config.identity} {problem}")


def set_up_commands(channel: str, bitrate: int) -> tuple[str, ...]:
    """Return the shell commands by which a user sets up a link."""
    return (
        f"sudo ip link set {channel} down",
        (
            f"sudo ip link set {channel} up txqueuelen {QUEUE_LENGTH}"
            f" type can bitrate {bitrate} restart-ms {RESTART_MS}"
        ),
    )


QUEUE_LENGTH: Final = 100
"""Frames that a link queues: Linux's 10 are fewer than a telegram and polls."""
RESTART_MS: Final = 100
"""Milliseconds after which a controller that is bus-off restarts."""


def _links() -> Iterator[FoundLink]:
    for answer in dump():
        link: Link = link_of(answer)
        if link.is_can:
            name = os.fsdecode(find(answer[LINK.size :], IFLA_IFNAME).rstrip(b"\0"))
            yield FoundLink(
                name=name,
                is_up=link.is_up,
                bitrate=link.bitrate,
                state=link.state,
                is_virtual=link.is_virtual,
                adapter=_adapter(SYSFS / name),
            )


def _identity(link: FoundLink, links: list[FoundLink]) -> str | None:
    """Return the first identity that no other link has: serials can be copies."""
    others = {i for each in links if each is not link for i in each.adapter.identities}
    return next((i for i in link.adapter.identities if i not in others), None)


def _adapter(link: Path) -> Adapter:
    device = (link / "device").resolve()
    if not (link / "device").exists():
        return Adapter()
    usb = next(
        (p for p in (device, *device.parents) if (p / "idVendor").exists()), None
    )
    serial = _text(usb / "serial") if usb else None
    place = _usb_place(usb) if usb else device.name
    channel = _channel(link)
    identities = [f"path:{place}{channel}"]
    if usb and serial:
        kind = f"{_text(usb / 'idVendor')}:{_text(usb / 'idProduct')}"
        identities.insert(0, f"usb:{kind}:{serial}{channel}")
    driver = device / "driver"
    return Adapter(
        driver=driver.resolve().name if driver.exists() else None,
        product=_text(usb / "product") if usb else None,
        serial=serial,
        place=place,
        identities=tuple(identities),
    )


def _usb_place(device: Path) -> str:
    """Return host controller and ports; the bus number depends on the boot order."""
    root = next((p for p in device.parents if p.name.startswith("usb")), device)
    return f"{root.parent.name}-usb-{device.name.partition('-')[2]}"


def _channel(link: Path) -> str:
    """Return the suffix that identifies an adapter's channel; empty for the first."""
    numbers = (_text(link / "dev_port"), _text(link / "dev_id"))
    number = next((n for text in numbers if text and (n := int(text, 0))), 0)
    return f"#{number}" if number else ""


def _text(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8", errors="replace").strip() or None
    except OSError:
        return None
