"""Scan of a port for the set-up form: listen, and send nothing unless requested."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
import logging
import time
from typing import Final

from ..can.backend import FIXABLE, set_up
from ..can.interface.discovery import resolve
from ..can.interface.state import PortError, check_link, read_link
from ..can.port import Port
from ..config import Interface, PortConfig
from ..model import Clock, Frame, PortState, PortStatus
from ..protocol import POLL
from ..topology.comparison import Comparison
from .classify import Classifier, ScanResult

LISTEN_TIME: Final = 6.0
"""Seconds in which every value of any battery is received; most send all in 1 or 2 s,
and a battery without a name needs 5 s until its dialect is settled."""
SETTLE_TIME: Final = 2.0
"""Seconds to continue once the sender is identified: other devices are received by
then, too."""
LISTEN_ONLY_TIME: Final = 1.0
"""Seconds without even acknowledging, on a link that we bring up: with a wrong bitrate
we would disturb a bus in operation."""

OPEN_TIME: Final = 2.0
"""Seconds in which other ports open for a comparison; a serial one takes half."""

type Tap = Callable[[Callable[[Frame], None]], Callable[[], None]]
"""Calls back with each frame of a port that is in use; returns a function that ends
it."""


async def listen(
    config: PortConfig,
    *,
    seconds: float = LISTEN_TIME,
    settle: float = SETTLE_TIME,
    on_change: Callable[[ScanResult], None] = lambda _: None,
    poll: bool = False,
    comparison: Comparison | None = None,
    clock: Clock = time.monotonic,
) -> ScanResult:
    """Open a port that is not in use, listen for some seconds, and close it.

    `on_change` is called whenever the result changes. Nothing is sent, but frames are
    acknowledged, as a lone battery needs; with `poll`, one 0x305 is sent, which makes
    some batteries send. A link that is down is set up if `bring_up` allows it, and then
    listened to without acknowledging first. Ends early when the port is lost, and
    `settle` seconds after the sender is identified, also for `comparison`, which takes
    all received frames; raises nothing.
    """
    loop = asyncio.get_running_loop()
    bring_up = loop.run_in_executor(None, _bring_up_listen_only, config)
    try:
        listen_only = await asyncio.shield(bring_up)
    except asyncio.CancelledError:
        bring_up.add_done_callback(_acknowledge_after_cancel)
        raise
    if isinstance(listen_only, ScanResult):
        return listen_only
    if listen_only is not None:
        try:
            await _Listener(on_change, settle, clock).listen(
                config, LISTEN_ONLY_TIME, poll=False
            )
        finally:
            # Also when the form is closed: such a link would never acknowledge
            fault = await loop.run_in_executor(None, _set_up, listen_only)
        if fault is not None:
            return fault
        seconds -= LISTEN_ONLY_TIME
    listener = _Listener(on_change, settle, clock, comparison)
    return await listener.listen(config, seconds, poll=poll)


async def listen_in(
    tap: Tap,
    *,
    seconds: float = LISTEN_TIME,
    settle: float = SETTLE_TIME,
    on_change: Callable[[ScanResult], None] = lambda _: None,
    comparison: Comparison | None = None,
    clock: Clock = time.monotonic,
) -> ScanResult:
    """Listen to a port that a gateway uses, as `listen` does.

    `tap`: such as `partial(gateway.tap, battery_id)`.
    """
    listener = _Listener(on_change, settle, clock, comparison)
    return await listener.listen_in(tap, seconds)


@asynccontextmanager
async def listen_on_others(
    ports: Mapping[str, PortConfig],
    on_frame: Callable[[str, Frame], None],
    clock: Clock = time.monotonic,
) -> AsyncIterator[None]:
    """Listen to other ports, by any ids, while one port is scanned; none is in use.

    Nothing is sent. One that cannot be opened is left out after at most OPEN_TIME.
    """
    opened = [asyncio.Event() for _ in ports]
    running = [
        asyncio.create_task(
            Port(
                config,
                on_frame=partial(on_frame, key),
                on_echo=lambda _: None,
                on_change=partial(_note, event),
                clock=clock,
                loss_level=logging.DEBUG,  # its own scan reports it
            ).run(),
            name="comparison",
        )
        for (key, config), event in zip(ports.items(), opened, strict=True)
    ]
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(OPEN_TIME):
                await asyncio.gather(*(event.wait() for event in opened))
        yield
    finally:
        for each in running:
            each.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def _note(event: asyncio.Event, state: PortState) -> None:
    """Set the event once a port is open, or cannot be opened."""
    if state.status in {PortStatus.OPEN, PortStatus.LOST}:
        event.set()


class _Listener:
    """One scan: reports changes of its result, and ends early once it is clear."""

    def __init__(
        self,
        on_change: Callable[[ScanResult], None],
        settle: float,
        clock: Clock,
        comparison: Comparison | None = None,
    ) -> None:
        self._on_change = on_change
        self._settle = settle
        self._clock = clock
        self._classifier = Classifier()
        self._comparison = comparison or Comparison()
        self._acknowledges: bool | None = None
        self._reported = ScanResult()
        self._changed = asyncio.Event()
        self._limit: asyncio.Timeout | None = None
        self._is_clear = False

    @property
    def result(self) -> ScanResult:
        """The result until now."""
        result = self._classifier.result(self._clock())
        return replace(result, acknowledges=self._acknowledges)

    def on_frame(self, frame: Frame) -> None:
        """Take a frame, and report a changed result."""
        self._classifier.on_frame(frame)
        self._comparison.on_frame(frame)
        result = self.result
        if result != self._reported:
            self._reported = result
            self._on_change(result)
        is_clear = result.is_clear and not self._comparison.is_open
        if is_clear and not self._is_clear:
            self._is_clear = True
            self._end_soon()

    async def listen_in(self, tap: Tap, seconds: float) -> ScanResult:
        """Listen to a port that is in use."""
        undo = tap(self.on_frame)
        try:
            async with self._limited(seconds):
                await asyncio.Event().wait()
        except TimeoutError:
            pass
        finally:
            undo()
        return self.result

    async def listen(
        self, config: PortConfig, seconds: float, *, poll: bool
    ) -> ScanResult:
        """Open a port and listen to it."""
        port = Port(
            config,
            on_frame=self.on_frame,
            on_echo=lambda _: None,
            on_change=lambda _: self._changed.set(),
            clock=self._clock,
            loss_level=logging.DEBUG,  # the form shows it
        )
        running = asyncio.create_task(port.run(), name="listening")
        try:
            state = await self._leaves(port, PortStatus.CLOSED, PortStatus.OPENING)
            if state.status is PortStatus.OPEN:
                self._acknowledges = port.has_echo
                if poll:
                    port.send(POLL)
                state = await self._stays_open(port, seconds)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        return replace(
            self.result, fault=state.fault, reason=state.reason, detail=state.detail
        )

    async def _stays_open(self, port: Port, seconds: float) -> PortState:
        try:
            async with self._limited(seconds):
                return await self._leaves(port, PortStatus.OPEN)
        except TimeoutError:
            port.drain()
            return port.state

    @asynccontextmanager
    async def _limited(self, seconds: float) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(seconds) as self._limit:
                if self._is_clear:
                    self._end_soon()
                yield
        finally:
            self._limit = None

    def _end_soon(self) -> None:
        # Not once it has expired: frames of that time are received in any case
        limit = self._limit
        if limit and not limit.expired() and (end := limit.when()):
            now = asyncio.get_running_loop().time()
            limit.reschedule(min(end, now + self._settle))

    async def _leaves(self, port: Port, *statuses: PortStatus) -> PortState:
        """Wait until a port has another status than these."""
        while (state := port.state).status in statuses:
            self._changed.clear()
            await self._changed.wait()
        return state


def _bring_up_listen_only(config: PortConfig) -> PortConfig | ScanResult | None:
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


def _acknowledge_after_cancel(
    bring_up: asyncio.Future[PortConfig | ScanResult | None],
) -> None:
    """Finish the set-up of a link whose scan was cancelled: it must acknowledge."""
    if bring_up.cancelled() or bring_up.exception():
        return
    if isinstance(listen_only := bring_up.result(), PortConfig):
        asyncio.get_running_loop().run_in_executor(None, _set_up, listen_only)


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
