"""All checks that a battery's values pass before they count, in their order."""

from collections.abc import Iterable
from math import inf
from typing import Any, Final

from ...model import Frame, RejectedValue
from ...model.nominal_voltage import VOLTAGES, NominalVoltage
from ...ramp import HOLD
from ..timing.frame_periods import FramePeriods
from ..value_store import REQUIRED, ValueStore
from .confirmation import NOT_RAMPED, RAMPED, Confirmation
from .duplicate_senders import DuplicateSenders
from .ranges import HUGE_LIMIT, Plausibility
from .recognition import Recognition
from .rejected import RejectedValues
from .soc_jump import SocJump

BRIDGED: Final = REQUIRED | {"soc", "voltage"}
"""Nothing can be sent to inverters without these. One frame that gives no value for them
counts like one that did not come: a house must not go dark for it."""
_QUICK: Final = HOLD - 0.5
"""Seconds; a value that comes more often than this comes twice within the time for which
a higher limit has to hold before it ramps."""


class Screening:
    """Checks the values of one battery's frames against what it reported before."""

    def __init__(
        self, values: ValueStore, frame_periods: FramePeriods, nominal: int | None
    ) -> None:
        """Begin without a history; `values`: those that passed; `nominal`: configured."""
        self.recognition = Recognition(nominal)
        """The battery's nominal voltage."""
        self._values = values
        self._frame_periods = frame_periods
        self._plausibility = Plausibility()
        self._confirmation = Confirmation()
        self._soc = SocJump()
        self._duplicate_senders = DuplicateSenders()
        self._rejected = RejectedValues(BRIDGED)

    def accepted(
        self,
        values: dict[str, Any],
        rejected: tuple[RejectedValue, ...],
        frame: Frame,
        capacity: float,
    ) -> dict[str, Any]:
        """Return the values of one frame that count.

        `rejected`: those that decoding already found outside their window; `capacity`: in
        Ah, as configured.
        """
        at = frame.at
        recognition, before = self.recognition, self.recognition.row
        recognition.take(values, at)
        self._forget_voltages_of(before)
        if recognition.is_ambiguous:
            values = values | dict.fromkeys(VOLTAGES & values.keys())
        values = self._plausibility.screen(
            values,
            nominal=recognition.row,
            pending=recognition.is_pending,
            capacity=capacity,
            soc=self._values.known.get("soc"),
        )
        values = {n: v for n, v in values.items() if v is not None or n not in BRIDGED}
        if (soc := values.get("soc")) is not None:
            amps = max(
                abs(self._values.known.get("current", 0.0)), self._largest_current
            )
            values["soc"] = self._soc.accepted(soc, at, amps=amps, capacity=capacity)
        longest_period = self._frame_periods.longest_period(frame.can_id)
        self._duplicate_senders.on_frame(frame, longest_period)
        disputed = self._duplicate_senders.detected(at)
        slow = disputed or (longest_period or 0.0) > _QUICK
        for name, value in values.items():
            if value is not None and (name in NOT_RAMPED or (slow and name in RAMPED)):
                values[name] = self._confirmation.accepted(
                    name,
                    value,
                    at,
                    period=longest_period or 0.0,
                    gap=self._gap(name, frame),
                    disputed=disputed,
                )
        self._rejected.take(
            (*map(self._for_battery, rejected), *self._plausibility.rejected),
            BRIDGED & values.keys(),
            frame,
        )
        return values

    @property
    def is_outside(self) -> bool:
        """Whether a voltage of the last frame was outside the window of its battery."""
        return self._plausibility.is_outside

    def configure(self, nominal: int | None) -> bool:
        """Take over a configured nominal voltage in V; return whether that changes it."""
        before = self.recognition.row
        self.recognition.configured = nominal
        return self._forget_voltages_of(before)

    def forget(self, names: Iterable[str]) -> None:
        """Forget earlier reports of these attributes."""
        for name in names:
            self._confirmation.forget(name)

    def has_duplicate_sender(self, now: float) -> bool:
        """Return whether another node sends the battery's IDs, too."""
        return self._duplicate_senders.detected(now)

    def rejected(self, now: float) -> tuple[RejectedValue, ...]:
        """Return the required values that are reported outside their window now."""
        return self._rejected.still_reported(now, self._frame_periods.timeout)

    @property
    def soc_jumped_at(self) -> float | None:
        """When a jump of the state of charge was accepted; None: never."""
        return self._soc.jumped_at

    def _forget_voltages_of(self, nominal: NominalVoltage) -> bool:
        """Forget the voltages if they were accepted for another nominal voltage."""
        if self.recognition.row is nominal:
            return False
        self._values.forget(VOLTAGES)
        self.forget(VOLTAGES)
        self._plausibility.forget_voltages()
        return True

    def _for_battery(self, rejected: RejectedValue) -> RejectedValue:
        """Return a rejected value with the window of its battery.

        It is outside the window of every nominal voltage.
        """
        if rejected.attribute not in VOLTAGES:
            return rejected
        window = self.recognition.row.window(rejected.attribute)
        return rejected._replace(low=window.low, high=window.high)

    def _gap(self, name: str, frame: Frame) -> float:
        """Return after how many seconds earlier reports of a value no longer count."""
        if (
            self._values.is_fresh(name, frame.at)
            or self._frame_periods.longest_period(frame.can_id) is None
        ):
            return inf
        return self._frame_periods.timeout(frame.can_id)

    @property
    def _largest_current(self) -> float:
        """A; the current to expect while it is unknown, 0 while it is known."""
        reported = self._values.get("current")
        unknown = reported is None or reported.value is None
        return min(self._plausibility.largest_limit, HUGE_LIMIT) if unknown else 0.0
