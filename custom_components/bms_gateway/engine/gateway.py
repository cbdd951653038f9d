"""The gateway at work: ports, readers and writers around the bank."""

import asyncio
from collections.abc import Callable
import contextlib
from functools import partial
import time
from typing import Final

from .bank import Bank, Verdict
from .config import BatteryConfig, GatewayConfig, InverterConfig
from .inverter import Inverter
from .model import Clock, Direction, Frame, PortState, Snapshot, Status
from .offers import Offer, block, is_block, offer
from .poll import Poller
from .port import Port
from .protocol import is_request
from .setpoints import AllSetpoints
from .share import Claim
from .wire import PortFactory, Wake, Wire

LAST_WORD: Final = 0.2
"""Seconds that a last set of 0 A may take before the ports close."""

type Listener = Callable[[Snapshot], None]


class Gateway:
    """Reads batteries, makes one of them and plays it to inverters.

    All members belong to one event loop. `step` does all that is due at one moment;
    the coroutines only call its parts when something came or is due.
    """

    def __init__(
        self,
        config: GatewayConfig,
        setpoints: AllSetpoints | None = None,
        *,
        clock: Clock = time.monotonic,
        wall: Clock = time.time,
        port_factory: PortFactory = Port,
    ) -> None:
        """Make a gateway at rest; `start` opens its ports."""
        self._clock = clock
        self._wall = wall
        self._port_factory = port_factory
        self._config = config
        self._setpoints = setpoints or AllSetpoints()
        self._bank = Bank(config)
        self._bank.start(clock())
        self._verdict = Verdict(status=Status.STARTING, batteries={})
        self._inverters: dict[str, Inverter] = {}
        self._pollers: dict[str, Poller] = {}
        self._wires: dict[str, Wire] = {}
        self._why: dict[str, Offer | None] = {}
        self._listeners: list[Listener] = []
        self._watch = Wake(clock)
        self._watcher: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._news = True
        self._ending = False
        self._last_word = asyncio.Event()
        self._build()

    @property
    def snapshot(self) -> Snapshot:
        """Everything known at this moment."""
        now = self._clock()
        limits = self._verdict.limits or {}
        return Snapshot(
            at=now,
            status=self._verdict.status,
            bank=self._verdict.bank,
            charge=limits.get(Direction.CHARGE),
            discharge=limits.get(Direction.DISCHARGE),
            charge_voltage_limit=self._verdict.charge_voltage_limit,
            discharge_voltage_limit=self._verdict.discharge_voltage_limit,
            batteries=self._verdict.batteries,
            inverters={
                key: inverter.state(
                    now, why.limits if (why := self._why.get(key)) else {}
                )
                for key, inverter in self._inverters.items()
            },
            ports={key: wire.port.state for key, wire in self._wires.items()},
        )

    async def start(self) -> None:
        """Open the ports and begin; a port that cannot be opened is retried."""
        self._bank.start(self._clock())
        for key, wire in self._wires.items():
            wire.start(key)
        self._watcher = asyncio.create_task(self._run_watch(), name="gateway watch")

    async def stop(self) -> None:
        """Fall silent and close the ports, after a last set of 0 A if so configured."""
        self._ending = True
        self._last_word.clear()
        if self._config.block_at_end:
            await self._say_last_word()
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.gather(self._watcher, return_exceptions=True)
        await asyncio.gather(
            *(wire.stop() for wire in self._wires.values()), *self._closing
        )

    def apply(self, config: GatewayConfig) -> None:
        """Take over a changed configuration: only what differs is touched."""
        self._config = config
        self._bank.apply(config)
        self._build()
        self._tell_news()

    def set_setpoints(self, setpoints: AllSetpoints) -> None:
        """Take over changed setpoints at once."""
        self._setpoints = setpoints
        self._tell_news()

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` at each news, in the loop; return how to end that."""
        self._listeners.append(listener)
        return partial(self._listeners.remove, listener)

    def step(self) -> None:
        """Do everything that is due now: read, reckon, send, tell the listeners."""
        self._refresh()
        for key in self._pollers:
            self._poll(key)
        for key in self._inverters:
            self._write(key)
        for listener in tuple(self._listeners):
            listener(self.snapshot)

    # Building: what is configured becomes ports, pollers and inverters.

    def _build(self) -> None:
        batteries = {b.id: b for b in self._config.batteries}
        inverters = {i.id: i for i in self._config.inverters}
        configs: dict[str, BatteryConfig | InverterConfig] = {**batteries, **inverters}
        for key, wire in list(self._wires.items()):
            if key not in configs or wire.port.config != configs[key].port:
                self._take_down(key)
        for key, battery in batteries.items():
            if key not in self._wires:
                self._wires[key] = self._wire(battery, self._hear_battery, self._poll)
            self._set_poller(battery)
        for key, inverter in inverters.items():
            if key not in self._wires:
                wire = self._wire(inverter, self._hear_inverter, self._write)
                self._wires[key] = wire
                self._inverters[key] = Inverter(inverter, wire.port)
            self._inverters[key].config = inverter
        if self._watcher is not None:
            for key, wire in self._wires.items():
                wire.start(key)

    def _wire(
        self,
        config: BatteryConfig | InverterConfig,
        hear: Callable[[str, Frame], None],
        serve: Callable[[str], float | None],
    ) -> Wire:
        port = self._port_factory(
            config.port,
            on_frame=partial(hear, config.id),
            on_echo=partial(self._hear_echo, config.id),
            on_change=self._port_changed,
            clock=self._clock,
            wall=self._wall,
        )
        return Wire(port, partial(serve, config.id), self._clock)

    def _take_down(self, key: str) -> None:
        wire = self._wires.pop(key)
        self._inverters.pop(key, None)
        self._pollers.pop(key, None)
        self._why.pop(key, None)
        if self._watcher is not None:
            task = asyncio.create_task(wire.stop(), name=f"{key} stop")
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    def _set_poller(self, battery: BatteryConfig) -> None:
        if battery.poll_interval is None:
            self._pollers.pop(battery.id, None)
        elif battery.id in self._pollers:
            self._pollers[battery.id].interval = battery.poll_interval
        else:
            port = self._wires[battery.id].port
            self._pollers[battery.id] = Poller(port, battery.poll_interval)

    # Hearing: what came in is kept and wakes whoever may have to act upon it.

    def _hear_battery(self, key: str, frame: Frame) -> None:
        if poller := self._pollers.get(key):
            poller.hear(frame)
        if frame.standard:
            self._bank.hear(key, frame)
            self._tell_news()

    def _hear_inverter(self, key: str, frame: Frame) -> None:
        inverter = self._inverters[key]
        if is_request(frame):
            inverter.hear_request(frame.at)
        inverter.hear_other(frame, self._clock())
        self._wires[key].wake()

    def _hear_echo(self, key: str, frame: Frame) -> None:
        if poller := self._pollers.get(key):
            poller.hear(frame)
        if inverter := self._inverters.get(key):
            inverter.hear_echo(frame, self._clock())
            # What this one was told now may make room for the others.
            self._wake_writers()
            if all(is_block(other.told) for other in self._inverters.values()):
                self._last_word.set()

    def _port_changed(self, _: PortState) -> None:
        self._tell_news()

    def _tell_news(self) -> None:
        self._news = True
        self._wake_writers()
        self._watch.set()

    def _wake_writers(self) -> None:
        for key in self._inverters:
            self._wires[key].wake()

    # Acting: by the coroutines of the wires, or by `step`.

    def _refresh(self) -> float:
        """Read all that waits, then judge what counts now; return that moment."""
        for wire in tuple(self._wires.values()):
            wire.port.drain()
        now = self._clock()
        deadline = self._bank.deadline
        if self._news or (deadline is not None and now >= deadline):
            self._news = False
            for key, inverter in self._inverters.items():
                inverter.in_service = key not in self._setpoints.out_of_service
            self._verdict = self._bank.reckon(now, self._setpoints, self._told())
        return now

    def _told(self) -> dict[Direction, float]:
        """Return the sum of what the inverters were told, in A per direction."""
        return {
            direction: sum(i.told_amps(direction) for i in self._inverters.values())
            for direction in Direction
        }

    def _write(self, key: str) -> float | None:
        """Send an inverter what is due; return when to look again."""
        now = self._refresh()
        current = self._why[key] = self._offer(key)
        return self._inverters[key].step(
            now, current.telegram if current else None, self._verdict.renewed_at
        )

    def _offer(self, key: str) -> Offer | None:
        """Return what an inverter may be told now; at the end, 0 A or nothing."""
        if self._ending and not self._config.block_at_end:
            return None
        ids = [inverter.id for inverter in self._config.inverters]
        claims = {d: self._claims(d, ids) for d in Direction}
        current = offer(self._config, ids.index(key), self._verdict, claims)
        return block(current) if current and self._ending else current

    def _claims(self, direction: Direction, ids: list[str]) -> list[Claim]:
        now = self._clock()
        bank = self._verdict.bank
        flowing = 0.0
        if direction is Direction.DISCHARGE:
            flowing = max(0.0, -(bank.current or 0.0)) / len(ids)
        return [
            self._inverters[key].claim(
                direction,
                self._setpoints.asked(key, direction, now, bank.voltage),
                flowing,
                now,
            )
            for key in ids
        ]

    def _poll(self, key: str) -> float | None:
        poller = self._pollers.get(key)
        return poller.step(self._clock()) if poller else None

    async def _run_watch(self) -> None:
        """Reckon at every deadline and tell the listeners what is new."""
        while True:
            self._refresh()
            for listener in tuple(self._listeners):
                listener(self.snapshot)
            await self._watch.until(self._bank.deadline)

    async def _say_last_word(self) -> None:
        """Wait until every inverter was told 0 A, for LAST_WORD at the longest."""
        self._wake_writers()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORD):
                await self._last_word.wait()
