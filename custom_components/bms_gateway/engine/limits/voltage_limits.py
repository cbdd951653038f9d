"""The bank's voltage limits, with what they need of earlier evaluations."""

from collections.abc import Sequence
from math import inf

from ..battery.capacity import cells_in_series
from ..model import BankState, BatteryState, Direction
from ..model.nominal_voltage import STANDARD, nominal_or_standard
from ..ramp import RAMP_TIME, Ramp, ramp_to
from .charge_voltage import (
    CELL_FULL,
    RAMP_RATE,
    ChargeVoltage,
    VoltageReference,
    bank_voltage,
    charge_voltage_limit,
    discharge_voltage,
    peak,
)
from .context import Context


class VoltageLimits:
    """The charge and discharge voltage limits that are sent."""

    def __init__(self) -> None:
        """Create it without a reference."""
        self._reference = VoltageReference()
        self._ramp: Ramp | None = None
        self._lowest: BatteryState | None = None
        """The battery with the lowest charge voltage limit of the last evaluation."""
        self._held_reference: float | None = None
        """V; the reference of the last evaluation, held while no battery is online."""
        self._discharge: float | None = None

    @property
    def ramping(self) -> bool:
        """Whether the charge voltage limit is rising now."""
        ramp = self._ramp
        return ramp is not None and ramp.amps < ramp.wanted[-1][1]

    def update_reference(
        self, connected: Sequence[BatteryState], now: float
    ) -> float | None:
        """Take the batteries that are connected; return the reference in V, if known."""
        return self._reference.update(_peak(connected), now)

    def charge(
        self,
        context: Context,
        volts: float,
        reference: float,
        requested: float | None,
    ) -> tuple[float, BatteryState | None]:
        """Return the charge voltage limit in V, and the battery for which it is too high.

        `volts`: of the bank; `reference`: of `update_reference`; `requested`: the setpoint.
        """
        self._held_reference = reference
        self._lowest = lowest = min(context.counted, key=_limit)
        cap = self._slowly(
            _charge(lowest, reference, cap=None).volts,
            context.now,
            rate=RAMP_RATE * nominal_or_standard(lowest.nominal).volts / STANDARD,
        )
        if requested is not None:
            cap = min(cap, requested)
        if Direction.CHARGE in context.blocked:
            cap = min(cap, volts)
        sent = _charge(lowest, reference, cap=cap)
        return sent.volts, lowest if sent.over_battery else None

    def charge_in_silence(
        self, context: Context, bank: BankState, requested: float | None
    ) -> float | None:
        """Return the charge voltage limit in V while the bank's voltage is unknown.

        It is that of the pack. The reference would fall although the pack's voltage is
        unknown, so it is held.
        """
        caps = (bank.voltage, requested)
        cap = min((volts for volts in caps if volts is not None), default=None)
        lowest, reference = self._lowest, self._held_reference
        if context.counted:
            # The limit of a battery that is rejoining counts already
            lowest = min(context.counted, key=_limit)
        if lowest is None or reference is None:
            return None
        return _charge(lowest, reference, cap=cap).volts

    @property
    def charge_stop(self) -> float | None:
        """A charge voltage limit in V that ends charging: close above the pack."""
        lowest, reference = self._lowest, self._held_reference
        if lowest is None or reference is None:
            return None
        return _charge(lowest, reference, cap=reference).volts

    def discharge(self, bank: BankState, volts: float | None) -> float:
        """Return the discharge voltage limit in V; `volts`: of the bank."""
        if bank.discharge_voltage_limit is not None:
            self._discharge = bank.discharge_voltage_limit
        return self.discharge_in_silence(volts)

    def discharge_in_silence(self, volts: float | None) -> float:
        """Return the discharge voltage limit in V by what was last reported."""
        lowest = self._lowest
        unknown = nominal_or_standard(None).most_cells
        cells = unknown if lowest is None else cells_in_series(lowest)
        return discharge_voltage(self._discharge, volts, cells=cells)

    @property
    def discharge_floor(self) -> float | None:
        """The batteries' discharge voltage limit in V, as last reported."""
        return self._discharge

    def _slowly(self, volts: float, now: float, *, rate: float) -> float:
        """Return how far a charge voltage limit in V may rise: like a current.

        `rate`: V/s.
        """
        self._ramp = ramp_to(
            self._ramp, volts, now, rated=rate * RAMP_TIME, flowing=0.0
        )
        return self._ramp.amps


def _peak(connected: Sequence[BatteryState]) -> float | None:
    """Return the bank voltage in V that was reported repeatedly and is possible."""
    volts = bank_voltage(connected, peak)
    if volts is None:
        return None
    return min(volts, CELL_FULL * max(map(cells_in_series, connected)))


def _limit(battery: BatteryState) -> float:
    limit = battery.last.charge_voltage_limit
    return inf if limit is None else limit


def _charge(
    lowest: BatteryState, reference: float, *, cap: float | None
) -> ChargeVoltage:
    """Return the limit to send for the battery with the lowest charge voltage limit."""
    limit = _limit(lowest)
    cells = lowest.cells or nominal_or_standard(lowest.nominal).cells_of(limit)
    return charge_voltage_limit(limit, reference, cells=cells, cap=cap)
