"""Inverters that ignore 0 A are sent a state of charge at which they stop."""

from dataclasses import replace
from typing import Any

import pytest

from custom_components.bms_gateway.engine.config import InverterConfig
from custom_components.bms_gateway.engine.inverter.compliance.soc_stop import SocStop
from custom_components.bms_gateway.engine.model import Direction, Disobedience, Telegram

from ...plant import inverter
from ...telegrams import HEALTHY

CHARGE, DISCHARGE = Direction.CHARGE, Direction.DISCHARGE
EMPTY = replace(HEALTHY, discharge_current_limit=0.0)
FULL = replace(HEALTHY, charge_current_limit=0.0)
BLOCK = replace(EMPTY, charge_current_limit=0.0)


class SocStopHarness:
    """Sends telegrams to inverters every second."""

    def __init__(self, **inverters: bool) -> None:
        """Create it with these inverters; whether each has the option on."""
        self.stop = SocStop()
        self.configs: dict[str, InverterConfig] = {
            key: inverter(key, stop_by_soc=on) for key, on in inverters.items()
        }
        self.now = 1000.0

    def send(
        self, seconds: int, telegram: Telegram, *disobeyed: Direction, **others: Any
    ) -> dict[str, float]:
        """Send all the same except for `others`; return each state of charge in the end.

        `disobeyed`: in which directions it may be any of them that disobeys.
        """
        found = Disobedience(
            sent=0.0, taken=20.0, since=1.0, inverters=frozenset(self.configs)
        )
        sent = {}
        for _ in range(seconds):
            self.now += 1.0
            sent = {
                key: self.stop.apply(
                    config,
                    others.get(key, telegram),
                    dict.fromkeys(disobeyed, found),
                    self.now,
                ).soc
                for key, config in self.configs.items()
            }
        return sent


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
def test_soc_stops_the_direction_that_is_disobeyed_at_0_a(
    telegram: Telegram, disobeyed: list[Direction], soc: float
) -> None:
    """Empty takes precedence where both are."""
    assert SocStopHarness(i1=True).send(90, telegram, *disobeyed) == {"i1": soc}


def test_soc_is_unchanged_without_the_option() -> None:
    """It is off by default."""
    assert SocStopHarness(i1=False).send(90, EMPTY, DISCHARGE) == {"i1": 50.0}


@pytest.mark.parametrize(("seconds", "soc"), [(60, 50.0), (61, 0.0)])
def test_stop_begins_after_a_minute_at_0_a(seconds: int, soc: float) -> None:
    """Without interruption."""
    harness = SocStopHarness(i1=True)
    harness.send(50, EMPTY, DISCHARGE)
    harness.send(1, HEALTHY)
    assert harness.send(seconds, EMPTY, DISCHARGE) == {"i1": soc}


def test_stop_continues_while_the_inverter_complies() -> None:
    """It complies because of it."""
    harness = SocStopHarness(i1=True)
    harness.send(61, EMPTY, DISCHARGE)
    assert harness.send(3600, EMPTY) == {"i1": 0.0}


def test_stop_ends_once_current_is_allowed() -> None:
    """Nothing of it remains."""
    harness = SocStopHarness(i1=True)
    harness.send(61, EMPTY, DISCHARGE)
    assert harness.send(1, HEALTHY, DISCHARGE) == {"i1": 50.0}
    assert harness.send(60, EMPTY) == {"i1": 50.0}


def test_stop_ends_once_the_option_is_off() -> None:
    """At once; switched on again it starts over."""
    harness = SocStopHarness(i1=True)
    harness.send(61, EMPTY, DISCHARGE)
    on, off = harness.configs["i1"], inverter("i1")
    harness.configs["i1"] = off
    assert harness.send(1, EMPTY, DISCHARGE) == {"i1": 50.0}
    harness.configs["i1"] = on
    assert harness.send(60, EMPTY, DISCHARGE) == {"i1": 50.0}
    assert harness.send(1, EMPTY, DISCHARGE) == {"i1": 0.0}


def test_removed_inverter_is_forgotten() -> None:
    """A new one of the same id starts over."""
    harness = SocStopHarness(i1=True)
    harness.send(61, EMPTY, DISCHARGE)
    harness.stop.keep_only(["i2"])
    assert harness.send(60, EMPTY, DISCHARGE) == {"i1": 50.0}


# Where it may be one or the other


def test_both_suspects_are_stopped_if_both_have_the_option() -> None:
    """Whichever it is, it has the option on."""
    sent = SocStopHarness(i1=True, i2=True).send(61, EMPTY, DISCHARGE)
    assert sent == {"i1": 0.0, "i2": 0.0}


def test_none_is_stopped_if_one_suspect_lacks_the_option() -> None:
    """The one with the option may comply."""
    sent = SocStopHarness(i1=True, i2=False).send(90, EMPTY, DISCHARGE)
    assert sent == {"i1": 50.0, "i2": 50.0}


def test_none_is_stopped_if_one_suspect_is_allowed_current() -> None:
    """That one may take too much, and the other one comply."""
    sent = SocStopHarness(i1=True, i2=True).send(90, EMPTY, DISCHARGE, i2=HEALTHY)
    assert sent == {"i1": 50.0, "i2": 50.0}
