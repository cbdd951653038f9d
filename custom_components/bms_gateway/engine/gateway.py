"""The gateway at work: what is heard goes to the bank, its verdict to the inverters."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
import contextlib
from dataclasses import replace
from functools import partial
import time
from typing import Final

from .bank import Bank
from .can.log.frame_buffer import FrameBuffer
from .can.port import Port
from .can.port_service import PortFactory, Wake, spawn
from .config import GatewayConfig
from .devices import Devices
from .inverter.allocation import Allocation, AllocationRequest
from .inverter.disobedience import Current, Obedience, measured
from .inverter.inverter import Inverter
from .inverter.soc_stop import SocStop
from .inverter.targets import InverterTarget, sends_block, target_for
from .limits.bank_limits import BankLimits
from .model import Clock, Direction, Frame, Limit, PortState, Snapshot, Status
from .protocol import is_request
from .rounding import round_down
from .scheduling import RECALCULATION_INTERVAL, Priority, Schedule
from .setpoints import AllSetpoints
from .tolerances import TOLERANCE
from .topology.shared_bus import LIKELY, BusTopology

LAST_WORD: Final = 0.2
"""Seconds that a last set of 0 A may take before the ports close."""
READ_ON: Final = 0.01
"""Seconds after which who has to wait for what is still to be read looks again."""

_WATCH: Final = ""
"""Who looks after the deadlines, among those that look after an inverter each."""

type Listener = Callable[[Snapshot], None]


class Gateway:
    """Reads batteries, makes one of them and plays it to inverters.

    All members belong to one event loop. `step` does all that is due at one moment;
    the coroutines of the fleet only call its parts when something came or is due.
    """

    def __init__(
        self,
        config: GatewayConfig,
        setpoints: AllSetpoints | None = None,
        *,
        learnt: Mapping[str, float] | None = None,
        clock: Clock = time.monotonic,
        wall: Clock = time.time,
        port_factory: PortFactory = Port,
    ) -> None:
        """Make a gateway at rest; `start` opens its ports.

        `learnt`: the slices of `learnt` before a restart, by battery id.
        """
        self._clock = clock
        self._config = config
        self._setpoints = setpoints or AllSetpoints()
        self._bank = Bank(config, learnt)
        self._bank.start(clock())
        self._bank_limits = BankLimits(status=Status.STARTING, batteries={})
        self._why: dict[str, InverterTarget | None] = {}
        self._topology = BusTopology()
        self._obedience = Obedience()
        self._soc_stop = SocStop()
        self._devices = Devices(self, port_factory, clock, wall)
        self._devices.apply(config)
        self._set_in_service()
        self._allocation: Allocation | None = None
        """How the limits are shared now; None: it has to be calculated anew."""
        self._allocated_at = 0.0
        self._listeners: list[Listener] = []
        self._watch = Wake(clock)
        self._watcher: asyncio.Task[None] | None = None
        self._schedule = Schedule()
        self._built: Snapshot | None = None
        """The last snapshot; None: something has changed since."""
        self._changed = True
        """Whether there is something that the listeners do not know yet."""
        self._ending = False
        self._last_word = asyncio.Event()

    @property
    def snapshot(self) -> Snapshot:
        """Everything known at this moment; built once per change."""
        now, built = self._clock(), self._built
        if built is None or not built.at <= now <= built.at + RECALCULATION_INTERVAL:
            built = self._built = self._build_snapshot(now)
        return built

    def _build_snapshot(self, now: float) -> Snapshot:
        bank_limits = self._bank_limits
        limits = bank_limits.limits or {}
        volts = bank_limits.charge_voltage_limit
        inverters, batteries = self._devices.inverters, self._battery_ids
        shared = dict(self._topology.shared(inverters, batteries))
        return Snapshot(
            at=now,
            status=bank_limits.status,
            bank=bank_limits.bank,
            charge=limits.get(Direction.CHARGE),
            discharge=limits.get(Direction.DISCHARGE),
            charge_voltage_limit=None if volts is None else round_down(volts),
            discharge_voltage_limit=bank_limits.discharge_voltage_limit,
            batteries=bank_limits.batteries,
            inverters={
                key: replace(
                    inverter.state(
                        now, why.limits if (why := self._why.get(key)) else {}
                    ),
                    shares_bus_with=shared.get(key),
                    disobeys=self._obedience.found(key),
                )
                for key, inverter in self._devices.inverters.items()
            },
            ports={
                key: port_service.port.state
                for key, port_service in self._devices.port_services.items()
            },
            excess=_excess(self._devices.out_of_reach(now), limits),
        )

    @property
    def now(self) -> float:
        """The time by which leases end, in seconds of this gateway's clock."""
        return self._clock()

    @property
    def frame_buffers(self) -> Mapping[str, FrameBuffer]:
        """The last frames of each port, by the id of its battery or inverter."""
        return self._devices.frame_buffers

    @property
    def learnt(self) -> dict[str, float]:
        """What part of the current each battery carries, to be kept over a restart."""
        return self._bank.learnt

    async def start(self) -> None:
        """Open the ports and begin; a port that cannot be opened is retried."""
        self._bank.start(self._clock())
        self._devices.start()
        self._watcher = spawn(self._run_watch(), "gateway watch")

    async def stop(self) -> None:
        """Fall silent and close the ports, after a last set of 0 A if so configured."""
        self._ending = True
        if self._config.block_at_end and self._devices.inverters:
            await self._say_last_word()
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.gather(self._watcher, return_exceptions=True)
        await self._devices.stop()

    def apply(self, config: GatewayConfig) -> None:
        """Take over a changed configuration: only what differs is touched."""
        ports = {device.id: device.port for device in config.devices}
        for device in self._config.devices:
            if ports.get(device.id) != device.port:
                self._topology.forget(device.id)
        self._config = config
        self._bank.apply(config, self._clock())
        self._devices.apply(config)
        self._set_in_service()
        self._allocation = self._built = None
        self._soc_stop.keep_only(self._devices.inverters)
        self._tell_news()

    def set_setpoints(self, setpoints: AllSetpoints) -> None:
        """Take over changed setpoints at once."""
        self._setpoints = setpoints
        self._set_in_service()
        self._allocation = self._built = None
        self._tell_news()

    def sense(self, key: str, amps: float | None, at: float | None = None) -> None:
        """Take the DC current (A, charge positive) that an inverter's sensor shows.

        None: it shows nothing. `at`: when it was measured, by `now`; None: just now.
        """
        at = self._clock() if at is None else at
        self._obedience.sense(key, None if amps is None else Current(amps, at))
        self._watch.set()

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` at each news, in the loop; return how to end that."""
        self._listeners.append(listener)
        return partial(self._listeners.remove, listener)

    def tap(
        self, key: str, callback: Callable[[Frame], None], *, own: bool = False
    ) -> Callable[[], None]:
        """Pass on what is heard on the port of a battery or inverter, by its id.

        In the loop, error frames too; `own`: own frames, when their echo comes, and no
        others. Returns how to end it; KeyError if there is no such port.
        """
        return self._devices.tap(key, callback, own=own)

    def step(self) -> None:
        """Do everything that is due now: read, reckon, send, tell the listeners."""
        self._refresh(_WATCH)
        for key in self._devices.pollers:
            self.poll(key)
        for key in self._devices.inverters:
            self.write(key)
        self._changed = True
        self._tell_listeners()

    # Hearing (Crew): what came in is kept and wakes whoever may have to act upon it.

    def on_battery_frame(self, key: str, frame: Frame) -> None:
        """Take a frame from a battery's bus."""
        self._built = None
        if poller := self._devices.pollers.get(key):
            poller.on_frame(frame)
        if not frame.standard or self._is_own(key, frame):
            return
        self._topology.on_frame(key, frame)
        before = self._bank.progress
        priority = self._bank.on_frame(key, frame)
        after = self._bank.progress
        is_due = any(i.awaits(before, after) for i in self._devices.inverters.values())
        self._tell_news(Priority.AT_ONCE if is_due else priority)

    def on_inverter_frame(self, key: str, frame: Frame) -> None:
        """Take a frame from an inverter's bus."""
        self._built = None
        inverter = self._devices.inverters[key]
        self._topology.on_frame(key, frame)
        if is_request(frame):
            if not inverter.connected(self._clock()):
                self._tell_change()
            inverter.on_request(frame.at)
        inverter.on_other_frame(frame, self._clock())
        self._devices.port_services[key].wake()

    def on_echo(self, key: str, frame: Frame) -> None:
        """Take the echo of an own frame."""
        self._built = None
        if poller := self._devices.pollers.get(key):
            poller.on_frame(frame)
        if inverter := self._devices.inverters.get(key):
            self._topology.leave(key, frame)
            matters = inverter.on_echo(frame, self._clock())
            self._devices.port_services[key].wake()
            if matters:
                self._allocation = None
                # What this one was told now may make room for the others.
                self._devices.wake_writers()
                self._tell_change()
            if all(
                sends_block(each.confirmed) for each in self._devices.inverters.values()
            ):
                self._last_word.set()

    def queued(self, key: str, frame: Frame) -> None:
        """Take a frame that was queued to be sent to an inverter."""
        self._built = None
        self._topology.queue(key, frame, self._clock())

    def on_port_state(self, state: PortState) -> None:
        """Take a port's change of state."""
        self._built = None
        self._tell_news()

    # Acting (Crew): by the coroutines of the fleet, or by `step`.

    def poll(self, key: str) -> float | None:
        """Ask a battery if it is time; return when to look again."""
        poller = self._devices.pollers.get(key)
        return poller.step(self._clock()) if poller else None

    def write(self, key: str) -> float | None:
        """Send an inverter what is due; return when to look again."""
        again = self._write(key)
        if self._devices.inverters[key].goes_on(self._clock()):
            # An echo that is there already, as on a virtual link, needs no turn of the loop
            again = self._write(key)
        return again

    def _write(self, key: str) -> float | None:
        inverter = self._devices.inverters[key]
        now = self._refresh(key)
        if now is None:
            now = self._clock()
            if not inverter.goes_on(now):
                return now + READ_ON
        current = self._why[key] = self._target(key, now)
        self._built = None
        listened = inverter.reachable
        sent = inverter.sent_version
        again = inverter.step(
            now, current.telegram if current else None, self._bank.progress
        )
        if inverter.sent_version != sent or inverter.reachable is not listened:
            self._allocation = None
        if inverter.reachable is not listened:
            # What it holds and can no longer be told to give up is missing to the others
            self._devices.wake_writers()
            self._tell_change()
        self._devices.port_services[key].port.drain()
        return again

    def _refresh(self, who: str) -> float | None:
        """Read what waits, judge what counts now; return that moment.

        None: there is more than may be read in one turn of the loop, see `Fleet.read`.
        """
        if (received_until := self._devices.read(who)) is None:
            return None
        now = self._clock()
        if (due := self._deadline) is not None and now >= due:
            self._schedule.done(now)
            ids = self._battery_ids
            self._bank.set_duplicates(
                self._topology.duplicates(ids, LIKELY),
                sure=self._topology.duplicates(ids),
            )
            self._bank_limits = self._bank.evaluate(
                now,
                self._setpoints,
                self._sent_amps(),
                self._obedience.beyond,
                received_until=received_until,
            )
            for inverter in self._devices.inverters.values():
                inverter.bridge(
                    self._bank_limits.status, now, bridges=self._bank_limits.bridges
                )
            self._allocation = self._built = None
            self._watch_takers(now)
            self._devices.wake_writers(but=who)
            self._changed = True
            if who != _WATCH:
                self._watch.set()
        return now

    @property
    def _deadline(self) -> float | None:
        """When to reckon again: for what came, or because something ceases to hold."""
        times = (
            self._schedule.due_at,
            self._bank.deadline,
            self._obedience.due_at(self._sent_amps),
        )
        return min((at for at in times if at is not None), default=None)

    def _is_own(self, key: str, frame: Frame) -> bool:
        """Return whether what was heard on a battery's port was sent by ourselves."""
        return self._topology.is_own(key, frame, counts=self._bank.counts(key))

    @property
    def _battery_ids(self) -> list[str]:
        return [battery.id for battery in self._config.batteries]

    def _sent_amps(self) -> dict[Direction, float]:
        """Return the sum of what the inverters were told, in A per direction."""
        gone = self._devices.departed(self._clock())
        inverters = [*self._devices.inverters.values(), *gone]
        return {
            direction: sum(inverter.sent_amps(direction) for inverter in inverters)
            for direction in Direction
        }

    def _watch_takers(self, now: float) -> None:
        """Compare what the inverters take with what they were told."""
        gone = self._devices.departed(now)
        self._obedience.update(
            now,
            measured(self._bank_limits.batteries.values()),
            [inverter.load for inverter in self._devices.inverters.values()],
            {d: sum(inverter.sent_amps(d) for inverter in gone) for d in Direction},
        )

    def _target(self, key: str, now: float) -> InverterTarget | None:
        """Return what an inverter may be told now; nothing at the end, or a block."""
        if self._ending and not self._config.block_at_end:
            return None
        if not self._bank_limits.speaks or self._bank_limits.limits is None:
            return None
        found = target_for(
            self._config,
            [inverter.id for inverter in self._config.inverters].index(key),
            self._bank_limits,
            self._allocate(now),
        )
        if found is None:
            return None
        telegram = self._soc_stop.tell(
            self._devices.inverters[key].config,
            found.telegram,
            self._obedience.found(key),
            now,
        )
        return replace(found, telegram=telegram)

    def _allocate(self, now: float) -> Allocation:
        """Return how the limits are shared: calculated once for all inverters.

        It is kept for PACE, or until a limit, a setpoint or an inverter changes. What
        time alone changes only leaves more room.
        """
        if (
            self._allocation is None
            or now > self._allocated_at + RECALCULATION_INTERVAL
        ):
            requests = {d: self._allocation_requests(d, now) for d in Direction}
            limits = self._bank_limits.limits or {}
            self._allocation = Allocation.of(limits, requests)
            self._allocated_at = now
        return self._allocation

    def _allocation_requests(
        self, direction: Direction, now: float
    ) -> list[AllocationRequest]:
        """Return every inverter's request; last, those taken out of the configuration."""
        ids = [inverter.id for inverter in self._config.inverters]
        flowing = 0.0
        if direction is Direction.DISCHARGE:
            flowing = max(0.0, -(self._bank_limits.current or 0.0)) / len(ids)
        return [
            self._devices.inverters[key].allocation_request(
                direction,
                self._setpoints.requested(key, direction, now, self._bank_limits.volts),
                flowing,
                now,
            )
            for key in ids
        ] + [
            inverter.last_allocation_request(direction, now)
            for inverter in self._devices.departed(now)
        ]

    def _set_in_service(self) -> None:
        """Pass on which inverters the user wants to take part."""
        for key, inverter in self._devices.inverters.items():
            inverter.in_service = key not in self._setpoints.out_of_service

    def _tell_news(self, priority: Priority = Priority.AT_ONCE) -> None:
        """Let it be reckoned with, and what comes of it be sent."""
        if self._schedule.add(priority):
            self._watch.set()
            if priority is Priority.AT_ONCE:
                self._devices.wake_writers()

    def _tell_change(self) -> None:
        """Tell the listeners as soon as possible."""
        self._changed = True
        self._watch.set()

    def _tell_listeners(self) -> None:
        if self._changed and self._listeners:
            self._changed = False
            snapshot = self.snapshot
            for listener in tuple(self._listeners):
                listener(snapshot)

    async def _run_watch(self) -> None:
        """Reckon at every deadline and tell the listeners what is new."""
        while True:
            if self._refresh(_WATCH) is None:
                await self._watch.until(self._clock() + READ_ON)
            else:
                self._tell_listeners()
                change_at = self._next_change()
                await self._watch.until(change_at)
                if change_at is not None and self._clock() >= change_at:
                    self._changed = True

    def _next_change(self) -> float | None:
        """Return when there will be something new though nothing is heard."""
        now = self._clock()
        ends = (each.disconnects_at for each in self._devices.inverters.values())
        times = [at for at in ends if at is not None and at > now]
        if self._deadline is not None:
            times.append(self._deadline)
        return min(times, default=None)

    async def _say_last_word(self) -> None:
        """Wait until every inverter was told 0 A, for LAST_WORD at the longest."""
        self._last_word.clear()
        self._bank.end()
        self._tell_news()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORD):
                await self._last_word.wait()


def _excess(
    unreachable: Iterable[Inverter], limits: Mapping[Direction, Limit]
) -> dict[Direction, float]:
    """Return by how many A these inverters may take more than the bank allows."""
    held = list(unreachable)
    excesses = {
        direction: sum(each.sent_amps(direction) for each in held) - limit.amps
        for direction, limit in limits.items()
    }
    return {d: amps for d, amps in excesses.items() if amps > TOLERANCE}
