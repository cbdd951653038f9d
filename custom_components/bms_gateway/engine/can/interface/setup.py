"""Sets up a CAN link as root; imports pyroute2, so import this in an executor."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
import errno
from functools import partial
import os
from socket import if_nametoindex
import struct
from typing import Any, Final

from pyroute2.iproute.linux import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from .discovery import QUEUE_LENGTH, RESTART_MS
from .netlink import attribute, change as change_link

# Linux: linux/if_link.h, linux/can/netlink.h
_IFLA_LINKINFO: Final = 18
_IFLA_INFO_KIND: Final = 1
_IFLA_INFO_DATA: Final = 2
_IFLA_CAN_RESTART: Final = 7

_OPTIONAL: Final = frozenset({errno.EOPNOTSUPP, errno.EINVAL})
"""Errors of a driver without restart after bus-off, or without listen-only mode."""

_netlink: Final[Callable[[], Any]] = IPRoute  # pyroute2 has no types


def bring_up(
    name: str, *, bitrate: int | None, listen_only: bool = False, lower: bool = True
) -> None:
    """Bring a link down, set its bitrate (None: it has none) and bring it up.

    `listen_only`: it does not even acknowledge; not every driver can. `lower`: False
    for a link that is down already. OSError when the kernel refuses: EPERM without
    the right to administer the network, ENODEV when the link is gone.
    """
    with _link(name) as change:
        if lower:
            change(state="down")
        if bitrate is not None:
            _set_controller(change, bitrate, listen_only=listen_only)
        change(txqlen=QUEUE_LENGTH)
        change(state="up")


def restart(name: str) -> None:
    """Restart a controller that is bus-off and does not restart automatically.

    OSError when the kernel refuses: EPERM, or EOPNOTSUPP where the driver cannot. Does
    not use pyroute2: its version 0.9 sends the attribute without its 32 bits, which
    the kernel refuses (ERANGE).
    """
    request = attribute(_IFLA_CAN_RESTART, struct.pack("=I", 1))
    info = attribute(_IFLA_INFO_KIND, b"can\0") + attribute(_IFLA_INFO_DATA, request)
    change_link(if_nametoindex(name), attribute(_IFLA_LINKINFO, info))


def complete(name: str, *, with_restart: bool) -> None:
    """Set queue length and, `with_restart`, automatic restart of a link that is up.

    A driver that cannot restart is left alone. A kernel that accepts the restart only
    while the link is down has it brought down briefly, with all else unchanged. OSError
    when the kernel refuses.
    """
    with _link(name) as change:
        change(txqlen=QUEUE_LENGTH)
        if not with_restart:
            return
        try:
            _set_restart(change)
        except NetlinkError as error:
            if error.code != errno.EBUSY:
                raise
        else:
            return
        change(state="down")
        try:
            _set_restart(change)
        finally:
            change(state="up")


type _Change = Callable[..., Any]
"""Changes the given attributes of one link; NetlinkError when the kernel refuses."""


@contextmanager
def _link(name: str) -> Iterator[_Change]:
    index = if_nametoindex(name)
    try:
        with _netlink() as netlink:
            yield partial(netlink.link, "set", index=index)
    except NetlinkError as error:
        raise OSError(error.code, os.strerror(error.code)) from error


def _set_restart(change: _Change) -> None:
    _set_if_possible(change, can_restart_ms=RESTART_MS)


def _set_controller(change: _Change, bitrate: int, *, listen_only: bool) -> None:
    change(kind="can", can_bittiming={"bitrate": bitrate})
    _set_restart(change)
    mode = {"listenonly": "on" if listen_only else "off"}
    _set_if_possible(change, can_ctrlmode=mode)


def _set_if_possible(change: _Change, **values: Any) -> None:
    try:
        change(kind="can", **values)
    except NetlinkError as error:
        if error.code not in _OPTIONAL:
            raise
