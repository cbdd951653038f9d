"""The highest limits that a battery ever reported: they show tapering and cell count."""

from ..model import Readings
from ..model.nominal_voltage import NominalVoltage, nominal_or_standard


class HighestLimits:
    """The highest limits of one battery since the start; they survive a change of port."""

    def __init__(self) -> None:
        """Begin with nothing reported."""
        self.charge = 0.0
        """A"""
        self.discharge = 0.0
        """A"""
        self._charge_voltage = 0.0
        self._nominal = nominal_or_standard(None)

    def take(self, readings: Readings, nominal: NominalVoltage) -> None:
        """Take the present readings of a battery of this nominal voltage."""
        if nominal is not self._nominal:
            self._nominal, self._charge_voltage = nominal, 0.0
        self.charge = max(self.charge, readings.charge_current_limit or 0.0)
        self.discharge = max(self.discharge, readings.discharge_current_limit or 0.0)
        self._charge_voltage = max(
            self._charge_voltage, readings.charge_voltage_limit or 0.0
        )

    @property
    def cells(self) -> int | None:
        """Cells in series by the highest charge voltage limit; None: not known yet."""
        if not self._charge_voltage:
            return None
        return self._nominal.cells_of(self._charge_voltage)
