"""The state of a CAN link, as the kernel reports it without special rights."""

from dataclasses import dataclass, field
import errno
from itertools import islice
import os
import socket
import struct
from typing import Final

from ...config import PortConfig
from ...model import NO_CONTROLLER, BusState, Controller, PortFault, PortReason
from .netlink import LINK, find, query

BITRATE_TOLERANCE: Final = 0.01
"""Fraction of the bitrate: a controller's clock seldom divides to it exactly.

ISO 11898-1 permits the clocks of two nodes to differ by up to 1.58 %.
"""

FAULTS: Final = {
    errno.ENODEV: PortFault.NO_SUCH_CHANNEL,
    errno.ENXIO: PortFault.NO_SUCH_CHANNEL,
    errno.ENOENT: PortFault.NO_SUCH_CHANNEL,
    errno.EBUSY: PortFault.BUSY,
    errno.EWOULDBLOCK: PortFault.BUSY,
    errno.ENETDOWN: PortFault.LINK_DOWN,
    errno.EPERM: PortFault.NO_PERMISSION,
    errno.EACCES: PortFault.NO_PERMISSION,
    errno.EAFNOSUPPORT: PortFault.NOT_SUPPORTED,
    errno.EPROTONOSUPPORT: PortFault.NOT_SUPPORTED,
}

# Linux: linux/if_arp.h, linux/if.h, linux/if_link.h, linux/can/netlink.h
ARPHRD_CAN: Final = 280
_IFF_UP: Final = 0x1
_IFF_LOWER_UP: Final = 0x10000
_IFF_ECHO: Final = 0x40000
_IFLA_TXQLEN: Final = 13
_IFLA_LINKINFO: Final = 18
_IFLA_INFO_KIND: Final = 1
_IFLA_INFO_DATA: Final = 2
_VIRTUAL_KINDS: Final = frozenset({b"vcan", b"vxcan"})
_IFLA_CAN_BITTIMING: Final = 1
_IFLA_CAN_STATE: Final = 4
_IFLA_CAN_RESTART_MS: Final = 6
_IFLA_CAN_BERR_COUNTER: Final = 8
_NUMBER: Final = struct.Struct("=I")
_COUNTERS: Final = struct.Struct("=HH")
"""struct can_berr_counter: transmit, receive."""
_NAME_SIZE: Final = 15


class PortError(Exception):
    """Why a port cannot be open: the fault, and the system's error message."""

    link: str | None = None
    """The present name of the link of the configured adapter, if it was found."""
    controller: Controller = NO_CONTROLLER
    """The state of the controller, if that is the cause."""

    def __init__(
        self, fault: PortFault, detail: str, reason: PortReason | None = None
    ) -> None:
        """Keep the fault and the reason, if it has one, for translation."""
        super().__init__(detail)
        self.fault = fault
        self.reason = reason

    @classmethod
    def of(cls, error: Exception) -> PortError:
        """Return the port error for an error of python-can or of the system."""
        if isinstance(error, cls):
            return error
        code = getattr(error, "error_code", None) or getattr(error, "errno", None)
        return cls(FAULTS.get(code or 0, PortFault.FAILED), str(error))


@dataclass(frozen=True, slots=True)
class Link:
    """A network link as reported by the kernel."""

    is_can: bool
    is_up: bool
    echoes: bool
    """Whether its driver echoes a frame once it was transmitted (IFF_ECHO).

    Otherwise (slcan, vcan) the kernel echoes it when it puts it into the queue.
    """
    bitrate: int | None
    """bit/s; None where the link has none or does not report it."""
    is_virtual: bool = False
    """Whether there is no hardware that could hold a frame back (vcan, vxcan)."""
    index: int = field(default=0, compare=False)
    """The kernel's number of the link, which stays when it is renamed."""
    controller: Controller = field(default=NO_CONTROLLER, compare=False)
    restart_ms: int | None = field(default=None, compare=False)
    """Milliseconds after which a controller that is bus-off restarts; 0: never. None:
    the link has no controller."""
    queue_length: int | None = field(default=None, compare=False)
    """Frames that the link's queue holds."""

    @property
    def state(self) -> BusState | None:
        """The state of its controller; None where it has none or does not report it."""
        return self.controller.state

    def check_controller(self, name: str) -> None:
        """Raise PortError if the controller is bus-off or the link has no carrier."""
        if fault := self.controller.fault:
            raise controller_error(self.controller, fault, name)


def check_link(config: PortConfig) -> Link:
    """Return a link that can be opened; PortError if it cannot. Blocks briefly."""
    try:
        _check_kernel()
        link = read_link(config.channel)
    except OSError as error:
        raise PortError.of(error) from error
    if not link.is_can:
        raise PortError(
            PortFault.NO_SUCH_CHANNEL, f"{config.channel} is not a CAN link"
        )
    if not link.is_up:
        raise PortError(PortFault.LINK_DOWN, os.strerror(errno.ENETDOWN))
    if link.bitrate and _differs(link.bitrate, config.bitrate):
        raise PortError(
            PortFault.WRONG_BITRATE,
            f"{config.channel} has {link.bitrate} bit/s, not {config.bitrate}",
        )
    link.check_controller(config.channel)
    return link


def controller_error(controller: Controller, fault: PortFault, name: str) -> PortError:
    """Return the error of a port whose controller has this fault."""
    problem = (
        f"The controller of {name} is bus-off"
        if fault is PortFault.BUS_OFF
        else f"{name} has no carrier"
    )
    error = PortError(fault, problem)
    error.controller = controller
    return error


def read_link(name: str) -> Link:
    """Return the kernel's state of a link; OSError (ENODEV) if there is none.

    Uses netlink: sysfs may show the links of another network namespace.
    """
    encoded = os.fsencode(name)
    if not 0 < len(encoded) <= _NAME_SIZE or b"\0" in encoded:
        raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
    return link_of(query(encoded + b"\0"))


def link_of(answer: bytes) -> Link:
    """Return the link that an answer of the kernel describes."""
    _, link_type, index, flags, _ = LINK.unpack_from(answer)
    attributes = answer[LINK.size :]
    info = find(attributes, _IFLA_LINKINFO)
    kind = find(info, _IFLA_INFO_KIND).rstrip(b"\0")
    details = find(info, _IFLA_INFO_DATA)
    timing = find(details, _IFLA_CAN_BITTIMING)
    is_can = link_type == ARPHRD_CAN
    is_up = bool(flags & _IFF_UP)
    bitrate = _number(timing) if is_can else None
    return Link(
        is_can,
        is_up,
        bool(flags & _IFF_ECHO),
        bitrate or None,
        kind in _VIRTUAL_KINDS,
        index,
        _controller(details, bool(flags & _IFF_LOWER_UP) if is_up else None)
        if is_can
        else NO_CONTROLLER,
        _number(find(details, _IFLA_CAN_RESTART_MS)),
        _number(find(attributes, _IFLA_TXQLEN)),
    )


def _check_kernel() -> None:
    """Raise OSError when this kernel, or this Python, has no CAN."""
    if not hasattr(socket, "AF_CAN"):
        raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))
    socket.socket(socket.AF_CAN, socket.SOCK_RAW, socket.CAN_RAW).close()


def _differs(actual: int, wanted: int) -> bool:
    return abs(actual - wanted) > BITRATE_TOLERANCE * wanted


def _controller(details: bytes, carrier: bool | None) -> Controller:
    """Return the controller that the attributes of a CAN link describe."""
    state = _number(find(details, _IFLA_CAN_STATE))
    counters = find(details, _IFLA_CAN_BERR_COUNTER)
    transmit, receive = (
        _COUNTERS.unpack_from(counters)
        if len(counters) >= _COUNTERS.size
        else (None, None)
    )
    return Controller(
        carrier=carrier,
        state=None if state is None else next(islice(BusState, state, None), None),
        transmit_errors=transmit,
        receive_errors=receive,
    )


def _number(attribute: bytes) -> int | None:
    """Return the 32 bits of an attribute; None if it is missing."""
    if len(attribute) < _NUMBER.size:
        return None
    return int(_NUMBER.unpack_from(attribute)[0])
