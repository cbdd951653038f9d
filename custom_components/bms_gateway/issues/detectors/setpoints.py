"""Issues of stored data: unreadable, not saved, or a forgotten setpoint."""

from collections.abc import Iterator
from typing import Final

from ...setpoints.serialization import HOUR, MAX_HOURS, stops
from ..context import Detector, Issue, IssueContext, Raised, warning

FORGOTTEN_AFTER: Final = MAX_HOURS * HOUR
"""Seconds of running time after which a setpoint that stops a direction may have been
forgotten."""


def _unreadable(now: IssueContext, _: Raised) -> Iterator[tuple[str, Issue]]:
    if not now.confirmed:
        issue = Issue("setpoints_unreadable", {"name": now.name}, fixable=True)
        yield f"setpoints_unreadable_{now.entry_id}", issue


def _unsaved(now: IssueContext, _: Raised) -> Iterator[tuple[str, Issue]]:
    if not now.saved:
        yield (
            f"setpoints_unsaved_{now.entry_id}",
            Issue("setpoints_unsaved", {"name": now.name}),
        )


def _energy_unsaved(now: IssueContext, _: Raised) -> Iterator[tuple[str, Issue]]:
    if not now.energy_saved:
        yield (
            f"energy_unsaved_{now.entry_id}",
            Issue("energy_unsaved", {"name": now.name}),
        )


def _forgotten(now: IssueContext, _: Raised) -> Iterator[tuple[str, Issue]]:
    """Find setpoints that have stopped a direction for long."""
    for (device_id, name), change in now.changes.items():
        stopped = stops(name, getattr(now.setpoints.of(device_id), name))
        if not stopped or now.snapshot.at < change.since + FORGOTTEN_AFTER:
            continue
        charge = name in {"charge_current", "charging_allowed"}
        yield (
            f"forgotten_{device_id or now.entry_id}_{name}",
            warning(
                "charging_forgotten" if charge else "discharging_forgotten",
                {"name": now.device_name(device_id), "by": change.by},
            ),
        )


DETECTORS: Final[tuple[Detector, ...]] = (
    _unreadable,
    _unsaved,
    _energy_unsaved,
    _forgotten,
)
