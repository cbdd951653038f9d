"""Queries network links from the kernel, and changes what pyroute2 cannot."""

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
_NLM_F_ACK: Final = 0x4
_NLM_F_DUMP: Final = 0x300
_RTM_NEWLINK: Final = 16
_RTM_GETLINK: Final = 18
_RTMGRP_LINK: Final = 1
IFLA_IFNAME: Final = 3
_ANSWER_SIZE: Final = 65536


def query(name: bytes) -> bytes:
    """Return the kernel's answer about one link, named with a final NUL.

    It starts with a LINK, followed by attributes. OSError (ENODEV) if there is none.
    """
    return next(_answers(_RTM_GETLINK, _NLM_F_REQUEST, attribute(IFLA_IFNAME, name)))


def query_index(index: int) -> bytes:
    """Return the kernel's answer about one link by its index, as `query` does."""
    return next(_answers(_RTM_GETLINK, _NLM_F_REQUEST, index=index))


def change(index: int, attributes: bytes) -> None:
    """Change attributes of one link; OSError when the kernel refuses, usually EPERM."""
    list(_answers(_RTM_NEWLINK, _NLM_F_REQUEST | _NLM_F_ACK, attributes, index))


def subscribe() -> socket.socket:
    """Return a non-blocking socket on which the kernel reports changes of links."""
    netlink = socket.socket(
        socket.AF_NETLINK,
        socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC,
        socket.NETLINK_ROUTE,
    )
    netlink.bind((0, _RTMGRP_LINK))
    return netlink


def reports(netlink: socket.socket) -> list[bytes]:
    """Return the links that one message of a subscription reports, as `query` does.

    BlockingIOError when none waits; other OSErrors when the kernel has dropped some.
    """
    received = _messages(netlink.recv(_ANSWER_SIZE))
    return [content for kind, content in received if kind == _RTM_NEWLINK]


def dump() -> list[bytes]:
    """Return the kernel's answers about every link; OSError if there are none."""
    return list(_answers(_RTM_GETLINK, _NLM_F_REQUEST | _NLM_F_DUMP))


def attribute(kind: int, data: bytes) -> bytes:
    """Return an attribute, padded to 4 bytes."""
    packed = _ATTRIBUTE.pack(_ATTRIBUTE.size + len(data), kind) + data
    return packed + bytes(-len(packed) % 4)


def find(attributes: bytes, wanted: int) -> bytes:
    """Return the content of one attribute; empty if it is missing."""
    return next((data for kind, data in walk(attributes) if kind == wanted), b"")


def walk(attributes: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield type and content of each attribute; they are aligned to 4 bytes."""
    while len(attributes) >= _ATTRIBUTE.size:
        size, kind = _ATTRIBUTE.unpack_from(attributes)
        if size < _ATTRIBUTE.size:
            return
        yield kind & 0x3FFF, attributes[_ATTRIBUTE.size : size]
        attributes = attributes[(size + 3) & ~3 :]


def _answers(
    request: int, flags: int, attributes: bytes = b"", index: int = 0
) -> Iterator[bytes]:
    """Yield the answers to a request about links, without their netlink headers."""
    body = LINK.pack(0, 0, index, 0, 0) + attributes
    message = _MESSAGE.pack(_MESSAGE.size + len(body), request, flags, 1, 0) + body
    with socket.socket(
        socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE
    ) as netlink:
        netlink.sendall(message)
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
            if code := -struct.unpack_from("=i", content)[0]:
                raise OSError(code, os.strerror(code))
            kind = _NLMSG_DONE  # the acknowledgement of a change
        yield kind, content
        answer = answer[(size + 3) & ~3 :]
