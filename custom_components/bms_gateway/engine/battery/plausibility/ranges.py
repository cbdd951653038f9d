"""Plausible ranges: limits, currents, voltages and capacities that cannot be meant."""

from collections.abc import Mapping
from typing import Any, Final

from ...model import RejectedValue
from ...model.nominal_voltage import VOLTAGES, NominalVoltage

HUGE_LIMIT: Final = 1200.0
"""A; a Sunny Island accepts no higher limit. Only a battery of at least HUGE_CAPACITY
can mean more."""
HUGE_CAPACITY: Final = 1000.0
"""Ah"""
BEYOND: Final = 1.2
"""A current is rejected above this multiple of the largest limit ever reported, and at
least above HUGE_LIMIT."""
ROUND: Final = 50
"""mV; cell voltages in whole multiples of it may be settings instead of
measurements."""
SOC_MOVED: Final = 5.0
"""%; a capacity that stayed the same over this change of SOC is not the remaining
one."""
_CELLS: Final = ("cell_voltage_min", "cell_voltage_max")
_CURRENT_LIMITS: Final = ("charge_current_limit", "discharge_current_limit")
_BOTH: Final = ("charge_voltage_limit", "voltage")
"""Of VOLTAGES, those that every battery has to report."""

type Values = Mapping[str, Any]


class Plausibility:
    """Remembers earlier values that show whether later ones are plausible."""

    def __init__(self) -> None:
        """Begin without a report."""
        self._largest = 0.0
        self._cells: tuple[Any, ...] | None = None
        self._cells_moved = False
        self._identity: float | None = None
        self._socs = (0.0, 0.0)
        self._volts: dict[str, float] = {}
        self.rejected: tuple[RejectedValue, ...] = ()
        """Required values of the last frame that were rejected."""
        self.is_outside = False
        """Whether a voltage of the last frame was outside the window of its battery."""

    def screen(
        self,
        values: Values,
        *,
        nominal: NominalVoltage,
        pending: bool,
        capacity: float,
        soc: float | None,
    ) -> dict[str, Any]:
        """Return the values of one frame, None in place of those that are implausible.

        `nominal`, `pending`: by `Recognition.row` and `is_pending`; `capacity`: Ah as
        configured, nan unless known; `soc`: in %, as last reported.
        """
        screened = dict(values)
        self.rejected = ()
        self.is_outside = False
        self._screen_voltages(screened, nominal, pending=pending)
        for name in _CURRENT_LIMITS:
            limit = screened.get(name)
            if (
                limit is not None
                and limit > HUGE_LIMIT
                and not capacity >= HUGE_CAPACITY
            ):
                screened[name] = None
                if capacity < HUGE_CAPACITY:  # else it may become known, and be enough
                    self.rejected += (RejectedValue(name, limit, 0.0, HUGE_LIMIT),)
            self._largest = max(self._largest, screened.get(name) or 0.0)
        current = screened.get("current")
        if current is not None and abs(current) > max(
            HUGE_LIMIT, BEYOND * self._largest
        ):
            screened["current"] = None
        return screened | self._measured(screened) | self._installed(screened, soc)

    @property
    def largest_limit(self) -> float:
        """The largest current limit in A that was ever reported."""
        return self._largest

    def _screen_voltages(
        self, values: dict[str, Any], nominal: NominalVoltage, *, pending: bool
    ) -> None:
        """Remove the voltages of a pack of another nominal voltage.

        One by one, and where the windows overlap both together, see
        `NominalVoltage.reached`. While the nominal voltage is pending nothing is
        rejected.
        """
        for name in VOLTAGES:
            volts = values.get(name)
            if volts is None or nominal.window(name).holds(volts):
                continue
            values[name] = None
            if not pending:
                self.is_outside = True
                self._reject(name, volts, *nominal.window(name))
        reported = {n: values[n] for n in _BOTH if values.get(n) is not None}
        self._volts |= reported
        low = [volts < nominal.reached for volts in self._volts.values()]
        if len(low) == len(_BOTH) and all(low):
            for name, volts in reported.items():
                values[name] = None
                if not pending:
                    self._reject(name, volts, nominal.reached, nominal.voltage.high)

    def _reject(self, name: str, volts: float, low: float, high: float) -> None:
        if name in _BOTH:
            self.rejected += (RejectedValue(name, volts, low, high),)

    def forget_voltages(self) -> None:
        """Forget the voltages: the battery has another nominal voltage."""
        self._volts = {}

    def _measured(self, values: Values) -> dict[str, Any]:
        """Return cell voltages as unknown if they are settings.

        These are round and never change: some emulators send the voltages at which they
        protect, 2.80 V and 3.65 V.
        """
        if not all(values.get(name) for name in _CELLS):
            return {}
        cells = tuple(round(1000 * values[name]) for name in _CELLS)
        self._cells_moved |= self._cells not in (None, cells)
        self._cells = cells
        if self._cells_moved or any(millivolts % ROUND for millivolts in cells):
            return {}
        return dict.fromkeys(_CELLS)

    def _installed(self, values: Values, soc: float | None) -> dict[str, Any]:
        """Return the capacity of 0x35F once it is shown to be the installed one.

        At Dyness and YamBMS it is the remaining one, and changes with the state of
        charge.
        """
        identity = values.get("identity_ah")
        if identity is None or soc is None:
            return {}
        if identity != self._identity:
            self._identity, self._socs = identity, (soc, soc)
        low, high = self._socs
        self._socs = min(low, soc), max(high, soc)
        stays = self._socs[1] - self._socs[0] >= SOC_MOVED
        return {"candidate_ah": identity} if stays else {}
