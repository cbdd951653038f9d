"""Steps of the bank current that show the shares."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from custom_components.bms_gateway.engine.limits.sharing.step_detection import (
    Idle,
    Step,
    Steps,
)
from custom_components.bms_gateway.engine.model import Direction

from ...states import online

NONE: Idle = frozenset()


class Rounds:
    """Two batteries, each of whose rounds of telegrams is one second later."""

    def __init__(self) -> None:
        """Begin without reports."""
        self._steps = Steps()
        self._now = 100.0

    def forget(self) -> None:
        """Add another battery."""
        self._steps.forget(self._now, joined=True)

    def wait(self, seconds: float) -> None:
        """Advance the time."""
        self._now += seconds

    def update(self, *amps: float, idle: Idle = NONE) -> Step | None:
        """Have each battery report once; return the step found."""
        self._now += 1.0
        batteries = [
            replace(online(f"b{k}", current=current), current_at=self._now)
            for k, current in enumerate(amps)
        ]
        return self._steps.find(batteries, idle, self._now)

    def all(self, *rounds: tuple[float, float]) -> Mapping[str, float] | None:
        """Report several rounds; return the step found in the last one."""
        step = [self.update(*amps) for amps in rounds][-1]
        return step.changes if step else None


def test_step_between_two_quiet_samples_is_found() -> None:
    """At rest, then at 40 A: each battery's change."""
    shown = Rounds().all((0.0, 0.0), (0.1, 0.0), (25.0, 15.0), (25.3, 15.0))
    assert shown == {"b0": pytest.approx(25.2), "b1": 15.0}


def test_moving_current_ends_no_step() -> None:
    """Telegrams of different age would show different currents."""
    assert Rounds().all((0.0, 0.0), (0.1, 0.0), (25.0, 15.0)) is None


def test_small_step_shows_nothing() -> None:
    """The tolerance of the meters would be a large part of it."""
    assert Rounds().all((0.0, 0.0), (0.0, 0.0), (7.0, 7.0), (7.0, 7.0)) is None


@pytest.mark.parametrize(
    ("amps", "shown"),
    # 2 A of unrest at either end: from ten times as much on, 40 A, the step is clear
    [(19.0, None), (21.0, {"b0": 20.0, "b1": 20.0})],
)
def test_unsteady_current_requires_a_far_larger_step(
    amps: float, shown: Mapping[str, float] | None
) -> None:
    """A house that is never at rest."""
    step = Rounds().all((0.0, 0.0), (1.0, 1.0), (amps - 1, amps - 1), (amps, amps))
    assert step == (shown and pytest.approx(shown, abs=0.1))


def test_no_sample_without_a_report_of_every_battery() -> None:
    """One was not received again."""
    rounds = Rounds()
    steps = rounds._steps
    old = replace(online("b0", current=0.0), current_at=1.0)
    for now in (2.0, 3.0, 4.0):
        new = replace(online("b1", current=40.0 * (now > 3)), current_at=now)
        assert steps.find([old, new], NONE, now) is None


JOINED = frozenset({("b1", Direction.CHARGE)})


@pytest.mark.parametrize(("ramp", "shown"), [(4, True), (20, False)])
@pytest.mark.parametrize("joins", [True, False])
def test_circulating_current_after_a_join_is_no_step(
    joins: bool, ramp: int, shown: bool
) -> None:
    """It decays: only samples close together show how a step divides."""
    rounds = Rounds()
    idle = JOINED if joins else NONE
    steps = [rounds.update(0.0, 0.0, idle=idle) for _ in range(3)]
    amps = [min(second * 50.0 / ramp, 50.0) for second in range(-2, ramp + 3)]
    steps = [rounds.update(max(each, 0.0), max(each, 0.0)) for each in amps]
    assert any(steps) is (shown or not joins)


def test_changed_set_of_batteries_needs_five_minutes() -> None:
    """Then the circulating current has decayed."""
    for wait, shown in ((0.0, False), (300.0, True)):
        rounds = Rounds()
        rounds.forget()
        rounds.wait(wait)
        amps = (0.0, 0.0, 0.0, *(2.5 * second for second in range(21)), 50.0, 50.0)
        steps = [rounds.update(each, each) for each in amps]
        assert any(steps) is shown
