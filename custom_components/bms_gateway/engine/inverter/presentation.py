"""What a make of inverter is sent in place of the plain values, by its preset."""

from dataclasses import replace

from ..model import Direction, Telegram
from ..presets import ChargeStop, Preset
from ..rounding import round_down


def presented(
    telegram: Telegram,
    preset: Preset,
    *,
    is_full: bool,
    charge_stop_voltage: float | None,
) -> Telegram | None:
    """Return the telegram to send in place of `telegram`; None: it cannot be sent.

    Nothing is raised but 0 A to the preset's substitute. `is_full`: whether the bank is
    really full. `charge_stop_voltage`: V, at which charging ends by itself and nothing
    is discharged; None: unknown.
    """
    volts = min(telegram.charge_voltage_limit, preset.charge_voltage_max)
    if volts < preset.charge_voltage_min:
        return None
    stops = not telegram.permits(Direction.CHARGE) and charge_stop_voltage is not None
    if stops and preset.charge_stop is ChargeStop.VOLTAGE:
        # The voltage in the same telegram may be ahead of the reference, which waits for
        # a second report: after a load has ended, the reference would dump the battery
        stop = max(charge_stop_voltage or 0.0, telegram.voltage)
        volts = min(volts, round_down(max(stop, preset.charge_voltage_min)))
    soc = telegram.soc
    if preset.hold_soc is not None and not is_full:
        soc = min(soc, preset.hold_soc)
    return replace(
        telegram,
        charge_voltage_limit=volts,
        charge_current_limit=max(telegram.charge_current_limit, preset.zero),
        discharge_current_limit=max(telegram.discharge_current_limit, preset.zero),
        soc=soc,
        warnings=telegram.warnings if preset.sends_warnings else frozenset(),
    )
