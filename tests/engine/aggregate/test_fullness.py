"""Fullness: a bank that counts to 100 % is not yet full."""

from dataclasses import replace

import pytest

from custom_components.bms_gateway.engine.aggregate.fullness import Fullness
from custom_components.bms_gateway.engine.model import BankState

# 100 Ah at its charge voltage limit of 56.0 V; 5 A and less is the tail of a charge
TAIL = BankState(soc=100.0, voltage=55.8, current=5.0, capacity_ah=100.0)


@pytest.mark.parametrize(
    ("bank", "may_charge", "full"),
    [
        (TAIL, True, True),
        (replace(TAIL, current=5.1), True, False),
        (replace(TAIL, current=-0.1), True, False),
        (replace(TAIL, voltage=55.6), True, False),
        (replace(TAIL, current=None), True, False),
        (replace(TAIL, voltage=None), True, False),
        (replace(TAIL, soc=99.9), True, False),
        # The batteries themselves want no more
        (replace(TAIL, current=50.0), False, True),
        (replace(TAIL, soc=99.9), False, False),
        (replace(TAIL, soc=None), False, False),
    ],
)
def test_full_is_what_takes_no_more(
    bank: BankState, may_charge: bool, full: bool
) -> None:
    """At its voltage limit and hardly any current, or by its own word."""
    assert Fullness().update(bank, 56.0, may_charge=may_charge) is full


def test_bank_stays_full_until_its_state_of_charge_falls() -> None:
    """The inverter stops at 100 %; the voltage that falls then means nothing."""
    fullness = Fullness()
    rests = replace(TAIL, voltage=53.5, current=0.0)
    for bank, full in (
        (rests, False),
        (TAIL, True),
        (rests, True),
        (replace(rests, soc=99.5), False),
        (rests, False),
    ):
        assert fullness.update(bank, 56.0, may_charge=True) is full
