"""What the kernel tells of a CAN link and of a socket on it, asked without rights."""

from collections.abc import Iterator
from dataclasses import dataclass
import errno
import os
import socket
import struct
from typing import Any, Final, override

from .config import PortConfig
from .model import PortFault

BITRATE_TOLERANCE: Final = 0.01
"""Part of the bitrate: a controller's clock seldom divides to it exactly.

ISO 11898-1 lets the clocks of two nodes differ by up to 1.58 %.
"""

FAULTS: Final = {
    errno.ENODEV: PortFault.NO_SUCH_CHANNEL,
    errno.ENXIO: PortFault.NO_SUCH_CHANNEL,
    errno.ENETDOWN: PortFault.LINK_DOWN,
    errno.EPERM: PortFault.NO_PERMISSION,
    errno.EACCES: PortFault.NO_PERMISSION,
    errno.EAFNOSUPPORT: PortFault.NOT_SUPPORTED,
    errno.EPROTONOSUPPORT: PortFault.NOT_SUPPORTED,
}

# Linux: linux/netlink.h, linux/rtnetlink.h, linux/if_link.h, linux/can/netlink.h
_MESSAGE: Final = struct.Struct("=IHHII")  # length, type, flags, sequence, sender
_LINK: Final = struct.Struct("=BxHiII")  # family, type, index, flags, change
_ATTRIBUTE: Final = struct.Struct("=HH")  # length, type
_NLMSG_ERROR: Final = 2
_NLM_F_REQUEST: Final = 1
_RTM_GETLINK: Final = 18
_ARPHRD_CAN: Final = 280
_IFF_UP: Final = 0x1
_IFF_ECHO: Final = 0x40000
_IFLA_IFNAME: Final = 3
_IFLA_LINKINFO: Final = 18
_IFLA_INFO_KIND: Final = 1
_IFLA_INFO_DATA: Final = 2
_VIRTUAL_KINDS: Final = frozenset({b"vcan", b"vxcan"})
_IFLA_CAN_BITTIMING: Final = 1
_NAME_SIZE: Final = 15
_ANSWER_SIZE: Final = 65536

# Linux: asm-generic/socket.h, linux/sock_diag.h
_SO_MEMINFO: Final = 55
_MEMORY: Final = struct.Struct("=3I")  # received bytes, their bound, bytes to send


class PortError(Exception):
    """Why a port cannot be open: the fault, and the system's own words for it."""

    def __init__(self, fault: PortFault, detail: str) -> None:
        """Keep the fault for those who translate it."""
        super().__init__(detail)
        self.fault = fault

    @classmethod
    def of(cls, error: Exception) -> PortError:
        """Return what an error of python-can or of the system means for a port."""
        code = getattr(error, "error_code", None) or getattr(error, "errno", None)
        return cls(FAULTS.get(code or 0, PortFault.FAILED), str(error))


@dataclass(frozen=True, slots=True)
class Link:
    """A network link as the kernel sees it."""

    is_can: bool
    is_up: bool
    echoes: bool
    """Whether its driver echoes a frame once it was transmitted (IFF_ECHO).

    Otherwise (slcan, vcan) the kernel echoes it when it takes it into the queue.
    """
    bitrate: int | None
    """bit/s; None where the link has none or does not tell."""
    is_virtual: bool = False
    """Whether it has no hardware that could hold a frame back (vcan, vxcan)."""


def check_link(config: PortConfig) -> Link:
    """Return a link that can be opened; PortError if it cannot. Blocks for a moment."""
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
    return link


def read_link(name: str) -> Link:
    """Return what the kernel knows of a link; OSError (ENODEV) if there is none.

    Asked by netlink: sysfs may show the links of another network namespace.
    """
    encoded = name.encode()
    if not 0 < len(encoded) <= _NAME_SIZE or b"\0" in encoded:
        raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
    answer = _ask(encoded + b"\0")
    _, link_type, _, flags, _ = _LINK.unpack_from(answer)
    info = _find(answer[_LINK.size :], _IFLA_LINKINFO)
    kind = _find(info, _IFLA_INFO_KIND).rstrip(b"\0")
    timing = _find(_find(info, _IFLA_INFO_DATA), _IFLA_CAN_BITTIMING)
    is_can = link_type == _ARPHRD_CAN
    bitrate = struct.unpack_from("=I", timing)[0] if is_can and timing else None
    return Link(
        is_can,
        bool(flags & _IFF_UP),
        bool(flags & _IFF_ECHO),
        bitrate,
        kind in _VIRTUAL_KINDS,
    )


class OwnSocket(socket.socket):
    """A CAN socket that takes for its own only the frames that it sent itself.

    python-can takes every frame of this machine for an echo (MSG_DONTROUTE), also one
    that another program sent; the kernel tells them apart (MSG_CONFIRM).
    """

    @override
    def recvmsg(self, *arguments: Any) -> tuple[bytes, list[Any], int, Any]:
        data, ancillary, flags, address = super().recvmsg(*arguments)
        if not flags & socket.MSG_CONFIRM:
            flags &= ~socket.MSG_DONTROUTE
        return data, ancillary, flags, address

    @property
    def unsent(self) -> int:
        """Bytes of kernel memory held by own frames that the driver did not take yet.

        Each frame holds some hundred. The driver may have taken one and not sent it.
        """
        memory = self.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMORY.size)
        return int(_MEMORY.unpack(memory)[2])


def _check_kernel() -> None:
    """Raise OSError when this kernel, or this Python, has no CAN."""
    if not hasattr(socket, "AF_CAN"):
        raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))
    socket.socket(socket.AF_CAN, socket.SOCK_RAW, socket.CAN_RAW).close()


def _differs(actual: int, wanted: int) -> bool:
    return abs(actual - wanted) > BITRATE_TOLERANCE * wanted


def _ask(name: bytes) -> bytes:
    """Return the kernel's answer to RTM_GETLINK, without its netlink header."""
    body = _LINK.pack(0, 0, 0, 0, 0)
    body += _ATTRIBUTE.pack(_ATTRIBUTE.size + len(name), _IFLA_IFNAME) + name
    size = _MESSAGE.size + len(body)
    with socket.socket(
        socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE
    ) as netlink:
        netlink.sendall(_MESSAGE.pack(size, _RTM_GETLINK, _NLM_F_REQUEST, 1, 0) + body)
        answer = netlink.recv(_ANSWER_SIZE)
    _, kind, *_ = _MESSAGE.unpack_from(answer)
    content = answer[_MESSAGE.size :]
    if kind == _NLMSG_ERROR:
        code = -struct.unpack_from("=i", content)[0]
        raise OSError(code, os.strerror(code))
    return content


def _find(attributes: bytes, wanted: int) -> bytes:
    """Return the content of one attribute; empty if it is not there."""
    return next((data for kind, data in _walk(attributes) if kind == wanted), b"")


def _walk(attributes: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield type and content of each attribute; they are aligned to 4 bytes."""
    while len(attributes) >= _ATTRIBUTE.size:
        size, kind = _ATTRIBUTE.unpack_from(attributes)
        if size < _ATTRIBUTE.size:
            return
        yield kind & 0x3FFF, attributes[_ATTRIBUTE.size : size]
        attributes = attributes[(size + 3) & ~3 :]
