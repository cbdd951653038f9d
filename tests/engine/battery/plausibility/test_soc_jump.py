"""A jump of the state of charge is held back for a minute."""

from math import nan

import pytest

from custom_components.bms_gateway.engine.battery.plausibility.soc_jump import SocJump


def accepted(
    *socs: float, every: float = 1.0, amps: float = 0.0, capacity: float = 100.0
) -> list[float]:
    """Return the accepted value of each; reported repeatedly before the first."""
    doubt = SocJump()
    accepted = []
    for n, soc in enumerate([socs[0]] * 3 + list(socs)):
        at = 1000.0 + n * every
        accepted.append(doubt.accepted(soc, at, amps=amps, capacity=capacity))
    return accepted[3:]


def test_a_small_step_counts_at_once() -> None:
    """5 % is as much as two sensors, or two modules, may differ by."""
    assert accepted(50, 55, 60, 56) == [50, 55, 60, 56]


@pytest.mark.parametrize("jump", [44.0, 56.0, 0.0, 100.0, 99.0])
def test_a_false_value_is_not_accepted(jump: float) -> None:
    """Nor a few of them."""
    assert accepted(50, jump, 50, jump, jump, 51) == [50, 50, 50, 50, 50, 51]


def test_a_lasting_jump_is_accepted_after_a_minute() -> None:
    """Its time is kept for the repair."""
    doubt = SocJump()
    for second in range(3):
        doubt.accepted(50.0, second, amps=0.0, capacity=100.0)
    accepted = [
        doubt.accepted(80.0, 3.0 + second, amps=0.0, capacity=100.0)
        for second in range(62)
    ]
    assert accepted == [50.0] * 60 + [80.0] * 2
    assert doubt.jumped_at == 63.0


def test_a_change_explained_by_the_current_is_no_jump() -> None:
    """300 A change a 100 Ah battery by 5 % a minute; every 10 s by 0.8 %."""
    assert accepted(50, 55.8, every=10.0, amps=300.0) == [50, 55.8]
    assert accepted(50, 55.9, every=10.0, amps=300.0) == [50, 50]


def test_a_larger_step_is_accepted_after_a_silence() -> None:
    """5 % for each 10 s: the charge meanwhile is unknown."""
    doubt = SocJump()
    for second in range(3):
        doubt.accepted(50.0, second, amps=0.0, capacity=100.0)
    assert doubt.accepted(79.0, 62.0, amps=0.0, capacity=100.0) == 79.0


@pytest.mark.parametrize(("before", "end"), [(98.0, 100.0), (2.0, 0.0)])
def test_full_and_empty_have_to_be_repeated(before: float, end: float) -> None:
    """Inverters act on these."""
    assert accepted(before, end, before, end, end) == [
        before,
        before,
        before,
        before,
        end,
    ]


def test_a_starting_battery_may_report_anything() -> None:
    """It is not held at values from before it had measured."""
    doubt = SocJump()
    values = [(0.0, 0.0), (66.0, 66.0), (66.0, 66.0)]
    for at, (soc, accepted) in enumerate(values):
        assert doubt.accepted(soc, at, amps=0.0, capacity=100.0) == accepted


def test_every_jump_is_accepted_without_a_known_capacity() -> None:
    """As during a scan."""
    assert accepted(50, 90, capacity=nan) == [50, 90]
