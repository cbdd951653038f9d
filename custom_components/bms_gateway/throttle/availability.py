"""Availability: whether the values of a bank, a battery or an inverter are valid now."""

from ..engine.model import BatteryState, BatteryStatus, InverterState, Snapshot, Status


def is_received(battery: BatteryState) -> bool:
    """Return whether a battery is received now, so that its values are valid."""
    match battery.status:
        case BatteryStatus.ONLINE | BatteryStatus.REJOINING:
            return True
        case BatteryStatus.OUT_OF_SERVICE:
            return battery.readings.voltage is not None
        case _:
            return False


def is_bank_known(snapshot: Snapshot) -> bool:
    """Return whether any battery is online: without one there is no bank."""
    return any(battery.online for battery in snapshot.batteries.values())


def is_served(inverter: InverterState, status: Status) -> bool:
    """Return whether the inverter listens and is sent values."""
    return inverter.listening is True and not status.is_silent
