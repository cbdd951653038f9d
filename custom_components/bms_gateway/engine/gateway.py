"""The gateway loop: receive frames, evaluate the bank, send telegrams, notify."""

import asyncio
from collections.abc import Callable, Mapping
import contextlib
import time
from typing import Final

from .bank import Bank
from .can.log.frame_buffer import FrameBuffer
from .can.port import Port
from .can.port_service import PortFactory, Wake, spawn
from .config import GatewayConfig
from .devices import Devices
from .evaluator import Evaluator
from .inverter.compliance.monitor import Current
from .inverter.targets import InverterTarget, is_block
from .model import Clock, Frame, PortState, Snapshot
from .protocol import is_request
from .scheduling import Priority
from .setpoints import AllSetpoints
from .snapshots import Listener, Snapshots
from .target_calculation import Targets
from .topology.shared_bus import BusTopology

FINAL_BLOCK_TIMEOUT: Final = 0.2
"""Seconds that the final telegram of 0 A may take before the ports close."""
READ_RETRY: Final = 0.01
"""Seconds until the next attempt while unread frames remain."""

_EVALUATION: Final = ""
"""Key of the evaluation task, which keeps the deadlines, among the inverters' keys."""


class Gateway:
    """Combines the batteries into one and presents it to the inverters.

    All members belong to one event loop. `step` does everything that is due now; the
    ports' tasks call only its parts, when a frame arrives or something becomes due.
    """

    def __init__(
        self,
        config: GatewayConfig,
        setpoints: AllSetpoints | None = None,
        *,
        learned: Mapping[str, float] | None = None,
        clock: Clock = time.monotonic,
        wall: Clock = time.time,
        port_factory: PortFactory = Port,
    ) -> None:
        """Create a stopped gateway; `start` opens its ports.

        `learned`: the current shares of the property `learned` before a restart, by
        battery id.
        """
        self._clock = clock
        self._config = config
        self._setpoints = setpoints or AllSetpoints()
        self._topology = BusTopology()
        self._devices = Devices(self, port_factory, clock, wall)
        self._evaluator = Evaluator(
            Bank(config, learned), self._devices, self._topology
        )
        self._bank.start(clock())
        self._compliance = self._evaluator.compliance
        self._targets = Targets(config, self._devices, self._compliance)
        self._devices.apply(config)
        self._set_in_service()
        self._snapshots = Snapshots(
            self._evaluator, self._devices, self._targets, self._topology
        )
        self._wake = Wake(clock)
        self._evaluation_task: asyncio.Task[None] | None = None
        self._ending = False
        self._final_block_sent = asyncio.Event()

    @property
    def snapshot(self) -> Snapshot:
        """Everything that is known now; built once per change."""
        return self._snapshots.at(self._clock())

    @property
    def now(self) -> float:
        """The gateway's clock in seconds, by which temporary limits expire."""
        return self._clock()

    @property
    def frame_buffers(self) -> Mapping[str, FrameBuffer]:
        """The last frames of each port, by the id of its battery or inverter."""
        return self._devices.frame_buffers

    @property
    def learned(self) -> dict[str, float]:
        """The batteries' current shares by id, to be stored across restarts."""
        return self._bank.learned

    async def start(self) -> None:
        """Open the ports and begin; a port that fails to open is retried."""
        self._bank.start(self._clock())
        self._devices.start()
        self._evaluation_task = spawn(self._run_evaluation(), "gateway watch")

    async def stop(self) -> None:
        """Stop sending and close the ports, after a last 0 A if so configured."""
        self._ending = True
        if self._config.block_at_end and self._devices.inverters:
            await self._send_final_block()
        if self._evaluation_task is not None:
            self._evaluation_task.cancel()
            await asyncio.gather(self._evaluation_task, return_exceptions=True)
        await self._devices.stop()

    def apply(self, config: GatewayConfig) -> None:
        """Apply a changed configuration; only what differs is touched."""
        ports = {device.id: device.port for device in config.devices}
        for device in self._config.devices:
            if ports.get(device.id) != device.port:
                self._topology.forget(device.id)
        self._config = config
        self._bank.apply(config, self._clock())
        self._devices.apply(config)
        self._set_in_service()
        self._targets.apply(config)
        self._snapshots.invalidate()
        self._schedule_evaluation()

    def set_setpoints(self, setpoints: AllSetpoints) -> None:
        """Apply changed setpoints at once."""
        self._setpoints = setpoints
        self._set_in_service()
        self._targets.invalidate()
        self._snapshots.invalidate()
        self._schedule_evaluation()

    def sense(self, key: str, amps: float | None, at: float | None = None) -> None:
        """Take the DC current (A, charge positive) that an inverter's sensor reports.

        None: it reports nothing. `at`: when it was measured, by `now`; None: just now.
        """
        at = self._clock() if at is None else at
        self._compliance.sense(key, None if amps is None else Current(amps, at))
        self._wake.set()

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` in the loop at each change; return how to unsubscribe."""
        return self._snapshots.subscribe(listener)

    def tap(
        self, key: str, callback: Callable[[Frame], None], *, own: bool = False
    ) -> Callable[[], None]:
        """Pass on the frames received on the port of a battery or inverter, by its id.

        Called in the loop, for error frames too. `own`: pass on own frames instead,
        when their echo arrives. Returns how to end it; KeyError if there is no such
        port.
        """
        return self._devices.tap(key, callback, own=own)

    def step(self) -> None:
        """Do everything that is due now: receive, evaluate, send, notify."""
        self._refresh(_EVALUATION)
        for key in self._devices.pollers:
            self.poll(key)
        for key in self._devices.inverters:
            self.write(key)
        self._snapshots.mark_changed()
        self._snapshots.notify(self._clock())

    # Receiving (DeviceCallbacks): a frame is stored, and wakes what may have to act on it.

    def on_battery_frame(self, key: str, frame: Frame) -> None:
        """Take a frame received on a battery's bus."""
        self._snapshots.invalidate()
        if poller := self._devices.pollers.get(key):
            poller.on_frame(frame)
        if not frame.standard or self._is_own(key, frame):
            return
        self._topology.on_frame(key, frame)
        before = self._bank.progress
        priority = self._bank.on_frame(key, frame)
        after = self._bank.progress
        is_due = any(i.awaits(before, after) for i in self._devices.inverters.values())
        self._schedule_evaluation(Priority.AT_ONCE if is_due else priority)

    def on_inverter_frame(self, key: str, frame: Frame) -> None:
        """Take a frame received on an inverter's bus."""
        self._snapshots.invalidate()
        inverter = self._devices.inverters[key]
        self._topology.on_frame(key, frame)
        if is_request(frame):
            if not inverter.connected(self._clock()):
                self._mark_changed()
            inverter.on_request(frame.at)
        inverter.on_other_frame(frame, self._clock())
        self._devices.port_services[key].wake()

    def on_echo(self, key: str, frame: Frame) -> None:
        """Take the echo of an own frame."""
        self._snapshots.invalidate()
        if poller := self._devices.pollers.get(key):
            poller.on_frame(frame)
        if inverter := self._devices.inverters.get(key):
            self._topology.leave(key, frame)
            is_change = inverter.on_echo(frame, self._clock())
            self._devices.port_services[key].wake()
            if is_change:
                self._targets.invalidate()
                # The limit that this inverter has now may leave room for the others
                self._devices.wake_writers()
                self._mark_changed()
            if all(
                is_block(each.confirmed) for each in self._devices.inverters.values()
            ):
                self._final_block_sent.set()

    def on_queued(self, key: str, frame: Frame) -> None:
        """Take a frame that was queued for an inverter."""
        self._snapshots.invalidate()
        self._topology.queue(key, frame, self._clock())

    def on_port_state(self, state: PortState) -> None:
        """Take a port's change of state."""
        self._snapshots.invalidate()
        self._schedule_evaluation()

    # Acting (DeviceCallbacks): called by the ports' tasks, or by `step`.

    def poll(self, key: str) -> float | None:
        """Poll a battery if it is due; return when to look again."""
        poller = self._devices.pollers.get(key)
        return poller.step(self._clock()) if poller else None

    def write(self, key: str) -> float | None:
        """Send what is due to an inverter; return when to look again."""
        again = self._write(key)
        if self._devices.inverters[key].can_continue(self._clock()):
            # An echo that has already arrived, as on a virtual link, needs no loop turn
            again = self._write(key)
        return again

    def _write(self, key: str) -> float | None:
        inverter = self._devices.inverters[key]
        now = self._refresh(key)
        if now is None:
            now = self._clock()
            if not inverter.can_continue(now):
                return now + READ_RETRY
        current = self._target(key, now)
        self._snapshots.invalidate()
        was_reachable = inverter.reachable
        sent_version = inverter.sent_version
        again = inverter.step(
            now, current.telegram if current else None, self._bank.progress
        )
        if inverter.sent_version != sent_version or (
            inverter.reachable is not was_reachable
        ):
            self._targets.invalidate()
        if inverter.reachable is not was_reachable:
            # Others cannot have the current that it cannot be made to give up
            self._devices.wake_writers()
            self._mark_changed()
        self._devices.port_services[key].port.drain()
        return again

    def _refresh(self, key: str) -> float | None:
        """Read what waits and evaluate it if due; return the time of that.

        None: more waits than may be read in one turn of the loop, see `Devices.read`.
        """
        if (received_until := self._devices.read(key)) is None:
            return None
        now = self._clock()
        if self._evaluator.is_due(now):
            self._evaluator.evaluate(now, self._setpoints, received_until)
            self._targets.invalidate()
            self._snapshots.invalidate()
            self._devices.wake_writers(but=key)
            self._snapshots.mark_changed()
            if key != _EVALUATION:
                self._wake.set()
        return now

    @property
    def _bank(self) -> Bank:
        return self._evaluator.bank

    def _is_own(self, key: str, frame: Frame) -> bool:
        """Return whether a frame on a battery's port was sent by this gateway."""
        return self._topology.is_own(key, frame, counts=self._bank.counts(key))

    def _target(self, key: str, now: float) -> InverterTarget | None:
        """Return an inverter's target now; None: send nothing."""
        if self._ending and not self._config.block_at_end:
            self._targets.clear(key)
            return None
        return self._targets.update(key, self._evaluator.limits, self._setpoints, now)

    def _set_in_service(self) -> None:
        """Pass on which inverters the user has put in service."""
        for key, inverter in self._devices.inverters.items():
            inverter.in_service = key not in self._setpoints.out_of_service

    def _schedule_evaluation(self, priority: Priority = Priority.AT_ONCE) -> None:
        """Schedule an evaluation, and send its result."""
        if self._evaluator.schedule(priority):
            self._wake.set()
            if priority is Priority.AT_ONCE:
                self._devices.wake_writers()

    def _mark_changed(self) -> None:
        """Notify the listeners as soon as possible."""
        self._snapshots.mark_changed()
        self._wake.set()

    async def _run_evaluation(self) -> None:
        """Evaluate at every deadline and notify the listeners of changes."""
        while True:
            if self._refresh(_EVALUATION) is None:
                await self._wake.until(self._clock() + READ_RETRY)
            else:
                self._snapshots.notify(self._clock())
                change_at = self._next_change()
                await self._wake.until(change_at)
                if change_at is not None and self._clock() >= change_at:
                    self._snapshots.mark_changed()

    def _next_change(self) -> float | None:
        """Return when something will change although nothing is received."""
        now = self._clock()
        ends = (each.disconnects_at for each in self._devices.inverters.values())
        times = [at for at in ends if at is not None and at > now]
        if (deadline := self._evaluator.deadline(now)) is not None:
            times.append(deadline)
        return min(times, default=None)

    async def _send_final_block(self) -> None:
        """Send 0 A to all inverters; wait for that, at most FINAL_BLOCK_TIMEOUT."""
        self._final_block_sent.clear()
        self._bank.end()
        self._schedule_evaluation()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FINAL_BLOCK_TIMEOUT):
                await self._final_block_sent.wait()
