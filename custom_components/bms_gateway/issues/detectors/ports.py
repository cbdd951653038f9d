"""Issues of ports: why one cannot be open, and exactly what to do about it."""

from collections.abc import Iterator
from typing import Final

from ...engine.can.backend import FIXABLE
from ...engine.can.interface.discovery import set_up_commands
from ...engine.config import BatteryConfig, Interface, InverterConfig, PortConfig
from ...engine.model import PortFault, PortState, PortStatus
from ..context import Detector, Issue, IssueContext, Raised


def _ports(now: IssueContext, raised: Raised) -> Iterator[tuple[str, Issue]]:
    """Find lost ports. While one is being opened again, its issue stays."""
    for device in now.config.devices:
        port = now.port(device.id)
        key = f"port_{device.id}"
        if port.status is PortStatus.LOST:
            yield key, _issue(device, port)
        elif port.status is PortStatus.OPENING and key in raised:
            yield key, raised[key]


def _issue(device: BatteryConfig | InverterConfig, port: PortState) -> Issue:
    config, fault = device.port, port.fault or PortFault.FAILED
    channel = port.link or config.channel
    return Issue(
        f"port_{port.reason}" if port.reason else _key(config, fault),
        {
            "name": device.name,
            "channel": channel,
            "adapter": config.identity or config.channel,
            "bitrate": f"{config.bitrate / 1000:g}",
            "commands": "\n".join(set_up_commands(channel, config.bitrate)),
            "detail": port.detail or "-",
        },
        fixable=config.interface is Interface.SOCKETCAN and fault in FIXABLE,
        device_id=device.id,
    )


def _key(config: PortConfig, fault: PortFault) -> str:
    """Return the key of the texts: the remedy depends on the kind of port."""
    serial = config.interface is Interface.SLCAN
    kernel = config.interface is Interface.SOCKETCAN
    match fault:
        case PortFault.NO_SUCH_CHANNEL if serial or config.identity:
            return "port_adapter_gone"
        case PortFault.NO_PERMISSION if serial:
            return "port_serial_refused"
        case PortFault.NO_PERMISSION if config.bring_up:
            return "port_set_up_refused"
        case PortFault.WRONG_BITRATE if not kernel:
            return "port_bitrate_refused"
        case PortFault.BUS_OFF if not kernel:
            return "port_adapter_bus_off"
        case PortFault.LINK_DOWN | PortFault.NO_CARRIER if not kernel:
            return "port_failed"
        case _:
            return f"port_{fault}"


DETECTORS: Final[tuple[Detector, ...]] = (_ports,)
