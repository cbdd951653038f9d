"""The simulator: batteries and inverters on one DC bus, real frames on real ports."""

import asyncio
from collections.abc import Iterable, Mapping
import time
from typing import Final

from ..can.port import Port
from ..config import PortConfig
from ..model import Clock, Frame, PortStatus
from .batteries import SimulatedBattery
from .inverters import SimulatedInverter
from .physics import step
from .replay import Replay

type Due = tuple[str, Frame]
"""The id of the sender, and its frame."""

TICK: Final = 0.05
"""Seconds between two steps, while it runs on ports."""

SHORTEST_TICK: Final = 0.01
"""Shortest time between two steps in seconds, while a log is replayed at its own
pace."""

LONGEST_CATCH_UP: Final = 10.0
"""Seconds that are caught up with at most: after a machine slept, the physics do not
run for all of that time."""


class Simulator:
    """Batteries and inverters on one DC bus, each on a CAN channel of its own.

    `step` and `on_frame` work without ports; `start` puts it on ports, in the running
    event loop.
    """

    def __init__(
        self,
        batteries: Iterable[SimulatedBattery],
        inverters: Iterable[SimulatedInverter],
        *,
        ports: Mapping[str, PortConfig] | None = None,
        clock: Clock = time.monotonic,
        resolution: float = 0.1,
    ) -> None:
        """Put batteries and inverters together.

        Args:
            batteries: at least one, with ids that no inverter has.
            inverters: any number.
            ports: the port of each battery and inverter, by id, for `start`.
            clock: seconds, monotonic.
            resolution: seconds, the longest step of the physics.
        """
        self.batteries = {battery.id: battery for battery in batteries}
        self.inverters = {inverter.id: inverter for inverter in inverters}
        self.unmanaged = 0.0
        """A, charge positive, that flows in addition to the inverters: unmanaged
        current."""
        self.voltage = 0.0
        """V of the DC bus."""
        self._replays: dict[str, Replay] = {}
        self._configs = dict(ports or {})
        self._clock = clock
        self._resolution = resolution
        self._began: float | None = None
        self._now = 0.0
        self._ports: dict[PortConfig, Port] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._timer: asyncio.TimerHandle | None = None

    @property
    def current(self) -> float:
        """The true current into all batteries together, A, charge positive."""
        return sum(battery.cells.current for battery in self.batteries.values())

    def on_frame(self, id: str, frame: Frame, now: float) -> None:
        """Pass a frame from its bus to a battery or inverter."""
        if (battery := self.batteries.get(id)) is not None:
            battery.on_frame(frame, now)
        if (inverter := self.inverters.get(id)) is not None:
            inverter.on_frame(frame, now)

    def replay(self, id: str, replay: Replay) -> None:
        """Replay a log in place of a battery or inverter, which sends nothing else.

        It begins once the port is open. The device still carries current. KeyError if there is none on a port of its own.
        """
        _ = self._configs[id]
        self._replays[id] = replay

    @property
    def replaying(self) -> frozenset[str]:
        """The ids in whose place a log is replayed now."""
        return frozenset(self._replays)

    def step(self, now: float) -> list[Due]:
        """Advance to `now` (s, by the clock) and return the frames that are due."""
        if self._began is None:
            self._began = self._now = now
            self._advance(0.0)
        left = min(now - self._now, LONGEST_CATCH_UP)
        self._now = now - max(left, 0.0)
        while left > 1e-9:
            dt = min(left, self._resolution)
            left -= dt
            self._now += dt
            self._advance(dt)
        devices: list[SimulatedBattery | SimulatedInverter] = [
            *self.batteries.values(),
            *self.inverters.values(),
        ]
        return [(one.id, frame) for one in devices for frame in self._due(one, now)]

    async def start(self) -> None:
        """Open the ports and begin; a port that does not open is retried for ever."""
        self._ports = {config: self._port(config) for config in self._configs.values()}
        self._tasks = [asyncio.create_task(port.run()) for port in self._ports.values()]
        self._tick()

    async def stop(self) -> None:
        """Stop sending and close the ports."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        self._ports.clear()

    def _due(
        self, device: SimulatedBattery | SimulatedInverter, now: float
    ) -> list[Frame]:
        """Return the frames due from one device: its own, or the log's."""
        own = device.due(now)
        if (replay := self._replays.get(device.id)) is None:
            return own
        if replay.next_at is None and not self._is_ready(device.id):
            return []  # the log's first frames would be lost
        frames = replay.due(now)
        if replay.over:
            del self._replays[device.id]
        return frames

    def _advance(self, dt: float) -> None:
        """Advance the bus by `dt` seconds."""
        batteries = tuple(self.batteries.values())
        since = self._now - (self._began or 0.0)
        demand = self.unmanaged + sum(
            inverter.step(self._now, dt, inverter.demand(since), self.voltage)
            for inverter in self.inverters.values()
        )
        self.voltage, cells = step(
            [battery.pack for battery in batteries],
            [battery.cells for battery in batteries],
            [battery.path for battery in batteries],
            demand,
            dt,
        )
        for battery, state in zip(batteries, cells, strict=True):
            battery.take(state, dt)

    def _port(self, config: PortConfig) -> Port:
        """Return a port whose frames go to all devices that share it."""
        receivers = [one for one, other in self._configs.items() if other == config]

        def on_frame(frame: Frame) -> None:
            for receiver in receivers:
                self.on_frame(receiver, frame, frame.at)

        return Port(
            config,
            on_frame=on_frame,
            on_echo=_ignore,
            on_change=_ignore,
            clock=self._clock,
        )

    def _tick(self) -> None:
        """Send the frames that are due and schedule the next step."""
        loop = asyncio.get_running_loop()
        now = self._clock()
        self._timer = loop.call_later(self._pause(now), self._tick)
        for port in self._ports.values():
            port.drain()
        for sender, frame in self.step(now):
            self._send(sender, frame)

    def _pause(self, now: float) -> float:
        """Return the seconds until the next step: a log's frames keep their times."""
        due = [at for one in self._replays.values() if (at := one.next_at) is not None]
        return max(min((*due, now + TICK)) - now, SHORTEST_TICK)

    def _send(self, sender: str, frame: Frame) -> None:
        """Send a frame unless its port is not open: nothing is queued for later."""
        if (config := self._configs.get(sender)) is None:
            return
        port = self._ports[config]
        if port.state.status is PortStatus.OPEN:
            port.send(frame)

    def _is_ready(self, id: str) -> bool:
        """Return whether a device's port is open, or there are no ports at all."""
        port = self._ports.get(self._configs[id])
        return port is None or port.state.status is PortStatus.OPEN


def _ignore(_: object) -> None:
    """Ignore an echo or a port's state."""
