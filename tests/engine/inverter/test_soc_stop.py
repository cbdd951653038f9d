"""Inverters that obey no limit of 0 A are told a state of charge at which they stop."""

from dataclasses import replace
from typing import Any

import pytest

from custom_components.bms_gateway.engine.config import InverterConfig
from custom_components.bms_gateway.engine.inverter.soc_stop import SocStop
from custom_components.bms_gateway.engine.model import Direction, Disobedience, Telegram

from ..plant import inverter
from ..telegrams import HEALTHY

CHARGE, DISCHARGE = Direction.CHARGE, Direction.DISCHARGE
EMPTY = replace(HEALTHY, discharge_current_limit=0.0)
FULL = replace(HEALTHY, charge_current_limit=0.0)
BLOCK = replace(EMPTY, charge_current_limit=0.0)


class Teller:
    """Tells inverters something each second."""

    def __init__(self, **inverters: bool) -> None:
        """Begin with these inverters; whether each has the option on."""
        self.stop = SocStop()
        self.configs: dict[str, InverterConfig] = {
            key: inverter(key, stop_by_soc=on) for key, on in inverters.items()
        }
        self.now = 1000.0

    def tell(
        self, seconds: int, telegram: Telegram, *disobeyed: Direction, **others: Any
    ) -> dict[str, float]:
        """Tell all the same but for `others`; return each state of charge in the end.

        `disobeyed`: in which directions it may be any of them that disobeys.
        """
        found = Disobedience(
            sent=0.0, taken=20.0, since=1.0, inverters=frozenset(self.configs)
        )
        told = {}
        for _ in range(seconds):
            self.now += 1.0
            told = {
                key: self.stop.apply(
                    config,
                    others.get(key, telegram),
                    dict.fromkeys(disobeyed, found),
                    self.now,
                ).soc
                for key, config in self.configs.items()
            }
        return told


@pytest.mark.parametrize(
    ("telegram", "disobeyed", "soc"),
    [
        (EMPTY, [DISCHARGE], 0.0),
        (FULL, [CHARGE], 100.0),
        (BLOCK, [CHARGE], 100.0),
        (BLOCK, [CHARGE, DISCHARGE], 0.0),
        (EMPTY, [CHARGE], 50.0),
        (FULL, [DISCHARGE], 50.0),
        (HEALTHY, [CHARGE, DISCHARGE], 50.0),
        (BLOCK, [], 50.0),
    ],
)
def test_it_stops_the_direction_that_is_disobeyed_at_0_a(
    telegram: Telegram, disobeyed: list[Direction], soc: float
) -> None:
    """Empty counts first where both are."""
    assert Teller(i1=True).tell(90, telegram, *disobeyed) == {"i1": soc}


def test_only_where_it_is_wished() -> None:
    """The option is off by default."""
    assert Teller(i1=False).tell(90, EMPTY, DISCHARGE) == {"i1": 50.0}


@pytest.mark.parametrize(("seconds", "soc"), [(60, 50.0), (61, 0.0)])
def test_0_a_has_to_stand_for_a_minute(seconds: int, soc: float) -> None:
    """Without a break."""
    teller = Teller(i1=True)
    teller.tell(50, EMPTY, DISCHARGE)
    teller.tell(1, HEALTHY)
    assert teller.tell(seconds, EMPTY, DISCHARGE) == {"i1": soc}


def test_it_goes_on_though_the_inverter_obeys() -> None:
    """It obeys because of it."""
    teller = Teller(i1=True)
    teller.tell(61, EMPTY, DISCHARGE)
    assert teller.tell(3600, EMPTY) == {"i1": 0.0}


def test_over_once_current_is_allowed() -> None:
    """Nothing of it is left then."""
    teller = Teller(i1=True)
    teller.tell(61, EMPTY, DISCHARGE)
    assert teller.tell(1, HEALTHY, DISCHARGE) == {"i1": 50.0}
    assert teller.tell(60, EMPTY) == {"i1": 50.0}


def test_over_once_the_option_is_off() -> None:
    """At once, and on again it begins anew."""
    teller = Teller(i1=True)
    teller.tell(61, EMPTY, DISCHARGE)
    on, off = teller.configs["i1"], inverter("i1")
    teller.configs["i1"] = off
    assert teller.tell(1, EMPTY, DISCHARGE) == {"i1": 50.0}
    teller.configs["i1"] = on
    assert teller.tell(60, EMPTY, DISCHARGE) == {"i1": 50.0}
    assert teller.tell(1, EMPTY, DISCHARGE) == {"i1": 0.0}


def test_one_that_is_removed_is_forgotten() -> None:
    """Another of the same id begins anew."""
    teller = Teller(i1=True)
    teller.tell(61, EMPTY, DISCHARGE)
    teller.stop.keep_only(["i2"])
    assert teller.tell(60, EMPTY, DISCHARGE) == {"i1": 50.0}


# Where it may be one or the other


def test_both_are_stopped_where_both_may_be() -> None:
    """Whichever it is, it asked for it."""
    told = Teller(i1=True, i2=True).tell(61, EMPTY, DISCHARGE)
    assert told == {"i1": 0.0, "i2": 0.0}


def test_none_is_stopped_where_it_may_be_one_that_did_not_ask() -> None:
    """The one that did may obey."""
    told = Teller(i1=True, i2=False).tell(90, EMPTY, DISCHARGE)
    assert told == {"i1": 50.0, "i2": 50.0}


def test_none_is_stopped_where_it_may_be_one_that_is_allowed_more() -> None:
    """That one may take too much, and the other one obey."""
    told = Teller(i1=True, i2=True).tell(90, EMPTY, DISCHARGE, i2=HEALTHY)
    assert told == {"i1": 50.0, "i2": 50.0}
