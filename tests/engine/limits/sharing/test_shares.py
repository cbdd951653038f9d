"""Current shares as they are learned."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from custom_components.bms_gateway.engine.limits.sharing.shares import (
    CurrentShares,
    bank_current,
)
from custom_components.bms_gateway.engine.model import BatteryState, Direction

from ...states import lost, online

NONE: frozenset[tuple[str, Direction]] = frozenset()


class Bench:
    """Batteries whose currents step from one quiet level to another."""

    def __init__(self, **capacities: float) -> None:
        """Create batteries with these capacities in Ah."""
        self.shares = CurrentShares()
        self.used: Mapping[str, float] = {}
        self._capacities = capacities
        self._now = 100.0

    def level(
        self, *, idle: frozenset[tuple[str, Direction]] = NONE, **amps: float
    ) -> None:
        """Report each battery's current twice, so that it counts as steady."""
        for _ in range(2):
            self._now += 1.0
            batteries = [
                self._battery(key, ah, amps[key])
                for key, ah in self._capacities.items()
            ]
            self.used = self.shares.update(batteries, idle, self._now)

    def _battery(self, key: str, capacity: float, amps: float) -> BatteryState:
        sent = replace(online(key, capacity, current=amps), current_at=self._now)
        if key not in self.shares.wrong_signs:
            return sent
        # As the bank passes it on: what is reported is kept, but counts as unknown
        return replace(sent, readings=replace(sent.readings, current=None))


def test_share_begins_as_the_part_of_the_capacity() -> None:
    """Nothing else is known."""
    bench = Bench(a=100.0, b=300.0)
    bench.level(a=0.0, b=0.0)
    assert bench.used == {"a": 0.25, "b": 0.75}


def test_share_follows_a_step_by_two_fifths() -> None:
    """0.5 + 0.4 x (0.75 - 0.5); the sum stays 1."""
    bench = Bench(a=100.0, b=100.0)
    bench.level(a=0.0, b=0.0)
    bench.level(a=30.0, b=10.0)
    assert bench.used == pytest.approx({"a": 0.6, "b": 0.4})


def test_share_used_is_at_least_half_of_the_capacitys_part() -> None:
    """The learned value stays."""
    bench = Bench(a=100.0, b=100.0)
    for _ in range(20):
        bench.level(a=0.0, b=0.0)
        bench.level(a=100.0, b=5.0)
    assert bench.used["b"] == 0.25
    assert bench.shares.learned["b"] == pytest.approx(5 / 105, abs=0.01)


def test_battery_that_allows_nothing_teaches_nothing() -> None:
    """The others divide theirs; its share is unchanged when it is back."""
    bench = Bench(a=100.0, b=100.0, c=200.0)
    full = frozenset({("c", Direction.CHARGE)})
    bench.level(a=0.0, b=0.0, c=0.0, idle=full)
    bench.level(a=30.0, b=10.0, c=0.0, idle=full)
    assert bench.used == pytest.approx({"a": 0.3, "b": 0.2, "c": 0.5})


# A current that is counted the other way round


def test_wrong_sign_needs_two_steps() -> None:
    """One may have another cause."""
    bench = Bench(a=200.0, b=100.0)
    bench.level(a=0.0, b=0.0)
    bench.level(a=60.0, b=-30.0)
    assert bench.shares.wrong_signs == set()
    bench.level(a=0.0, b=0.0)
    assert bench.shares.wrong_signs == {"b"}


def test_wrong_sign_teaches_no_shares() -> None:
    """The measured sum did not flow: b carries a third, and keeps it."""
    bench = Bench(a=200.0, b=100.0)
    for _ in range(10):
        bench.level(a=0.0, b=0.0)
        bench.level(a=60.0, b=-30.0)
    assert bench.used == pytest.approx({"a": 2 / 3, "b": 1 / 3})


def test_others_learn_beside_a_wrong_sign() -> None:
    """They divide their common share."""
    bench = Bench(a=100.0, b=100.0, c=100.0)
    for _ in range(10):
        bench.level(a=0.0, b=0.0, c=0.0)
        bench.level(a=60.0, b=20.0, c=-30.0)
    assert bench.used["c"] == pytest.approx(1 / 3)
    assert bench.used["a"] == pytest.approx(2 / 3 * 0.75, abs=0.01)


def test_corrected_sign_is_recognized() -> None:
    """The meter was corrected; too small a step shows nothing."""
    bench = Bench(a=200.0, b=100.0)
    for _ in range(2):
        bench.level(a=0.0, b=0.0)
        bench.level(a=60.0, b=-30.0)
    bench.level(a=0.0, b=0.0)
    bench.level(a=40.0, b=0.0)
    assert bench.shares.wrong_signs == {"b"}
    bench.level(a=100.0, b=30.0)
    assert bench.shares.wrong_signs == set()


# The present current


def test_unknown_current_counts_by_share() -> None:
    """A lost battery may be disconnected."""
    batteries = [online("a", current=30.0), online("b", current=None), lost("c")]
    shares = {"a": 0.3, "b": 0.3, "c": 0.4}
    assert bank_current(batteries, shares) == pytest.approx(60.0)
    assert bank_current(batteries[1:], shares) is None


# Meters that count in large steps


@pytest.mark.parametrize(
    ("amps", "learned"),
    # By its share b carries 35 A of the first: that and 30 A are under four of its steps
    [((40.0, 30.0), 0.5), ((40.0, 50.0), 0.5 + 0.4 * (5 / 9 - 0.5))],
)
def test_change_below_four_steps_of_the_meter_shows_nothing(
    amps: tuple[float, float], learned: float
) -> None:
    """The second one counts in steps of 10 A, as three values have shown."""
    bench = Bench(a=100.0, b=100.0)
    for coarse in (10.0, 20.0, 30.0):
        bench.level(a=0.3 * coarse - 3.0, b=coarse)
    before = bench.shares.learned
    assert before == {"a": 0.5, "b": 0.5}
    bench.level(a=-3.0, b=0.0)
    bench.level(a=amps[0] - 3.0, b=amps[1])
    assert bench.shares.learned["b"] == pytest.approx(learned)
