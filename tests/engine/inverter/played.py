"""An inverter on a wire whose time is moved by the test."""

from dataclasses import replace
from typing import Any

from custom_components.bms_gateway.engine.battery.timing.telegram_boundary import (
    Progress,
)
from custom_components.bms_gateway.engine.inverter.inverter import Inverter
from custom_components.bms_gateway.engine.model import (
    Direction,
    Frame,
    InverterState,
    Telegram,
)

from ..plant import inverter
from ..telegrams import HEALTHY
from ..wires import MovedClock, Wires

NAME = 0x35E

TELEGRAM_IDS = [NAME, 0x351, 0x355, 0x356, 0x35C, 0x359]

REQUEST = Frame(0x305, bytes(8))

OTHER = Frame(0x306, bytes(8))


class Played:
    """An inverter, its port and the clock."""

    def __init__(self, **options: Any) -> None:
        """Connect an inverter that acknowledges."""
        self.clock = MovedClock()
        config = inverter("i1", **options)
        self.port = Wires()(
            config.port,
            on_frame=self._on_frame,
            on_echo=self._on_echo,
            on_change=lambda _: None,
            clock=self.clock,
            wall=self.clock,
        )
        self.inverter = Inverter(config, self.port)
        self.telegram: Telegram | None = HEALTHY
        self.progress = Progress()

    def _on_frame(self, frame: Frame) -> None:
        if frame.can_id == 0x305:
            self.inverter.on_request(frame.at)
        self.inverter.on_other_frame(frame, self.clock.now)

    def _on_echo(self, frame: Frame) -> None:
        self.inverter.on_echo(frame, self.clock.now)

    def turn(self) -> float | None:
        """Run one step after reading all frames."""
        self.port.drain()
        return self.inverter.step(self.clock.now, self.telegram, self.progress)

    def after(self, seconds: float = 0.0) -> list[int]:
        """Move the clock and run a step; return the IDs that left since."""
        self.clock.now = round(self.clock.now + seconds, 6)
        before = len(self.port.sent)
        for _ in range(4):
            self.turn()
        return self.port.ids()[before:]

    def set_telegram(self, **changes: Any) -> None:
        """Set another telegram to be sent."""
        self.telegram = replace(HEALTHY, **changes)

    def confirmed(self, direction: Direction = Direction.CHARGE) -> float:
        """Return the limit that it may act on."""
        return self.inverter.sent_amps(direction)

    def unplug(self) -> None:
        """Unplug it, until that is noticed."""
        self.port.acknowledged = False
        self.after(1.0)
        self.after(0.05)
        assert self.state().listening is False

    def state(self) -> InverterState:
        """Its present state."""
        return self.inverter.state(self.clock.now, {})
