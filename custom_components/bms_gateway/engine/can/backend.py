"""Opening a CAN bus of any kind, and setting up its link first where that is needed."""

import asyncio
import logging
from typing import Final

from ..config import Interface, PortConfig
from ..model import GAVE_UP, PortFault
from .bus import ERRORS, Bus
from .interface.discovery import QUEUE_LENGTH, resolve
from .interface.state import Link, PortError, check_link, read_link
from .slcan.adapter import SlcanAdapter
from .socketcan import SocketcanLink
from .stream_backend import open_stream
from .virtual import VirtualLink

_LOGGER = logging.getLogger(__name__)

FIXABLE: Final = frozenset({PortFault.LINK_DOWN, PortFault.WRONG_BITRATE}) | GAVE_UP
"""Faults that setting up the link remedies."""


async def open_bus(config: PortConfig, *, lower: bool = False) -> Bus:
    """Open a bus; PortError if that fails. Cancelling leaves nothing open.

    `lower`: whether a link whose controller is bus-off is brought down and up again, if
    `bring_up` permits and restarting the controller does not help.
    """
    if config.interface is Interface.SLCAN:
        adapter = SlcanAdapter(config.channel, config.bitrate)
        return await open_stream(config.channel, adapter)
    opening = asyncio.get_running_loop().run_in_executor(None, _open, config, lower)
    try:
        # Unlike shield, wait logs no unretrieved error after a cancellation
        await asyncio.wait((opening,))
    except asyncio.CancelledError:
        opening.add_done_callback(_close_unwanted)
        raise
    return opening.result()


def ready_link(config: PortConfig, *, lower: bool = True) -> tuple[PortConfig, Link]:
    """Return a SocketCAN port with its link's present name, and the link; or PortError.

    A link that is down, has another bitrate or a controller that is bus-off is set up
    first, if `bring_up` and the rights of the process permit; `lower` as in `open_bus`.
    Blocks for as long as the link's driver does.
    """
    found = resolve(config)
    try:
        return found, _check_or_set_up(found, lower)
    except PortError as error:
        error.link = found.channel if config.identity else None
        raise


def set_up(config: PortConfig, *, lower: bool, listen_only: bool = False) -> None:
    """Set a link's bitrate and bring it up; PortError when that is refused. Blocks."""
    # pyroute2 takes a second to import, and only setting up a link needs it
    from .interface.setup import bring_up  # noqa: PLC0415

    try:
        virtual = read_link(config.channel).is_virtual
        bitrate = None if virtual else config.bitrate
        bring_up(config.channel, bitrate=bitrate, lower=lower, listen_only=listen_only)
    except OSError as error:
        raise PortError.of(error) from error
    _LOGGER.info("Link %s was set up with %s bit/s", config.channel, config.bitrate)


def _check_or_set_up(config: PortConfig, lower: bool) -> Link:
    try:
        link = check_link(config)
    except PortError as error:
        if not config.bring_up or error.fault not in FIXABLE:
            raise
        if error.fault in GAVE_UP:
            if not _restart(config) and not (lower and _lower(config)):
                raise
        else:
            set_up(config, lower=error.fault is PortFault.WRONG_BITRATE)
    else:
        if config.bring_up:
            _complete(config.channel, link)
        return link
    return check_link(config)


def _restart(config: PortConfig) -> bool:
    """Restart a controller that is bus-off; return whether it works now.

    A driver may accept the command and do nothing, or do it later.
    """
    name = config.channel
    from .interface.setup import restart  # noqa: PLC0415 - as in `set_up`

    try:
        restart(name)
    except OSError as error:
        _LOGGER.debug("The controller of %s cannot be restarted: %s", name, error)
        return False
    try:
        check_link(config)
    except PortError:
        return False
    _LOGGER.info("The controller of %s was restarted", name)
    return True


def _lower(config: PortConfig) -> bool:
    """Bring a link down and up again; return whether that was permitted and done.

    If it is not permitted, the fault is still that the controller is bus-off.
    """
    try:
        set_up(config, lower=True)
    except PortError as error:
        _LOGGER.debug("Link %s cannot be lowered: %s", config.channel, error)
        return False
    return True


def _complete(name: str, link: Link) -> None:
    """Add restart and queue to a link that was set up without; failing is no error."""
    lacks_restart = link.restart_ms == 0
    lacks_queue = (link.queue_length or QUEUE_LENGTH) < QUEUE_LENGTH
    if link.is_virtual or not (lacks_restart or lacks_queue):
        return
    from .interface.setup import complete  # noqa: PLC0415 - as in `set_up`

    try:
        complete(name, with_restart=lacks_restart)
    except OSError as error:
        _LOGGER.debug("Link %s is left unchanged: %s", name, error)


def _open(config: PortConfig, lower: bool) -> Bus:
    """Open a bus by python-can; PortError if that fails. Blocks briefly."""
    try:
        if config.interface is Interface.VIRTUAL:
            return VirtualLink(config.channel)
        return _open_link(config, lower)
    except PortError:
        raise
    except ERRORS as error:
        raise PortError.of(error) from error


def _open_link(config: PortConfig, lower: bool) -> Bus:
    found, link = ready_link(config, lower=lower)
    bus = SocketcanLink(found.channel, link)
    bus.link = found.channel if config.identity else None
    return bus


def _close_unwanted(opening: asyncio.Future[Bus]) -> None:
    """Close a bus that opened too late; not in the loop, as the kernel may block."""
    if opening.cancelled() or opening.exception() is not None:
        return
    bus = opening.result()
    try:
        asyncio.get_running_loop().run_in_executor(None, bus.shutdown)
    except RuntimeError:  # the loop is about to end, and its executor has ended
        bus.shutdown()
