"""A port: one CAN channel's life: open, read, write, lose, reopen with backoff, close."""

import asyncio
from collections.abc import Callable
import logging
import time
from typing import Final, Protocol

import can

from ..config import PortConfig
from ..model import (
    NO_CONTROLLER,
    Clock,
    Controller,
    Frame,
    PortFault,
    PortReason,
    PortState,
    PortStatus,
)
from .backend import Channel, open_channel
from .error_frames import observe
from .interface.bus_off import BusOff
from .interface.state import PortError, controller_error
from .virtual import ERRORS, is_full

_LOGGER = logging.getLogger(__name__)

FIRST_RETRY: Final = 1.0
"""Seconds from a loss to the first try to open again; doubled for each further one."""
LONGEST_RETRY: Final = 5.0
"""Seconds: a link that comes back is taken up within this time."""
READING: Final = 0.001
"""Seconds that a port reads in one turn of the event loop, which is others' too. After
the loop was held there may be hundreds of frames, on a flooded bus always more."""


class Sender(Protocol):
    """What a writer needs of a port."""

    @property
    def state(self) -> PortState:
        """Where the port stands."""

    @property
    def has_echo(self) -> bool:
        """Whether own frames come back."""

    @property
    def echo_is_proof(self) -> bool:
        """Whether an echo proves that the frame has left."""

    def drain(self) -> None:
        """Dispatch the frames that wait, the echoes of those sent among them."""

    def send(self, frame: Frame) -> bool:
        """Queue a frame; return whether that succeeded."""


async def probe(config: PortConfig) -> PortFault | None:
    """Return why a port could not be opened, None if it could; nothing is sent."""
    try:
        bus = await open_channel(config)
    except PortError as error:
        return error.fault
    await bus.close()
    return None


class Port:
    """One CAN channel. All members are used in one event loop, by its thread."""

    def __init__(
        self,
        config: PortConfig,
        *,
        on_frame: Callable[[Frame], None],
        on_echo: Callable[[Frame], None],
        on_change: Callable[[PortState], None],
        clock: Clock = time.monotonic,
        wall: Clock = time.time,
        loss_level: int = logging.WARNING,
    ) -> None:
        """Describe a port; `run` opens it.

        The callbacks must not raise. `on_frame`: a frame from another node, or an
        error frame of the controller (`error` set, `can_id` its class bits).
        `on_echo`: an own frame that was sent. `on_change`: another status or fault.
        `wall` is the clock of the frames' time stamps, `clock` that of `Frame.at`.
        `loss_level`: how a loss is logged; quietly where somebody waits to be told.
        """
        self.config = config
        self._on_frame = on_frame
        self._on_echo = on_echo
        self._on_change = on_change
        self._clock = clock
        self._wall = wall
        self._loss_level = loss_level
        self._status = PortStatus.CLOSED
        self._fault: PortFault | None = None
        self._reason: PortReason | None = None
        self._detail: str | None = None
        self._received = self._sent = self._errors = 0
        self._unsent = self._heard_before = 0
        self._bus: Channel | None = None
        self._lost = asyncio.Event()
        self._has_echo = self._echo_is_proof = False
        self._link: str | None = None
        self._controller = NO_CONTROLLER
        self._bus_off = BusOff()
        self._draining = False
        self._drained_at = self._read_until = clock()
        self._turn: asyncio.Handle | None = None
        self._left = READING
        self._rests_since = 0.0

    @property
    def state(self) -> PortState:
        """Where the port stands now."""
        return PortState(
            status=self._status,
            fault=self._fault,
            reason=self._reason,
            detail=self._detail,
            received=self._received,
            sent=self._sent,
            errors=self._errors,
            unsent=self._unsent,
            received_before=self._heard_before,
            link=self._link,
            controller=self._controller,
        )

    @property
    def has_echo(self) -> bool:
        """Whether own frames come back when they have left, see `echo_is_proof`.

        A serial adapter's acknowledgement comes as an echo, if it gives one: known once
        the port was open. False until first opened.
        """
        return self._has_echo

    @property
    def echo_is_proof(self) -> bool:
        """Whether an echo proves that the frame has left. False until first opened.

        So it is where the driver echoes after the transmission, which nearly all do; a
        virtual bus or link delivers at once. Otherwise (the kernel's slcan) the kernel
        echoes what it takes into its queue, and the port withholds echoes while that is
        not empty. Then an echo proves only that the driver has the frame: it may hold one
        that the adapter does not take, so a set should open with two harmless frames.
        A serial adapter may hold many: see `Interface.proof`.
        """
        return self._echo_is_proof

    @property
    def read_until(self) -> float:
        """Until when all that came has been dispatched; now where nothing can come.

        Frames are read in the order in which they came: while some still wait, that is
        the time on the wire of the last one read.
        """
        return self._clock() if self._bus is None else self._read_until

    async def run(self) -> None:
        """Keep the port open, whatever happens to it, until cancelled."""
        wait = FIRST_RETRY
        self._become(PortStatus.OPENING)
        try:
            while True:
                began = self._clock()
                if await self._stay_open() and not self._bus_off.is_again(began):
                    wait = FIRST_RETRY
                await asyncio.sleep(wait)
                wait = min(2 * wait, LONGEST_RETRY)
        finally:
            self._become(PortStatus.CLOSED)

    def drain(self) -> None:
        """Dispatch the frames that wait, for READING in a turn of the loop; never raises.

        The others follow in the next turns by themselves. To be called before any
        judgement of freshness and before any send, which then wait for `read_until`:
        after the loop was held, timers come before most of the frames. From within
        `on_frame` or `on_echo` it does nothing: the frames follow when that has returned.
        """
        if self._bus is None or self._draining or self._left <= 0:
            return
        self._draining = True
        try:
            self._dispatch_all(self._bus)
        finally:
            self._draining = False

    def send(self, frame: Frame) -> bool:
        """Queue a frame; neither blocks nor raises.

        False, and counted, when the port is not open or its queue is full. Queued is
        not sent: only the echo tells that.
        """
        try:
            if self._bus is None:
                raise can.CanOperationError("The port is not open")
            self._bus.send(frame)
        except ERRORS as error:
            self._errors += 1
            self._unsent += 1
            if not is_full(error):
                self._lose(error)
            return False
        self._sent += 1
        return True

    async def _stay_open(self) -> bool:
        """Open the bus and return once it is lost and closed; False: did not open."""
        self._drained_at = self._read_until = self._clock()
        self._turn, self._left = None, READING
        try:
            lower = self._bus_off.take_turn_to_lower(self._clock())
            bus = await open_channel(self.config, lower=lower)
        except PortError as error:
            self._link = error.link
            self._note(error)
            self._become(PortStatus.LOST, error)
            return False
        self._lost.clear()
        self._bus_off.note(None, self._clock())
        self._has_echo, self._echo_is_proof = bus.has_echo, bus.echo_is_proof
        self._link, self._controller = bus.link, bus.controller
        self._heard_before = self._received + self._errors - self._unsent
        self._bus = bus
        try:
            bus.read(
                on_waiting=self.drain,
                on_error=self._lose,
                on_controller=self._take_report,
            )
            self._become(PortStatus.OPEN)
            await self._lost.wait()
        finally:
            self._bus = None
            await _close(bus)
        return True

    def _lose(self, error: Exception) -> None:
        if self._bus is not None:
            self._bus = None
            problem = PortError.of(error)
            self._note(problem)
            self._become(PortStatus.LOST, problem)
            self._lost.set()

    def _note(self, error: PortError) -> None:
        """Keep what an error tells of the controller."""
        self._controller = error.controller
        self._bus_off.note(error.fault, self._clock())

    def _take_report(self, controller: Controller) -> None:
        """Take what the kernel reports; not every driver reports the counters there."""
        self._take_controller(controller.with_counters_of(self._controller))

    def _take_error(self, bus: Channel, controller: Controller) -> None:
        """Take what an error frame reports, which need not be the controller's."""
        if controller.fault and not bus.owns_error_frames:
            bus.doubt()
        else:
            self._take_controller(controller)

    def _take_controller(self, controller: Controller) -> None:
        """Take what is known of the controller; without it the port is lost."""
        self._controller = controller
        if fault := controller.fault:
            name = self._link or self.config.channel
            self._lose(controller_error(controller, fault, name))

    def _dispatch_all(self, bus: Channel) -> None:
        started = now = self._clock()
        wall = self._wall()
        for message in bus.take():
            age = wall - message.timestamp
            at = self._wire_time(age, started)
            self._dispatch(message, at)
            if self._bus is not bus:
                return  # its echoes prove nothing any more
            if age >= 0:
                # Else the clock was set back, or it came after all that waited
                self._read_until = max(self._read_until, at)
            now = self._clock()
            if now - started >= self._left:
                break
        else:
            self._drained_at = self._read_until = started
        if now > started:
            self._left -= now - started
            self._rests_since = now
            loop = asyncio.get_running_loop()
            self._turn = self._turn or loop.call_soon(self._begin_turn)

    def _begin_turn(self) -> None:
        """Go on reading where the last turn of the loop was too short for it.

        However slow the loop is, a bus has to be read as fast as it speaks: so for as
        long as the others had their turn, where that is longer than READING.
        """
        too_short = self._left <= 0
        self._turn, self._left = None, READING
        if too_short:
            self._left = max(READING, self._clock() - self._rests_since)
            self.drain()
            self._left = min(self._left, READING)

    def _dispatch(self, message: can.Message, at: float) -> None:
        frame = Frame(
            can_id=message.arbitration_id,
            data=bytes(message.data),
            at=at,
            extended=message.is_extended_id,
            remote=message.is_remote_frame,
            error=message.is_error_frame,
        )
        if frame.error:
            self._errors += 1
            self._on_frame(frame)
            if self._bus:
                self._take_error(self._bus, observe(self._controller, frame))
        elif message.is_rx:
            self._received += 1
            self._on_frame(frame)
        else:
            self._on_echo(frame)

    def _wire_time(self, age: float, now: float) -> float:
        """Return when a frame was on the wire that was `age` seconds old at `now`.

        By the monotonic clock. A wall clock that jumps makes it no younger than `now`
        and no older than the last time when nothing waited.
        """
        return now - min(max(age, 0.0), now - self._drained_at)

    def _become(self, status: PortStatus, error: PortError | None = None) -> None:
        """Take on a status; told and logged only when it is another one."""
        fault = error.fault if error else None
        before = (self._status, self._fault)
        self._log(status, error)
        self._status, self._fault = status, fault
        self._reason = error.reason if error else None
        self._detail = str(error) if error else None
        if before != (status, fault):
            self._on_change(self.state)

    def _log(self, status: PortStatus, error: PortError | None) -> None:
        channel = f"{self.config.interface} {self.config.channel}"
        if status is PortStatus.LOST and self._status is not PortStatus.LOST:
            was_open = self._status is PortStatus.OPEN
            what = "is lost" if was_open else "cannot be opened"
            _LOGGER.log(self._loss_level, "Port %s %s: %s", channel, what, error)
        elif status is PortStatus.OPEN and self._status is PortStatus.LOST:
            _LOGGER.info("Port %s is back", channel)
        else:
            _LOGGER.debug("Port %s: %s (%s)", channel, status, error)


async def _close(bus: Channel) -> None:
    """Close a bus to the end, also when cancelled: that may be when it was lost."""
    closing = asyncio.ensure_future(bus.close())
    try:
        await asyncio.shield(closing)
    except asyncio.CancelledError:
        await closing
        raise
