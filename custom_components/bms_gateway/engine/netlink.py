"""Asking the kernel about network links, without rights."""

from collections.abc import Iterator
import os
import socket
import struct
from typing import Final

# Linux: linux/netlink.h, linux/rtnetlink.h, linux/if_link.h
_MESSAGE: Final = struct.Struct("=IHHII")  # length, type, flags, sequence, sender
LINK: Final = struct.Struct("=BxHiII")
"""struct ifinfomsg: family, type, index, flags, change."""
_ATTRIBUTE: Final = struct.Struct("=HH")  # length, type
_NLMSG_ERROR: Final = 2
_NLMSG_DONE: Final = 3
_NLM_F_REQUEST: Final = 0x1
_NLM_F_DUMP: Final = 0x300
_RTM_GETLINK: Final = 18
IFLA_IFNAME: Final = 3
_ANSWER_SIZE: Final = 65536


def ask(name: bytes) -> bytes:
    """Return the kernel's answer about one link, named with a final NUL.

    It begins with a LINK, then come attributes. OSError (ENODEV) if there is none.
    """
    attribute = _ATTRIBUTE.pack(_ATTRIBUTE.size + len(name), IFLA_IFNAME) + name
    return next(_answers(_NLM_F_REQUEST, attribute))


def dump() -> list[bytes]:
    """Return the kernel's answers about every link; OSError if it gives none."""
    return list(_answers(_NLM_F_REQUEST | _NLM_F_DUMP, b""))


def find(attributes: bytes, wanted: int) -> bytes:
    """Return the content of one attribute; empty if it is not there."""
    return next((data for kind, data in walk(attributes) if kind == wanted), b"")


def walk(attributes: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield type and content of each attribute; they are aligned to 4 bytes."""
    while len(attributes) >= _ATTRIBUTE.size:
        size, kind = _ATTRIBUTE.unpack_from(attributes)
        if size < _ATTRIBUTE.size:
            return
        yield kind & 0x3FFF, attributes[_ATTRIBUTE.size : size]
        attributes = attributes[(size + 3) & ~3 :]


def _answers(flags: int, attributes: bytes) -> Iterator[bytes]:
    """Yield the answers to RTM_GETLINK, without their netlink headers."""
    body = LINK.pack(0, 0, 0, 0, 0) + attributes
    request = _MESSAGE.pack(_MESSAGE.size + len(body), _RTM_GETLINK, flags, 1, 0)
    with socket.socket(
        socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE
    ) as netlink:
        netlink.sendall(request + body)
        while True:
            for kind, content in _messages(netlink.recv(_ANSWER_SIZE)):
                if kind == _NLMSG_DONE:
                    return
                yield content


def _messages(answer: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield type and content of the messages of one answer; an error is raised."""
    while len(answer) >= _MESSAGE.size:
        size, kind, *_ = _MESSAGE.unpack_from(answer)
        content = answer[_MESSAGE.size : size]
        if kind == _NLMSG_ERROR:
            code = -struct.unpack_from("=i", content)[0]
            raise OSError(code, os.strerror(code))
        yield kind, content
        answer = answer[(size + 3) & ~3 :]
