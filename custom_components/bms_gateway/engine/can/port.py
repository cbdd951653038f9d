"""A port: opens one CAN channel, reads, writes, reopens it with backoff, closes it."""

import asyncio
from collections.abc import Callable
import logging
import time
from typing import Final

import can

from ..config import PortConfig
from ..model import Clock, Controller, Frame, PortState, PortStatus
from .backend import open_bus
from .bus import ERRORS, Bus, as_message, is_full
from .error_frames import observe
from .interface.bus_off import BusOff
from .interface.state import PortError, controller_error
from .port_record import PortRecord
from .reader import Reader

FIRST_RETRY: Final = 1.0
"""Seconds from a loss to the first attempt to reopen; doubled for each further one."""
LONGEST_RETRY: Final = 5.0
"""Seconds within which a link that comes back is opened again."""


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
        """Create a closed port; `run` opens it.

        The callbacks must not raise. `on_frame`: a frame from another node, or an
        error frame of the controller (`error` set, `can_id` its class bits).
        `on_echo`: an own frame that was sent. `on_change`: another status or fault.
        `wall` is the clock of the frames' time stamps, `clock` that of `Frame.at`.
        `loss_level`: log level of a loss; low where the caller reports it to the user.
        """
        self.config = config
        self._on_frame = on_frame
        self._on_echo = on_echo
        self._clock = clock
        self._wall = wall
        self._record = PortRecord(config, on_change, loss_level)
        self._reader: Reader | None = None
        """What reads the bus; None while the port is not open."""
        self._lost = asyncio.Event()
        self._has_echo = self._echo_is_proof = False
        self._bus_off = BusOff()

    @property
    def state(self) -> PortState:
        """The present state of the port."""
        return self._record.state

    @property
    def has_echo(self) -> bool:
        """Whether own frames come back when they have left, see `echo_is_proof`.

        A serial adapter's acknowledgement comes as an echo, if the adapter sends one:
        known once the port was open. False until first opened.
        """
        return self._has_echo

    @property
    def echo_is_proof(self) -> bool:
        """Whether an echo proves that the frame has left. False until first opened.

        It does where the driver echoes after the transmission, which nearly all do; a
        virtual bus or link delivers at once. Otherwise (the kernel's slcan) the kernel
        echoes what it puts into its queue, and the port withholds echoes until that is
        empty. Then an echo proves only that the driver has the frame: it may hold one
        that the adapter does not accept, so a telegram should open with two harmless
        frames. A serial adapter may hold many: see `Interface.proof`.
        """
        return self._echo_is_proof

    @property
    def read_until(self) -> float:
        """Time up to which all received frames are dispatched; now if none can come."""
        return self._reader.read_until if self._reader else self._clock()

    async def run(self) -> None:
        """Keep the port open, whatever happens to it, until cancelled."""
        wait = FIRST_RETRY
        self._record.become(PortStatus.OPENING)
        try:
            while True:
                began = self._clock()
                if await self._stay_open() and not self._bus_off.is_again(began):
                    wait = FIRST_RETRY
                await asyncio.sleep(wait)
                wait = min(2 * wait, LONGEST_RETRY)
        finally:
            self._record.become(PortStatus.CLOSED)

    def drain(self) -> None:
        """Dispatch the frames that wait, within the reader's budget; never raises.

        The rest follows in the next turns of the loop automatically. Call it before any
        evaluation of time-outs and before any send, which then wait for `read_until`:
        after the loop was blocked, timers run before most of the frames are read.
        From within `on_frame` or `on_echo` it does nothing.
        """
        if self._reader:
            self._reader.drain()

    def send(self, frame: Frame) -> bool:
        """Queue a frame; neither blocks nor raises.

        False, and counted, when the port is not open or its queue is full. Queued is
        not sent: only the echo shows that.
        """
        try:
            if self._reader is None:
                raise can.CanOperationError("The port is not open")
            self._reader.bus.send(as_message(frame))
        except ERRORS as error:
            self._record.errors += 1
            self._record.unsent += 1
            if not is_full(error):
                self._lose(error)
            return False
        self._record.sent += 1
        return True

    async def _stay_open(self) -> bool:
        """Open the bus, return once it is lost and closed; False if it did not open."""
        began = self._clock()
        try:
            lower = self._bus_off.take_turn_to_lower(began)
            bus = await open_bus(self.config, lower=lower)
        except PortError as error:
            self._record.link = error.link
            self._note(error)
            self._record.become(PortStatus.LOST, error)
            return False
        self._lost.clear()
        self._bus_off.note(None, self._clock())
        self._has_echo, self._echo_is_proof = bus.has_echo, bus.echo_is_proof
        self._record.open_as(bus.link, bus.controller)
        try:
            self._reader = Reader(
                bus,
                on_message=self._dispatch,
                on_error=self._lose,
                on_controller=self._take_report,
                opened_at=began,
                clock=self._clock,
                wall=self._wall,
            )
            self._record.become(PortStatus.OPEN)
            await self._lost.wait()
        finally:
            self._stop_reading()
            await _close(bus)
        return True

    def _stop_reading(self) -> None:
        if self._reader:
            self._reader.stop()
            self._reader = None

    def _lose(self, error: Exception) -> None:
        if self._reader:
            self._stop_reading()
            problem = PortError.of(error)
            self._note(problem)
            self._record.become(PortStatus.LOST, problem)
            self._lost.set()

    def _note(self, error: PortError) -> None:
        """Record what an error reports of the controller."""
        self._record.controller = error.controller
        self._bus_off.note(error.fault, self._clock())

    def _take_report(self, controller: Controller) -> None:
        """Record a report of the kernel; not every driver has the counters there."""
        self._take_controller(controller.with_counters_of(self._record.controller))

    def _take_error(self, bus: Bus, controller: Controller) -> None:
        """Record what an error frame reports, which may come from another program."""
        if controller.fault and not bus.owns_error_frames:
            bus.doubt()
        else:
            self._take_controller(controller)

    def _take_controller(self, controller: Controller) -> None:
        """Record the state of the controller; bus-off or no carrier loses the port."""
        self._record.controller = controller
        if fault := controller.fault:
            name = self._record.link or self.config.channel
            self._lose(controller_error(controller, fault, name))

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
            self._record.errors += 1
            self._on_frame(frame)
            if self._reader:
                self._take_error(
                    self._reader.bus, observe(self._record.controller, frame)
                )
        elif message.is_rx:
            self._record.received += 1
            self._on_frame(frame)
        else:
            self._on_echo(frame)


async def _close(bus: Bus) -> None:
    """Close a bus completely, even if cancelled while a lost bus is being closed."""
    closing = asyncio.ensure_future(bus.close())
    try:
        await asyncio.shield(closing)
    except asyncio.CancelledError:
        await closing
        raise
