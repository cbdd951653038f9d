"""Quantities of the frames (currents, voltages, percentages), with windows and codes.

Windows that no document gives are chosen for packs of 12 to 48 V. A battery's voltages
are checked again by its own nominal voltage, once that is known: `nominal_voltage`.
"""

from typing import Final

from ..model.nominal_voltage import accepted_window
from .number import Kind, Number, Rounding

NO_U16: Final = frozenset({0xFFFF})
_NO_S16: Final = frozenset({-0x8000})
_NO_U32: Final = frozenset({0xFFFFFFFF})
_NO_LIMIT: Final = frozenset({-0x8000, -1})
"""SMA: 0x8000; -1 is 0xFFFF, its code for the unsigned limits, and no valid limit
either."""
UNSENT: Final = frozenset({0, 0xFFFF})
"""For values that cannot be 0: a 0 is padding."""
_COLD: Final = -40.0
_HOT: Final = 100.0
"""°C; a missing sensor is -150 with emulators, -50 with Seplos V2."""
_MOST_CYCLES: Final = 20_000
"""No lithium cell lives longer: more is something else in the same place."""
LOWEST_CELL_VOLTAGE: Final = 1.5
"""V; a lower reading may be a temperature, 150 °C in 0.1 °C at the least."""
FULL: Final = 100.0
HIGHEST_SOC: Final = 150.0
"""%; batteries send 101 to 140 after counting errors; more is not a state of charge."""


def voltage_limit(
    attribute: str, start: int, codes: frozenset[int], rounding: Rounding
) -> Number:
    """Return a voltage limit in 0.1 V, of a pack of any nominal voltage."""
    window = accepted_window(attribute)
    return Number(
        attribute=attribute,
        start=start,
        per_unit=10,
        low=window.low,
        high=window.high,
        codes=codes,
        rounding=rounding,
    )


def current_limit(attribute: str, start: int) -> Number:
    """Return a limit in 0.1 A: signed in all documents, negative from some emulators.

    The sign is dropped (diyBMS issue 87 and bms-to-inverter issue 46 have DCL < 0), but
    less than 1 A below 0 is measurement noise.
    """
    return Number(
        attribute=attribute,
        start=start,
        kind=Kind.S16,
        per_unit=10,
        codes=_NO_LIMIT,
        rounding=Rounding.DOWN,
        magnitude=True,
        noise=1.0,
    )


def temperature(attribute: str, start: int) -> Number:
    """Return a temperature in 0.1 °C (all documents)."""
    return Number(
        attribute=attribute,
        start=start,
        kind=Kind.S16,
        per_unit=10,
        low=_COLD,
        high=_HOT,
        codes=_NO_S16,
        blank=-0x8000,
    )


def cell_voltage(attribute: str, start: int, *, low: float = 0.5) -> Number:
    """Return a cell's voltage in mV (Victron, Deye); nothing below `low` V."""
    return Number(
        attribute=attribute,
        start=start,
        per_unit=1000,
        low=low,
        high=5.0,
        codes=UNSENT,
    )


def kelvin(attribute: str, start: int, *, per_unit: int = 1) -> Number:
    """Return a temperature in whole kelvin, so less 273 and not 273.15."""
    return Number(
        attribute=attribute,
        start=start,
        per_unit=per_unit,
        offset=273,
        low=_COLD,
        high=_HOT,
        codes=UNSENT,
    )


def percent(
    attribute: str, start: int, rounding: Rounding, *, blank: int = 0
) -> Number:
    """Return whole percent of 0 to 100; up to MOST_SOC is read as 100."""
    return Number(
        attribute=attribute,
        start=start,
        low=0.0,
        high=FULL,
        clamps_to=HIGHEST_SOC,
        codes=NO_U16,
        rounding=rounding,
        bounded=True,
        blank=blank,
    )


def voltage(per_unit: int) -> Number:
    """Return the voltage in 0x356, of a pack of any nominal voltage."""
    window = accepted_window("voltage")
    return Number(
        attribute="voltage",
        start=0,
        kind=Kind.S16,
        per_unit=per_unit,
        low=window.low,
        high=window.high,
        codes=_NO_S16,
    )


def current(attribute: str, start: int) -> Number:
    """Return a current in 0.1 A with the sign as sent; the dialect decides its meaning."""
    return Number(
        attribute=attribute,
        start=start,
        kind=Kind.S16,
        per_unit=10,
        codes=_NO_S16,
        blank=-0x8000,
    )


def count(
    attribute: str,
    start: int,
    kind: Kind,
    *,
    blank: int = 0,
    codes: frozenset[int] | None = None,
) -> Number:
    """Return a whole number of devices, or one that only identifies."""
    if codes is None:
        codes = NO_U16 if kind is Kind.U16 else frozenset()
    return Number(
        attribute=attribute,
        start=start,
        kind=kind,
        codes=codes,
        whole=True,
        blank=blank,
    )


def cycles(start: int) -> Number:
    """Return a number of charge cycles; 0 is padding."""
    return Number(
        attribute="cycles",
        start=start,
        high=_MOST_CYCLES,
        codes=UNSENT,
        whole=True,
        rounding=Rounding.DOWN,
    )


def energy(attribute: str, start: int, per_unit: int = 10) -> Number:
    """Return an energy, in 0.1 kWh (dfch/BydCanProtocol, Victron; one guide says 0.01)."""
    return Number(
        attribute=attribute,
        start=start,
        kind=Kind.U32,
        per_unit=per_unit,
        codes=_NO_U32,
    )


def capacity(attribute: str, start: int, per_unit: int = 1) -> Number:
    """Return a capacity in Ah; 0 is padding."""
    return Number(attribute=attribute, start=start, per_unit=per_unit, codes=UNSENT)
