"""Listening to a port, for the form that sets it up: nothing is sent unless asked for."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
import time
from typing import Final

from .channel import MENDABLE, set_up
from .config import Interface, PortConfig
from .heard import Ear, Heard
from .link import PortError, check_link, read_link
from .links import resolve
from .model import Clock, Frame, PortState, PortStatus
from .port import Port
from .protocol import POLL

LISTEN_TIME: Final = 6.0
"""Seconds that bring every value of any battery known; most send all in 1 or 2 s, and
a battery without a name needs 5 s until its dialect is sure."""
LISTEN_ONLY_TIME: Final = 1.0
"""Seconds without even acknowledging, on a link that we raise: with a wrong bitrate we
would disturb a bus at work."""

type Tap = Callable[[Callable[[Frame], None]], Callable[[], None]]
"""Calls back with each frame of a port that is in use; returns how to end that."""


async def listen(
    config: PortConfig,
    *,
    seconds: float = LISTEN_TIME,
    on_news: Callable[[Heard], None] = lambda _: None,
    ask: bool = False,
    clock: Clock = time.monotonic,
) -> Heard:
    """Open a port that nobody uses, listen for some seconds, and close it.

    `on_news` is told whenever what was heard changes. Nothing is sent, but frames are
    acknowledged, as a lone battery needs; with `ask`, one 0x305 is sent, which makes
    some batteries speak. A link that is down is set up if `bring_up` allows it, and
    then listened to without acknowledging first. Ends early when the port is lost;
    raises nothing.
    """
    loop = asyncio.get_running_loop()
    shy = await loop.run_in_executor(None, _raise_shyly, config)
    if isinstance(shy, Heard):
        return shy
    if shy is not None:
        try:
            await _Listener(config, on_news, clock).listen(LISTEN_ONLY_TIME, ask=False)
        finally:
            # Also when the form is closed: such a link would never acknowledge
            fault = await loop.run_in_executor(None, _set_up, shy)
        if fault is not None:
            return fault
        seconds -= LISTEN_ONLY_TIME
    return await _Listener(config, on_news, clock).listen(seconds, ask=ask)


async def overhear(
    tap: Tap,
    *,
    seconds: float = LISTEN_TIME,
    on_news: Callable[[Heard], None] = lambda _: None,
    clock: Clock = time.monotonic,
) -> Heard:
    """Listen to a port that a gateway uses, as `listen` does.

    `tap`: such as `partial(gateway.tap, battery_id)`.
    """
    listener = _Listener(None, on_news, clock)
    undo = tap(listener.hear)
    try:
        await asyncio.sleep(seconds)
    finally:
        undo()
    return listener.heard


class _Listener:
    """One spell of listening: it tells news."""

    def __init__(
        self,
        config: PortConfig | None,
        on_news: Callable[[Heard], None],
        clock: Clock,
    ) -> None:
        self._config = config
        self._on_news = on_news
        self._clock = clock
        self._ear = Ear()
        self._acknowledges: bool | None = None
        self._told = Heard()
        self._changed = asyncio.Event()

    @property
    def heard(self) -> Heard:
        """What was heard until now."""
        heard = self._ear.heard(self._clock())
        return replace(heard, acknowledges=self._acknowledges)

    def hear(self, frame: Frame) -> None:
        """Take a frame, and tell if that is news."""
        self._ear.hear(frame)
        heard = self.heard
        if heard != self._told:
            self._told = heard
            self._on_news(heard)

    async def listen(self, seconds: float, *, ask: bool) -> Heard:
        """Listen on a port of its own."""
        assert self._config is not None
        port = Port(
            self._config,
            on_frame=self.hear,
            on_echo=lambda _: None,
            on_change=lambda _: self._changed.set(),
            clock=self._clock,
        )
        running = asyncio.create_task(port.run(), name="listening")
        try:
            state = await self._leaves(port, PortStatus.CLOSED, PortStatus.OPENING)
            if state.status is PortStatus.OPEN:
                self._acknowledges = port.has_echo
                if ask:
                    port.send(POLL)
                state = await self._stays_open(port, seconds)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        return replace(self.heard, fault=state.fault, detail=state.detail)

    async def _stays_open(self, port: Port, seconds: float) -> PortState:
        try:
            async with asyncio.timeout(seconds):
                return await self._leaves(port, PortStatus.OPEN)
        except TimeoutError:
            port.drain()
            return port.state

    async def _leaves(self, port: Port, *statuses: PortStatus) -> PortState:
        """Wait until a port has another status than these."""
        while (state := port.state).status in statuses:
            self._changed.clear()
            await self._changed.wait()
        return state


def _raise_shyly(config: PortConfig) -> PortConfig | Heard | None:
    """Set up a link that is not, to listen only; None: there is nothing to set up."""
    if config.interface is not Interface.SOCKETCAN or not config.bring_up:
        return None
    try:
        config = resolve(config)
        check_link(config)
    except PortError as error:
        if error.fault not in MENDABLE or _is_virtual(config):
            return None
        return _set_up(config, listen_only=True) or config
    return None


def _is_virtual(config: PortConfig) -> bool:
    try:
        return read_link(config.channel).is_virtual
    except OSError:
        return True  # gone this moment: its port will tell


def _set_up(config: PortConfig, *, listen_only: bool = False) -> Heard | None:
    """Set up a link; return what is wrong if that fails."""
    try:
        set_up(config, lower=True, listen_only=listen_only)
    except PortError as error:
        return Heard(fault=error.fault, detail=str(error))
    return None
