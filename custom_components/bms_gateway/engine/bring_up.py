"""Setting up a CAN link as root does; imports pyroute2, so import it in an executor."""

from collections.abc import Callable
import errno
import os
from socket import if_nametoindex
from typing import Any, Final

from pyroute2.iproute.linux import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from .links import QUEUE_LENGTH, RESTART_MS

_OPTIONAL: Final = frozenset({errno.EOPNOTSUPP, errno.EINVAL})
"""How a driver says that it has no restart after bus-off, or no listen-only mode."""

_netlink: Final[Callable[[], Any]] = IPRoute  # pyroute2 has no types


def bring_up(
    name: str, *, bitrate: int | None, listen_only: bool = False, lower: bool = True
) -> None:
    """Lower a link, set its bitrate (None: it has none) and raise it.

    `listen_only`: it does not even acknowledge; not every driver can. `lower`: False
    for a link that is down already. OSError when the kernel refuses: EPERM without
    the right to administer the network, ENODEV when the link is gone.
    """
    index = if_nametoindex(name)
    try:
        with _netlink() as netlink:
            if lower:
                netlink.link("set", index=index, state="down")
            if bitrate is not None:
                _set_controller(netlink, index, bitrate, listen_only=listen_only)
            netlink.link("set", index=index, txqlen=QUEUE_LENGTH)
            netlink.link("set", index=index, state="up")
    except NetlinkError as error:
        raise OSError(error.code, os.strerror(error.code)) from error


def _set_controller(
    netlink: Any, index: int, bitrate: int, *, listen_only: bool
) -> None:
    def change(**values: Any) -> None:
        netlink.link("set", index=index, kind="can", **values)

    change(can_bittiming={"bitrate": bitrate})
    mode = {"listenonly": "on" if listen_only else "off"}
    for values in ({"can_restart_ms": RESTART_MS}, {"can_ctrlmode": mode}):
        try:
            change(**values)
        except NetlinkError as error:
            if error.code not in _OPTIONAL:
                raise
