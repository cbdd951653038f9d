"""Whether the bank is really full, and not only counts to 100 %."""

from typing import Final

from ..model import BankState

FULL: Final = 100.0
"""%"""
NEAR_LIMIT: Final = 0.3
"""V below the charge voltage limit, within which an inverter holds it."""
TAIL: Final = 0.05
"""A per Ah; at the charge voltage limit, cells that take less are full."""


class Fullness:
    """Recognises a full bank. It stays full until its state of charge falls."""

    def __init__(self) -> None:
        """Begin with a bank that is not full."""
        self.is_full = False

    def update(
        self, bank: BankState, charge_voltage_limit: float, *, may_charge: bool
    ) -> bool:
        """Take the bank; return whether it is full.

        At 100 % it is full once no battery permits charging, or once it takes hardly any
        current at its charge voltage limit (V). `may_charge`: whether some battery
        permits charging, and with more than 0 A.
        """
        if bank.soc is None or bank.soc < FULL:
            self.is_full = False
        elif not may_charge or _tapered(bank, charge_voltage_limit):
            self.is_full = True
        return self.is_full


def _tapered(bank: BankState, charge_voltage_limit: float) -> bool:
    if None in (bank.voltage, bank.current, bank.capacity_ah):
        return False
    volts, amps = bank.voltage or 0.0, bank.current or 0.0
    at_limit = volts >= charge_voltage_limit - NEAR_LIMIT
    return at_limit and 0 <= amps <= TAIL * (bank.capacity_ah or 0.0)
