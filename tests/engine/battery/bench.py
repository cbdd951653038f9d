"""A battery whose frames and time are moved by the test."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from custom_components.bms_gateway.engine.battery.battery import Battery
from custom_components.bms_gateway.engine.model import (
    BatteryState,
    BatteryStatus,
    Frame,
    Readings,
)

from ..plant import battery
from ..protocol.captures import frames
from ..telegrams import telegram

LIMITS_ID = 0x351

CVL_ONLY = bytes.fromhex("3002")  # 56.0 V, the frame ends there


class BatteryBench:
    """A battery, its clock and its frames."""

    def __init__(self, **options: Any) -> None:
        """Start with a battery that was never received."""
        self.now = 1000.0
        self.battery = Battery(battery("b1", **options))
        self.currents: list[float] = []
        """Every current that was read from a capture."""

    def telegrams(
        self,
        count: int = 1,
        *,
        every: float = 1.0,
        without: Collection[int] = (),
        instead: dict[int, bytes] | None = None,
        **changes: Any,
    ) -> BatteryBench:
        """Receive telegrams, the first one now, the clock left at the last one."""
        for n in range(count):
            self.now += every if n else 0.0
            for frame in telegram(self.now, without=without, **changes):
                data = (instead or {}).get(frame.can_id, frame.data)
                self.on_frame(replace(frame, data=data))
        return self

    def on_frame(self, frame: Frame) -> None:
        """Receive one frame at its time, or now."""
        self.battery.on_frame(frame if frame.at else replace(frame, at=self.now))
        self.battery.update(self.now)

    def capture(self, text: str, times: int = 1) -> BatteryBench:
        """Receive recorded frames, again every second, the clock left after the last."""
        for _ in range(times):
            start = self.now
            for frame in frames(text, start=start):
                self.now = frame.at
                self.on_frame(frame)
                if (current := self.readings.current) is not None:
                    self.currents.append(current)
            self.now = max(self.now, start) + 0.9
        return self

    def after(self, seconds: float) -> BatteryState:
        """Move the clock and evaluate."""
        self.now += seconds
        self.battery.update(self.now)
        return self.battery.state(self.now)

    @property
    def status(self) -> BatteryStatus:
        """The present status."""
        return self.after(0).status

    @property
    def readings(self) -> Readings:
        """The present readings."""
        return self.after(0).readings
