"""Opening a CAN channel of any kind, and what every open one can do."""

import asyncio
from collections.abc import Callable, Iterator
import logging
from typing import Final, Protocol

import can
from can.interfaces.socketcan import SocketcanBus

from ..config import Interface, PortConfig
from ..model import GAVE_UP, Controller, Frame, PortFault
from .interface.discovery import QUEUE_LENGTH, resolve
from .interface.state import Link, PortError, check_link, read_link
from .slcan.adapter import SlcanAdapter
from .socketcan import LinkBus, SocketBus
from .stream_backend import StreamBus
from .virtual import ERRORS, OpenBus

_LOGGER = logging.getLogger(__name__)

FIXABLE: Final = frozenset({PortFault.LINK_DOWN, PortFault.WRONG_BITRATE}) | GAVE_UP
"""What setting a link up cures."""


class Channel(Protocol):
    """An open channel: read without errors or waits in the event loop."""

    link: str | None
    """What the link of the configured adapter is called now."""
    controller: Controller
    """What was known of the controller when the channel was opened."""

    owns_error_frames: bool
    """Whether error frames can come from nothing but the controller."""

    @property
    def has_echo(self) -> bool:
        """Whether own frames come back."""

    @property
    def echo_is_proof(self) -> bool:
        """Whether an echo proves that the frame has left."""

    def read(
        self,
        *,
        on_waiting: Callable[[], None],
        on_error: Callable[[Exception], None],
        on_controller: Callable[[Controller], None],
    ) -> None:
        """Start reading; the callbacks come in the running loop.

        `on_controller`: what the kernel reports of the link, where it is one. What the
        controller itself reports comes as error frames.
        """

    def take(self) -> Iterator[can.Message]:
        """Yield the messages that wait, the oldest first, until none does.

        Who ends it earlier finds the others the next time.
        """

    def doubt(self) -> None:
        """Yield no echo until it is known whether the controller has given up."""

    def send(self, frame: Frame) -> None:
        """Queue a frame without blocking; raises one of `bus.ERRORS`."""

    async def close(self) -> None:
        """Stop reading and close."""


async def open_channel(config: PortConfig, *, lower: bool = False) -> Channel:
    """Open a channel; PortError says why not. When cancelled, nothing stays open.

    `lower`: whether a link whose controller gave up is lowered and raised again, if
    `bring_up` allows it and restarting the controller does not help.
    """
    match config.interface:
        case Interface.SLCAN:
            adapter = SlcanAdapter(config.channel, config.bitrate)
            return await _open_stream(StreamBus(config.channel, adapter))
        case _:
            return await _open_in_executor(config, lower)


def ready_link(config: PortConfig, *, lower: bool = True) -> tuple[PortConfig, Link]:
    """Return a SocketCAN port by its link's present name, and the link; or PortError.

    A link that is down, has another bitrate or a controller that gave up is set up
    first, if `bring_up` allows it and the process may; `lower` as in `open_channel`.
    Blocks, for as long as the link's driver does.
    """
    found = resolve(config)
    try:
        return found, _check_or_set_up(found, lower)
    except PortError as error:
        error.link = found.channel if config.identity else None
        raise


def set_up(config: PortConfig, *, lower: bool, listen_only: bool = False) -> None:
    """Give a link its bitrate and raise it; PortError when that is refused. Blocks."""
    # pyroute2 takes a while to import, and only who brings up a link needs it
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

    A driver may take the order and do nothing, or do it later.
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
    """Lower a link and raise it again; return whether that was permitted and done.

    Where it is not, what is wrong is still that the controller gave up.
    """
    try:
        set_up(config, lower=True)
    except PortError as error:
        _LOGGER.debug("Link %s cannot be lowered: %s", config.channel, error)
        return False
    return True


def _complete(name: str, link: Link) -> None:
    """Give a link that somebody else raised what it lacks; it works without."""
    lacks_restart = link.restart_ms == 0
    lacks_queue = (link.queue_length or QUEUE_LENGTH) < QUEUE_LENGTH
    if link.is_virtual or not (lacks_restart or lacks_queue):
        return
    from .interface.setup import complete  # noqa: PLC0415 - as in `set_up`

    try:
        complete(name, with_restart=lacks_restart)
    except OSError as error:
        _LOGGER.debug("Link %s stays as it is: %s", name, error)


async def _open_stream(bus: StreamBus) -> StreamBus:
    await bus.open()
    return bus


async def _open_in_executor(config: PortConfig, lower: bool) -> OpenBus | SocketBus:
    opening = asyncio.get_running_loop().run_in_executor(None, _open, config, lower)
    try:
        # Unlike shield, wait complains of no error once nobody waits any more
        await asyncio.wait((opening,))
    except asyncio.CancelledError:
        opening.add_done_callback(_close_unwanted)
        raise
    return opening.result()


def _open(config: PortConfig, lower: bool) -> OpenBus | SocketBus:
    if config.interface is not Interface.SOCKETCAN:
        return OpenBus(_open_python_can(config))
    found, link = ready_link(config, lower=lower)
    bus = _open_python_can(found)
    assert isinstance(bus, SocketcanBus)
    opened = SocketBus(bus, link)
    opened.link = found.channel if config.identity else None
    return opened


def _open_python_can(config: PortConfig) -> can.BusABC:
    """Open a channel with python-can; PortError says why not. Blocks for a moment."""
    try:
        if config.interface is Interface.SOCKETCAN:
            return LinkBus(config.channel)
        return can.Bus(
            interface=config.interface.value,
            channel=config.channel,
            receive_own_messages=True,
            ignore_config=True,
        )
    except can.CanInterfaceNotImplementedError as error:
        raise PortError(PortFault.NOT_SUPPORTED, str(error)) from error
    except ERRORS as error:
        raise PortError.of(error) from error


def _close_unwanted(opening: asyncio.Future[OpenBus | SocketBus]) -> None:
    """Close what was opened too late; not in the loop, the kernel may let it wait."""
    if opening.cancelled() or opening.exception() is not None:
        return
    bus = opening.result()
    try:
        asyncio.get_running_loop().run_in_executor(None, bus.shutdown)
    except RuntimeError:  # the loop is about to end, and its executor has ended
        bus.shutdown()
