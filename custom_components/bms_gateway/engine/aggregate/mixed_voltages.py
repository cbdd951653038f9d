"""The nominal voltages of a bank: only batteries of one and the same may be combined."""

from collections.abc import Iterable

from ..model import BatteryState


def nominal_voltages(batteries: Iterable[BatteryState]) -> dict[str, int]:
    """Return the nominal voltage in V of each battery of the bank, by its id.

    Lost ones are still connected to the same bus bar, so they count, too. Left out are
    those out of service, and those of which it is not known yet.
    """
    return {
        battery.id: battery.nominal
        for battery in batteries
        if battery.nominal is not None and not battery.is_left_out
    }


def are_mixed(batteries: Iterable[BatteryState]) -> bool:
    """Return whether the batteries have different nominal voltages."""
    return len({*nominal_voltages(batteries).values()}) > 1


def bank_voltage_of(batteries: Iterable[BatteryState]) -> int | None:
    """Return the nominal voltage of the bank in V; None: not known, or mixed."""
    found = {*nominal_voltages(batteries).values()}
    return found.pop() if len(found) == 1 else None
