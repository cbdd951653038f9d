"""Set-up of a SocketCAN link for a scan: at first it only listens, then it acknowledges."""

import asyncio

from ..can.backend import FIXABLE, set_up
from ..can.interface.discovery import resolve
from ..can.interface.state import PortError, check_link, read_link
from ..config import Interface, PortConfig
from .classify import ScanResult


def bring_up_listen_only(config: PortConfig) -> PortConfig | ScanResult | None:
    """Set up a link that is down, to listen only; None: there is nothing to set up."""
    if config.interface is not Interface.SOCKETCAN or not config.bring_up:
        return None
    try:
        config = resolve(config)
        check_link(config)
    except PortError as error:
        if error.fault not in FIXABLE or _is_virtual(config):
            return None
        return _set_up(config, listen_only=True) or config
    return None


def acknowledge_after_cancel(
    bring_up: asyncio.Future[PortConfig | ScanResult | None],
) -> None:
    """Finish the set-up of a link whose scan was cancelled: it must acknowledge."""
    if bring_up.cancelled() or bring_up.exception():
        return
    if isinstance(listen_only := bring_up.result(), PortConfig):
        asyncio.get_running_loop().run_in_executor(None, acknowledge, listen_only)


def acknowledge(config: PortConfig) -> ScanResult | None:
    """Set up a link that only listened, to acknowledge; return the fault if that fails.

    A link left listening only would never acknowledge.
    """
    return _set_up(config)


def _is_virtual(config: PortConfig) -> bool:
    try:
        return read_link(config.channel).is_virtual
    except OSError:
        return True  # just removed: its port will report it


def _set_up(config: PortConfig, *, listen_only: bool = False) -> ScanResult | None:
    """Set up a link; return the fault if that fails."""
    try:
        set_up(config, lower=True, listen_only=listen_only)
    except PortError as error:
        return ScanResult(fault=error.fault, detail=str(error))
    return None
