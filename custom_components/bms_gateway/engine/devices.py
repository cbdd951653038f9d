"""Ports, pollers and inverters of a configuration; changes touch only what differs."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final, Protocol

from .battery.poller import Poller
from .can.log.frame_buffer import FrameBuffer
from .can.port_service import PortFactory, PortService
from .can.sender import Sender
from .config import BatteryConfig, GatewayConfig, InverterConfig
from .inverter.inverter import Inverter
from .model import Clock, Direction, Frame, PortState
from .topology.own_frames import ReportingSender

LOOP_STALL: Final = 0.5
"""Seconds between two calls; more means that the event loop was blocked, not just
slow."""


class DeviceCallbacks(Protocol):
    """Receives what arrives on the ports and does what is due on them."""

    def on_battery_frame(self, key: str, frame: Frame) -> None:
        """Take a frame received on a battery's bus."""

    def on_inverter_frame(self, key: str, frame: Frame) -> None:
        """Take a frame received on an inverter's bus."""

    def on_echo(self, key: str, frame: Frame) -> None:
        """Take the echo of an own frame."""

    def on_queued(self, key: str, frame: Frame) -> None:
        """Take a frame that was queued for an inverter."""

    def on_port_state(self, state: PortState) -> None:
        """Take a port's change of state."""

    def poll(self, key: str) -> float | None:
        """Poll a battery if it is due; return when to look again."""

    def write(self, key: str) -> float | None:
        """Send what is due to an inverter; return when to look again."""


class Devices:
    """The ports of a gateway, by the id of their battery or inverter."""

    def __init__(
        self,
        callbacks: DeviceCallbacks,
        port_factory: PortFactory,
        clock: Clock,
        wall: Clock,
    ) -> None:
        """Create it without devices; `apply` adds them."""
        self.port_services: dict[str, PortService] = {}
        self.inverters: dict[str, Inverter] = {}
        self.pollers: dict[str, Poller] = {}
        self.frame_buffers: dict[str, FrameBuffer] = {}
        self._departed: list[tuple[float, Inverter]] = []
        self._callbacks = callbacks
        self._port_factory = port_factory
        self._clock = clock
        self._wall = wall
        self._running = False
        self._taps: dict[tuple[str, bool], list[Callable[[Frame], None]]] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._waiting_since: dict[str, tuple[float, float]] = {}

    def apply(self, config: GatewayConfig) -> None:
        """Apply a configuration; a port that stays is not touched."""
        devices = {device.id: device for device in config.devices}
        for key, port_service in list(self.port_services.items()):
            if key not in devices or port_service.port.config != devices[key].port:
                self._remove(key)
        for battery in config.batteries:
            if battery.id not in self.port_services:
                callbacks = self._callbacks
                self._add(battery, callbacks.on_battery_frame, callbacks.poll)
            self._set_poller(battery)
        for inverter in config.inverters:
            if inverter.id not in self.port_services:
                port_service = self._add(
                    inverter, self._callbacks.on_inverter_frame, self._callbacks.write
                )
                report = partial(self._callbacks.on_queued, inverter.id)
                sender = ReportingSender(port_service.port, report)
                self.inverters[inverter.id] = self._inverter(inverter, sender)
            self.inverters[inverter.id].configure(inverter)
        if self._running:
            self.start()

    def start(self) -> None:
        """Open the ports, in the running loop."""
        self._running = True
        for key, port_service in self.port_services.items():
            port_service.start(key)

    async def stop(self) -> None:
        """Close the ports."""
        self._running = False
        await asyncio.gather(
            *(port_service.stop() for port_service in self.port_services.values()),
            *self._closing,
        )

    def tap(
        self, key: str, callback: Callable[[Frame], None], *, own: bool = False
    ) -> Callable[[], None]:
        """Pass on the frames received on a port too; return how to end that.

        `own`: the echoes of own frames instead. KeyError if there is no such port. The
        tap stays when the port is replaced.
        """
        _ = self.port_services[key]
        taps = self._taps.setdefault((key, own), [])
        taps.append(callback)
        return partial(taps.remove, callback)

    def departed(self, now: float) -> list[Inverter]:
        """Return removed inverters that may still act on the limits sent last."""
        return [inverter for end, inverter in self._departed if end > now]

    def sent_amps(self, now: float) -> dict[Direction, float]:
        """Return the sum of the limits sent to all inverters, in A."""
        inverters = [*self.inverters.values(), *self.departed(now)]
        return {
            direction: sum(inverter.sent_amps(direction) for inverter in inverters)
            for direction in Direction
        }

    def out_of_reach(self, now: float) -> list[Inverter]:
        """Return inverters that cannot be sent anything, also removed ones."""
        not_acknowledged = [
            each for each in self.inverters.values() if each.out_of_reach(now)
        ]
        return not_acknowledged + self.departed(now)

    def _inverter(self, config: InverterConfig, port: Sender) -> Inverter:
        """Return an inverter; it inherits what was sent to a removed one there."""
        for left in self._departed:
            if left[1].config.port.is_same_place(config.port):
                self._departed.remove(left)
                return left[1].replaced(config, port)
        return Inverter(config, port)

    def read(self, key: str) -> float | None:
        """Read what waits on the ports; return until when it may be evaluated.

        None: not yet. Nothing is evaluated or sent before every frame, on every port,
        has been read that had arrived when `key` first asked. Nearly always that is at
        once. After the loop was blocked, or on a flooded bus, one turn of the loop is
        too short for a port: `key` then asks again. Otherwise live batteries would look
        lost, or an older limit would be sent while a newer one waits. After more than
        LOOP_STALL since its last call, `key` starts over and also waits for the frames
        that arrived meanwhile. A bus that is busier than can be read is still served,
        late by what a socket holds: about 280 frames.
        """
        now = self._clock()
        since, last = self._waiting_since.get(key, (now, now))
        if now > last + LOOP_STALL:
            since = now
        self._waiting_since[key] = since, now
        ports = [port_service.port for port_service in self.port_services.values()]
        for port in ports:
            port.drain()
        until = min((port.read_until for port in ports), default=now)
        if until < since:
            return None
        del self._waiting_since[key]
        return until if until < now else self._clock()

    def wake_writers(self, *, but: str = "") -> None:
        """Wake the task of every inverter to send what is due."""
        for key in self.inverters:
            if key != but:
                self.port_services[key].wake()

    def _add(
        self,
        device: BatteryConfig | InverterConfig,
        on_frame: Callable[[str, Frame], None],
        serve: Callable[[str], float | None],
    ) -> PortService:
        key = device.id

        def current() -> bool:
            # A removed port takes a short time to close: its frames are ignored
            return self.port_services.get(key) is port_service

        def take(frame: Frame) -> None:
            if current():
                frame_buffer.on_frame(frame)
                on_frame(key, frame)
                self._pass_on(key, frame, own=False)

        def take_echo(frame: Frame) -> None:
            if current():
                frame_buffer.on_echo(frame)
                self._callbacks.on_echo(key, frame)
                self._pass_on(key, frame, own=True)

        frame_buffer = self.frame_buffers[key] = FrameBuffer(self._clock, self._wall)
        port = self._port_factory(
            device.port,
            on_frame=take,
            on_echo=take_echo,
            on_change=self._callbacks.on_port_state,
            clock=self._clock,
            wall=self._wall,
        )
        port_service = self.port_services[key] = PortService(
            port, partial(serve, key), self._clock
        )
        return port_service

    def _pass_on(self, key: str, frame: Frame, *, own: bool) -> None:
        for tap in tuple(self._taps.get((key, own), ())):
            tap(frame)

    def _remove(self, key: str) -> None:
        port_service = self.port_services.pop(key)
        self._waiting_since.pop(key, None)
        if inverter := self.inverters.pop(key, None):
            expires_at = self._clock() + inverter.config.timeout
            end = max(expires_at, inverter.followed_at)
            now = self._clock()
            self._departed = [each for each in self._departed if each[0] > now]
            self._departed.append((end, inverter))
        self.pollers.pop(key, None)
        self.frame_buffers.pop(key, None)
        if self._running:
            port_service.cancel()
            task = asyncio.create_task(port_service.stop(), name=f"{key} stop")
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    def _set_poller(self, battery: BatteryConfig) -> None:
        if battery.poll_interval is None:
            self.pollers.pop(battery.id, None)
        elif battery.id in self.pollers:
            self.pollers[battery.id].interval = battery.poll_interval
        else:
            port = self.port_services[battery.id].port
            self.pollers[battery.id] = Poller(port, battery.poll_interval)
        self.port_services[battery.id].wake()
