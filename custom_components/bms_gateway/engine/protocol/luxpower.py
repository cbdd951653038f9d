"""LuxPower's layouts of common frames, and the evidence that a battery uses them.

LUX: LuxPower, V04.2; YAM: Sleeper85/esphome-yambms, frame set "LuxPower". No frame is
LuxPower's own and no document names a tag, so what the bytes hold has to prove it.
"""

from dataclasses import dataclass, replace
from typing import Final

from ..model import Frame
from .frames import CHARGE_STATE, FINE_SOC, FINE_VOLTAGE, PYLONTECH_TAG, TAG_PLACE
from .number import NoValue, Number
from .quantities import capacity, cell_voltage, cycles, temperature

# LUX, YAM: 0x355, 0x356 (its temperature is the highest), 0x359 and 0x35C.
CELLS: Final = (
    cell_voltage("cell_voltage_max", 4),
    cell_voltage("cell_voltage_min", 6),
)
CELL_TEMPERATURES: Final = (
    temperature("cell_temperature_max", 4),
    temperature("cell_temperature_min", 6),
)
CAPACITY: Final = (capacity("installed_ah", 5),)
CYCLES: Final = cycles(2)

_CELL: Final = (2.0, 4.0)
"""V; a cell outside these proves nothing."""
_SERIES: Final = range(4, 18)
"""Cells in series of packs of 12 to 48 V."""
_TOLERANCE: Final = 0.3
"""V; by this much a pack's voltage may differ from the sum of its cells, which are
measured elsewhere and a little earlier."""
_CERTAIN: Final = 3
"""Agreeing frames in a row after which the layout is certain."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the last frames show of LuxPower's layouts."""

    voltage: float | None = None
    """V; of the last 0x356, if that has two temperatures in order."""
    agreed: int = 0
    """0x355 in a row whose cells add up to the voltage, at most _CERTAIN."""

    @property
    def is_certain(self) -> bool:
        """Return whether the last 0x355 completed or repeated the proof."""
        return self.agreed == _CERTAIN


NO_EVIDENCE: Final = Evidence()


def evidence_after(evidence: Evidence, frame: Frame) -> Evidence:
    """Return the evidence after a frame of a battery.

    Other batteries have a finer state of charge, a remaining capacity, cycles or padding
    in these places. Two cell voltages whose multiple is the pack's voltage, three times
    in a row, beside two temperatures in order, are none of these. A frame that does not
    fit ends the proof; `PN` in the place of the capacity excludes it.
    """
    match frame.can_id:
        case 0x356:
            voltage = _voltage(frame.data)
            return (
                NO_EVIDENCE if voltage is None else replace(evidence, voltage=voltage)
            )
        case 0x355 if evidence.voltage is not None:
            if not _adds_up(frame.data, evidence.voltage):
                return replace(evidence, agreed=0)
            if _may_be_fine_soc(frame.data) and not evidence.is_certain:
                return evidence
            return replace(evidence, agreed=min(evidence.agreed + 1, _CERTAIN))
        case 0x359 if frame.data[TAG_PLACE] == PYLONTECH_TAG:
            return NO_EVIDENCE
    return evidence


def _pair(data: bytes, high: Number, low: Number) -> tuple[float, float] | None:
    """Return the higher and the lower value if both are plausible and in order."""
    above, below = high.decode(data), low.decode(data)
    if isinstance(above, NoValue) or isinstance(below, NoValue) or above < below:
        return None
    return above, below


def _voltage(data: bytes) -> float | None:
    volts = FINE_VOLTAGE.decode(data)
    if isinstance(volts, NoValue) or _pair(data, *CELL_TEMPERATURES) is None:
        return None
    return volts


def _adds_up(data: bytes, volts: float) -> bool:
    """Return whether 4 to 17 cells within the reported extremes have this voltage."""
    extremes = _pair(data, *CELLS)
    if extremes is None:
        return False
    high, low = extremes
    if low < _CELL[0] or high > _CELL[1]:
        return False
    return any(
        cells * low - _TOLERANCE <= volts <= cells * high + _TOLERANCE
        for cells in _SERIES
    )


def _may_be_fine_soc(data: bytes) -> bool:
    """Return whether the first cell could be the state of charge in 0.01 %."""
    whole, fine = CHARGE_STATE[0].decode(data), FINE_SOC.decode(data)
    if isinstance(whole, NoValue) or isinstance(fine, NoValue):
        return False
    return abs(fine - whole) <= 1.0
