"""The rule sets to compare: plain sum, fixed capacity share, ours."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import override

from custom_components.bms_gateway.engine.limits.sharing.circulating_current import (
    CirculatingCurrents,
    Excluded,
    Part,
    spread,
)
from custom_components.bms_gateway.engine.limits.sharing.shares import (
    CurrentShares,
    capacity_shares,
)
from custom_components.bms_gateway.engine.limits.sharing.step_detection import Idle
from custom_components.bms_gateway.engine.model import BatteryState, Direction

from .loop import Loop


class RuleSet(StrEnum):
    """How the bank limit is made."""

    SUM = "plain sum"
    CAPACITY = "capacity share alone"
    OURS = "current shares"
    LEARNED = "current shares, already learned"


class CapacityShares(CurrentShares):
    """Current shares by capacity, never learned."""

    @override
    def update(
        self, batteries: Sequence[BatteryState], idle: Idle, now: float
    ) -> dict[str, float]:
        return capacity_shares(batteries)


class NoCirculatingCurrents(CirculatingCurrents):
    """No circulating currents; a battery over its limit holds the bank as in ours."""

    @override
    def settle(
        self,
        batteries: Sequence[BatteryState],
        shares: Mapping[str, float],
        excluded: Excluded,
        now: float,
        *,
        one_way: bool = False,
    ) -> dict[Direction, dict[str, Part]]:
        return {
            direction: {
                k: Part(part) for k, part in spread(shares, excluded_shares).items()
            }
            for direction, excluded_shares in excluded.items()
        }


def use_capacity_share(loop: Loop) -> None:
    """Make a loop's gateway use the capacity share alone."""
    parallel = loop.gateway._bank._evaluation._pipeline.parallel
    parallel.shares = CapacityShares()
    parallel.circulating = NoCirculatingCurrents()
