"""The loop: a gateway and simulated hardware, joined by wires in memory, one clock."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from custom_components.bms_gateway.engine.config import (
    BatteryConfig,
    GatewayConfig,
    Interface,
    InverterConfig,
    PortConfig,
)
from custom_components.bms_gateway.engine.gateway import Gateway
from custom_components.bms_gateway.engine.model import (
    Clock,
    Direction,
    Frame,
    PortState,
    PortStatus,
)
from custom_components.bms_gateway.engine.simulator import SimulatedInverter, Simulator

from .banks import CautiousBattery

TICK: Final = 0.1
"""Seconds of one turn: physics, frames across, gateway."""

IDLE: Final = 2
"""Turns after which the gateway does what is due although no frame came."""

_OPEN: Final = PortState(status=PortStatus.OPEN)


class LoopPort:
    """A wire on which every sent frame is received, and comes back as echo."""

    has_echo = True
    echo_is_proof = True
    state = _OPEN

    def __init__(
        self,
        config: PortConfig,
        *,
        on_frame: Callable[[Frame], None],
        on_echo: Callable[[Frame], None],
        on_change: Callable[[PortState], None],
        clock: Clock,
        wall: Clock,
    ) -> None:
        """Make an open port."""
        self.config = config
        self.inbox: deque[tuple[Callable[[Frame], None], Frame]] = deque()
        self.on_send: Callable[[Frame], None] = lambda _: None
        self._on_frame, self._on_echo = on_frame, on_echo
        self._clock = clock

    @property
    def read_until(self) -> float:
        """Until when all that came has been dispatched."""
        return self._clock()

    async def run(self) -> None:
        """Stay open."""
        await asyncio.Event().wait()

    def drain(self) -> None:
        """Dispatch waiting frames."""
        while self.inbox:
            callback, frame = self.inbox.popleft()
            callback(frame)

    def send(self, frame: Frame) -> bool:
        """Send a frame at once."""
        self.on_send(frame)
        self.inbox.append((self._on_echo, frame))
        return True

    def push(self, frame: Frame) -> None:
        """Receive a frame of the other side."""
        self.inbox.append((self._on_frame, frame))


class Loop:
    """A gateway between batteries and inverters; `turn` lets TICK seconds pass."""

    def __init__(
        self,
        batteries: Sequence[CautiousBattery],
        inverters: Sequence[SimulatedInverter],
        *,
        learned: Mapping[str, float] | None = None,
        inverter_options: Mapping[str, Any] | None = None,
        resolution: float = TICK,
        **options: Any,
    ) -> None:
        """Join them; `options` of the gateway's configuration.

        `resolution`: seconds, the longest step of the physics.
        """
        self.now = 1000.0
        self._turns = 0
        self.began = self.now
        self.simulator = Simulator(batteries, inverters, resolution=resolution)
        self.batteries = {b.id: b for b in batteries}
        self.config = GatewayConfig(
            name="loop",
            batteries=tuple(
                BatteryConfig(
                    id=b.id,
                    name=b.id,
                    port=PortConfig(Interface.VIRTUAL, b.id),
                    capacity_ah=b.pack.capacity_ah,
                )
                for b in batteries
            ),
            inverters=tuple(
                InverterConfig(
                    id=i.id,
                    name=i.id,
                    port=PortConfig(Interface.VIRTUAL, i.id),
                    rated_charge=i.inverter.rated_charge,
                    rated_discharge=i.inverter.rated_discharge,
                    **(inverter_options or {}),
                )
                for i in inverters
            ),
            **options,
        )
        self._ports: dict[str, LoopPort] = {}
        self.gateway = Gateway(
            self.config,
            learned=learned,
            clock=lambda: self.now,
            wall=lambda: self.now,
            port_factory=self._port,
        )

    @property
    def at(self) -> float:
        """Seconds since the start."""
        return self.now - self.began

    def turn(self) -> None:
        """Advance the time by TICK seconds."""
        self._turns += 1
        self.advance(TICK, idle=self._turns % IDLE != 0)

    def advance(self, seconds: float, *, idle: bool = False) -> None:
        """Advance the time; `idle`: the gateway acts only if a frame comes."""
        self.now += seconds
        for key, frame in self.simulator.step(self.now):
            self._ports[key].push(replace(frame, at=self.now))
        if not idle:
            self.gateway.step()
        while any(port.inbox for port in self._ports.values()):
            self.gateway.step()

    def sent(self, direction: Direction) -> float:
        """Return the sum of the limits that the inverters received, in A."""
        sent = [inverter.received for inverter in self.simulator.inverters.values()]
        if direction is Direction.CHARGE:
            return sum(one.charge for one in sent)
        return sum(one.discharge for one in sent)

    def limit(self, direction: Direction) -> float:
        """Return the bank's limit in A; 0 while it is unknown."""
        snapshot = self.gateway.snapshot
        charge = direction is Direction.CHARGE
        limit = snapshot.charge if charge else snapshot.discharge
        return limit.amps if limit else 0.0

    def run(self, seconds: float, each: Callable[[], None] = lambda: None) -> None:
        """Advance the time; `each` is called after every turn."""
        for _ in range(round(seconds / TICK)):
            self.turn()
            each()

    def _port(self, config: PortConfig, **callbacks: Any) -> LoopPort:
        port = LoopPort(config, **callbacks)
        port.on_send = lambda f: self.simulator.on_frame(config.channel, f, self.now)
        self._ports[config.channel] = port
        return port
