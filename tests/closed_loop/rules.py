"""The rules to compare: the plain sum, the capacity share alone, ours."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import override

from custom_components.bms_gateway.engine.limits.sharing.circulating_current import (
    Aside,
    Offsets,
    Part,
    spread,
)
from custom_components.bms_gateway.engine.limits.sharing.shares import (
    Slices,
    capacity_shares,
)
from custom_components.bms_gateway.engine.limits.sharing.step_detection import Idle
from custom_components.bms_gateway.engine.model import BatteryState, Direction

from .loop import Loop


class RuleSet(StrEnum):
    """How the bank's limit is made."""

    SUM = "plain sum"
    CAPACITY = "capacity share alone"
    OURS = "slices"
    LEARNT = "slices, already learnt"


class CapacitySlices(Slices):
    """Slices that are never learnt."""

    @override
    def update(
        self, batteries: Sequence[BatteryState], idle: Idle, now: float
    ) -> dict[str, float]:
        return capacity_shares(batteries)


class NoOffsets(Offsets):
    """Nothing circulates; who carries too much holds the bank as in ours."""

    @override
    def settle(
        self,
        batteries: Sequence[BatteryState],
        slices: Mapping[str, float],
        aside: Aside,
        now: float,
        *,
        one_way: bool = False,
    ) -> dict[Direction, dict[str, Part]]:
        return {
            direction: {k: Part(part) for k, part in spread(slices, apart).items()}
            for direction, apart in aside.items()
        }


def use_capacity_share(loop: Loop) -> None:
    """Let a loop's gateway reckon by the capacity share alone."""
    carriers = loop.gateway._bank._judge._limits.carriers
    carriers.slices = CapacitySlices()
    carriers.offsets = NoOffsets()
