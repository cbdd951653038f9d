"""The figures by which a user compares the daemon and both strategies."""

import pytest

from custom_components.bms_gateway.engine.model import Direction
from custom_components.bms_gateway.flows.import_daemon.builder import (
    ImportedGateway,
    Links,
    build_gateway,
)
from custom_components.bms_gateway.flows.import_daemon.comparison import (
    TotalLimits,
    example,
    highest_limits,
)

from .files import FILE


def read(text: str = FILE) -> ImportedGateway:
    """Build a gateway from a text, whatever the forms reject."""
    return build_gateway(text.encode(), lambda *_: None, Links())


def test_daemon_sent_each_inverter_the_whole_limit() -> None:
    """190 A and 120 A of 250 A; now together no more than the bank's limit."""
    gateway = read()
    assert highest_limits(gateway, Direction.CHARGE) == TotalLimits(
        daemon=310, sum=250, share=250
    )
    assert highest_limits(gateway, Direction.DISCHARGE) == TotalLimits(
        daemon=300, sum=300, share=300
    )


def test_larger_of_two_batteries_is_the_weak_one() -> None:
    """1400 Ah of 1680 Ah carry five sixths: of 110 A, 91.7 A instead of 10 A."""
    shown = example(read())
    assert shown.battery == 0
    assert shown.limits == TotalLimits(daemon=220, sum=110, share=12)
    assert shown.battery_current.daemon == pytest.approx(220 * 5 / 6)
    assert shown.battery_current.sum == pytest.approx(110 * 5 / 6)
    assert shown.battery_current.share == pytest.approx(10)


def test_maximums_apply_in_the_example() -> None:
    """Of an inverter and of the whole bank; 12.1 A and not 12.2 are sent."""
    text = FILE.replace("= 250.0", "= 12.19").replace("= 120.0", "= 5.0")
    assert example(read(text)).limits == TotalLimits(daemon=17.1, sum=12.1, share=12)


def test_one_battery_is_the_same_by_both_strategies() -> None:
    """Only the daemon sent it twice."""
    text = FILE[: FILE.rindex("[[bmses-in]]")]
    shown = example(read(text))
    assert shown.limits == TotalLimits(daemon=20, sum=10, share=10)
    assert shown.battery_current == shown.limits


def test_comparison_is_empty_without_inverters() -> None:
    """A gateway may only monitor."""
    begin, end = FILE.index("[[bmses-out]]"), FILE.index("[[bmses-in]]")
    gateway = read(FILE[:begin] + FILE[end:])
    nothing = TotalLimits(daemon=0, sum=0, share=0)
    assert (
        highest_limits(gateway, Direction.CHARGE) == example(gateway).limits == nothing
    )
