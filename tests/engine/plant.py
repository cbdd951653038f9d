"""A complete installation: batteries, a gateway and inverters in memory."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from custom_components.bms_gateway.engine.config import (
    BatteryConfig,
    GatewayConfig,
    Interface,
    InverterConfig,
    PortConfig,
)
from custom_components.bms_gateway.engine.gateway import Gateway
from custom_components.bms_gateway.engine.model import (
    BatteryState,
    Frame,
    InverterState,
    Limit,
    Snapshot,
    Telegram,
)
from custom_components.bms_gateway.engine.protocol.alarms.flags import (
    Flags,
    decode_bits,
)
from custom_components.bms_gateway.engine.setpoints import AllSetpoints, Setpoints

from .telegrams import HEALTHY, telegram
from .wires import MovedClock, WirePort, Wires, all_limits, limits

TICK = 0.25
"""Seconds by which the clock of a plant is moved at a time."""
PERIOD = 1.0
"""Seconds between two telegrams of a battery."""
SPACING = 0.06
"""Seconds between two batteries' telegrams: frames of one time belong to one
battery."""
TURNS = 4
"""Steps after which a telegram with immediate echoes is complete."""


def battery(key: str, capacity: float = 100.0, **options: Any) -> BatteryConfig:
    """Return a battery on a channel of its own."""
    port = PortConfig(Interface.VIRTUAL, key)
    return BatteryConfig(id=key, name=key, port=port, capacity_ah=capacity, **options)


def inverter(key: str, rated: float = 500.0, **options: Any) -> InverterConfig:
    """Return an inverter on a channel of its own, rated the same both ways."""
    port = PortConfig(Interface.VIRTUAL, key)
    rating = {"rated_charge": rated, "rated_discharge": rated}
    return InverterConfig(id=key, name=key, port=port, **(rating | options))


class Pack:
    """One battery: what it reports each period, while it is active."""

    def __init__(self, reported: Telegram, early: float = 0.0) -> None:
        """Report at once, then each period; `early` seconds before it is read."""
        self.reported = reported
        self._early = early
        self.active = True
        self.without: set[int] = set()
        self.instead: dict[int, bytes] = {}
        """Frame contents to send instead of the right ones, by ID."""
        self.more: list[Frame] = []
        """Additional frames to send."""
        self.next_at = 0.0

    def reports(self, **changes: Any) -> None:
        """Report other values from the next telegram on."""
        self.reported = replace(self.reported, **changes)

    def heal(self, **changes: Any) -> None:
        """Report as a healthy battery does, except for the changes."""
        self.reported, self.active = replace(HEALTHY, **changes), True
        self.without, self.instead, self.more = set(), {}, []

    def frames(self, now: float) -> list[Frame]:
        """Return one telegram."""
        frames = [
            (frame.can_id, self.instead.get(frame.can_id, frame.data))
            for frame in _encoded(self.reported)
            if frame.can_id not in self.without
        ]
        more = [(frame.can_id, frame.data) for frame in self.more]
        at = now - self._early
        return [Frame(can_id, data, at) for can_id, data in frames + more]


@lru_cache
def _encoded(reported: Telegram) -> list[Frame]:
    return telegram(reported=reported)


class Plant:
    """An installation whose time is moved by the test."""

    def __init__(
        self,
        batteries: Iterable[BatteryConfig] = (battery("b1"),),
        inverters: Iterable[InverterConfig] = (inverter("i1"),),
        *,
        reports: Mapping[str, Mapping[str, Any]] | None = None,
        setpoints: AllSetpoints | None = None,
        learned: Mapping[str, float] | None = None,
        **options: Any,
    ) -> None:
        """Create a stopped plant. `reports`: battery values other than HEALTHY."""
        self.clock = MovedClock()
        self.port_services = Wires()
        self.config = GatewayConfig(
            name="Test",
            batteries=tuple(batteries),
            inverters=tuple(inverters),
            **options,
        )
        self.packs = {
            b.id: Pack(replace(HEALTHY, **(reports or {}).get(b.id, {})), n * SPACING)
            for n, b in enumerate(self.config.batteries)
        }
        self.gateway = Gateway(
            self.config,
            setpoints,
            learned=learned,
            clock=self.clock,
            wall=self.clock,
            port_factory=self.port_services,
        )

    @property
    def now(self) -> float:
        """The time."""
        return self.clock.now

    @property
    def snapshot(self) -> Snapshot:
        """The gateway's snapshot."""
        return self.gateway.snapshot

    @property
    def charge(self) -> Limit:
        """The bank's charge limit; it has to be known."""
        assert self.snapshot.charge is not None
        return self.snapshot.charge

    @property
    def discharge(self) -> Limit:
        """The bank's discharge limit; it has to be known."""
        assert self.snapshot.discharge is not None
        return self.snapshot.discharge

    def port(self, key: str = "i1") -> WirePort:
        """Return the port of a battery or an inverter."""
        return self.port_services.ports[key]

    def state(self, key: str = "b1") -> BatteryState:
        """Return the state of a battery."""
        return self.snapshot.batteries[key]

    def inverter(self, key: str = "i1") -> InverterState:
        """Return the state of an inverter."""
        return self.snapshot.inverters[key]

    def sent(self, key: str = "i1") -> tuple[float, float, float]:
        """Return CVL, CCL, DCL as last sent on an inverter's wire."""
        return limits(self.port(key).last(0x351))

    def enabled(self, key: str = "i1") -> tuple[bool, bool]:
        """Return whether charging and discharging were last sent as enabled."""
        bits = self.port(key).last(0x35C)[0]
        return bool(bits & 0x80), bool(bits & 0x40)

    def raised(self, key: str = "i1") -> Flags:
        """Return the alarms and warnings sent last."""
        return decode_bits(self.port(key).last(0x359))

    def sent_since(
        self, at: float, key: str = "i1"
    ) -> list[tuple[float, float, float]]:
        """Return every CVL, CCL, DCL sent on its wire since a time."""
        return all_limits(self.port(key).since(at))

    def step(self, turns: int = TURNS) -> None:
        """Do everything due now, including echoes and what follows them."""
        ports = self.port_services.ports.values()
        for turn in range(turns):
            left = sum(len(port.sent) for port in ports)
            self.gateway.step()
            # Unreachable inverters show in the first turn, the others in the next
            rests = left == sum(len(port.sent) for port in ports)
            if turn and rests and all(port.is_read for port in ports):
                break

    def send_telegrams(self, *keys: str) -> list[Frame]:
        """Send a telegram of these batteries (default: all active ones) now."""
        frames_sent = []
        for key in keys or [k for k, pack in self.packs.items() if pack.active]:
            pack = self.packs[key]
            frames = pack.frames(self.now)
            self.port(key).push(*frames)
            pack.next_at = self.now + PERIOD
            frames_sent += frames
        return frames_sent

    def wait(self, seconds: float) -> None:
        """Move the clock while no device sends."""
        self.clock.now += seconds
        self.step()

    def run(self, seconds: float, tick: float = TICK) -> None:
        """Run for some seconds; active batteries report each PERIOD."""
        end = self.now + seconds
        while self.now < end - 1e-9:
            self.clock.now = min(end, self.now + tick)
            for key, pack in self.packs.items():
                if pack.active and self.now >= pack.next_at - 1e-9:
                    self.send_telegrams(key)
            self.step()

    def started(self, seconds: float = 5.0) -> Plant:
        """Run until the first limits have been sent."""
        self.send_telegrams()
        self.step()
        self.run(seconds)
        return self

    def ask(self, **setpoints: Any) -> None:
        """Set the bank's setpoints."""
        self.set(AllSetpoints(bank=Setpoints(**setpoints)))

    def set(self, setpoints: AllSetpoints) -> None:
        """Set all setpoints."""
        self.gateway.set_setpoints(setpoints)
        self.step()

    def apply(self, **options: Any) -> None:
        """Change the running gateway's configuration."""
        self.config = replace(self.config, **options)
        for config in self.config.batteries:
            self.packs.setdefault(config.id, Pack(HEALTHY, len(self.packs) * SPACING))
        self.gateway.apply(self.config)
