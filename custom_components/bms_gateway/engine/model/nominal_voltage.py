"""Nominal voltages of batteries (12, 24, 36, 48 V), with the voltages that fit each.

One table; everything that depends on the nominal voltage is read from here. Windows are
per cell, as those of 48 V have always been: charge voltage limit from 2.5 V (most cells),
voltage from 2.0 V (fewest cells), discharge voltage limit 2.0 to 3.4 V. The windows of
neighbours overlap, so the higher of charge voltage limit and voltage decides between
them: see `NominalVoltage.reached`.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple


class Window(NamedTuple):
    """A plausible range in V; both ends belong to it."""

    low: float
    high: float

    def holds(self, volts: float) -> bool:
        """Return whether a voltage is in it."""
        return self.low <= volts <= self.high


@dataclass(frozen=True, slots=True, kw_only=True)
class NominalVoltage:
    """A nominal voltage, the cells of its packs, and the windows of their voltages."""

    volts: int
    """V"""
    cells: tuple[int, ...]
    """Lithium iron phosphate cells in series that packs of it have, the fewest first."""
    fewest_up_to: float
    """V; a higher charge voltage limit shows a pack of the most cells: one of the fewest
    would have more than 3.6 V each, and full is 3.65 V. A pack of the most cells never
    requests less."""
    charge_voltage_limit: Window
    discharge_voltage_limit: Window
    voltage: Window
    """The voltage in 0x356."""
    reached: float
    """V; the charge voltage limit or the voltage is at least this high. All packs of the
    next lower nominal voltage have less, full ones too. A pack may have less when it is
    empty, or lower its charge voltage limit to stop charging, but not both."""
    confirm_time: float = 2.0
    """Seconds for which both voltages have to fit before it is recognised, whatever the
    frame period."""

    def window(self, attribute: str) -> Window:
        """Return the window of one of VOLTAGES."""
        window: Window = getattr(self, attribute)
        return window

    def fits(self, charge_voltage_limit: float, voltage: float) -> bool:
        """Return whether a battery of this nominal voltage may report both (V)."""
        return (
            self.charge_voltage_limit.holds(charge_voltage_limit)
            and self.voltage.holds(voltage)
            and max(charge_voltage_limit, voltage) >= self.reached
        )

    def cells_of(self, charge_voltage_limit: float) -> int:
        """Return the cells in series of a pack with this charge voltage limit (V)."""
        fewest = charge_voltage_limit <= self.fewest_up_to
        return self.cells[0 if fewest else -1]

    @property
    def most_cells(self) -> int:
        """Cells in series of nearly every pack of it, until its limits show them."""
        return self.cells[-1]


VOLTAGES: Final = frozenset(
    {"charge_voltage_limit", "discharge_voltage_limit", "voltage"}
)
"""The attributes of `Readings` whose windows depend on the nominal voltage."""
STANDARD: Final = 48
"""V; assumed until another nominal voltage is recognised."""

NOMINAL_VOLTAGES: Final = {
    row.volts: row
    for row in (
        NominalVoltage(
            volts=12,
            cells=(4,),
            fewest_up_to=0.0,
            charge_voltage_limit=Window(10.0, 17.0),
            discharge_voltage_limit=Window(8.0, 13.6),
            voltage=Window(8.0, 17.0),
            reached=0.0,
        ),
        # 7 cells of 3.65 V: 25.6 V. Of other chemistries 8 cells have up to 33.6 V
        NominalVoltage(
            volts=24,
            cells=(7, 8),
            fewest_up_to=25.5,
            charge_voltage_limit=Window(20.0, 34.0),
            discharge_voltage_limit=Window(14.0, 27.2),
            voltage=Window(14.0, 34.0),
            reached=17.0,
        ),
        # 11 cells of 3.65 V: 40.2 V; 12 cells: 43.8 V. An empty pack of 48 V that begins
        # with a low charge voltage limit looks the same, so this one takes longer
        NominalVoltage(
            volts=36,
            cells=(11, 12),
            fewest_up_to=40.1,
            charge_voltage_limit=Window(30.0, 44.5),
            discharge_voltage_limit=Window(22.0, 40.8),
            voltage=Window(22.0, 44.5),
            reached=34.0,
            confirm_time=30.0,
        ),
        # Batteries of 15 cells request 52.5 to 54 V, of 16 cells 55 to 58.4. SMA has 41
        # to 63 V for the limit. 13 to 17 cells are charged to more than 50 V
        NominalVoltage(
            volts=48,
            cells=(15, 16),
            fewest_up_to=54.4,
            charge_voltage_limit=Window(40.0, 65.0),
            discharge_voltage_limit=Window(32.0, 54.4),
            voltage=Window(30.0, 65.0),
            reached=44.5,
        ),
    )
}
"""By their volts, the lowest first."""


def accepted_window(attribute: str) -> Window:
    """Return the window of one of VOLTAGES for a battery of any nominal voltage."""
    windows = [row.window(attribute) for row in NOMINAL_VOLTAGES.values()]
    return Window(min(w.low for w in windows), max(w.high for w in windows))


def nominal_of(
    charge_voltage_limit: float | None, voltage: float | None
) -> NominalVoltage | None:
    """Return the nominal voltage that both fit (V); None: one is unknown, or they do not.

    The higher one decides, so at most one nominal voltage fits.
    """
    if charge_voltage_limit is None or voltage is None:
        return None
    higher = max(charge_voltage_limit, voltage)
    reached = [row for row in NOMINAL_VOLTAGES.values() if higher >= row.reached]
    fits = reached and reached[-1].fits(charge_voltage_limit, voltage)
    return reached[-1] if fits else None


def nominal_or_standard(volts: int | None) -> NominalVoltage:
    """Return the row of a nominal voltage in V; unknown is 48 V."""
    return NOMINAL_VOLTAGES[STANDARD if volts is None else volts]
