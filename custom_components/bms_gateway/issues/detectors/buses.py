"""Issues of buses: one bus on two ports, two senders, another dialect, missing frames."""

from collections.abc import Iterator
from typing import Final

from ...engine.model import Status
from ..context import Detector, Issue, IssueContext, Raised, warning

JUMP_REPORTED_FOR: Final = 24 * 3600.0
"""Seconds for which a jump is reported: anyone who looks once a day sees it."""


def _duplicates(now: IssueContext, _: Raised) -> Iterator[tuple[str, Issue]]:
    """Find two battery ports on one bus: there is only one battery."""
    for battery, state in now.batteries:
        if state.duplicate_of is not None:
            names = {"name": battery.name, "other": now.device_name(state.duplicate_of)}
            yield f"duplicate_battery_{battery.id}", Issue("duplicate_battery", names)


def _shared(now: IssueContext, _: Raised) -> Iterator[tuple[str, Issue]]:
    """Find inverter ports on a battery's bus."""
    for inverter in now.config.inverters:
        state = now.snapshot.inverters.get(inverter.id)
        if state is not None and state.shares_bus_with is not None:
            names = {
                "name": inverter.name,
                "battery": now.device_name(state.shares_bus_with),
            }
            yield f"shared_bus_{inverter.id}", Issue("shared_bus", names)


def _senders(now: IssueContext, _: Raised) -> Iterator[tuple[str, Issue]]:
    """Find batteries on whose bus another device sends the same IDs."""
    for battery, state in now.batteries:
        if state.has_duplicate_sender:
            yield (
                f"two_senders_{battery.id}",
                Issue(
                    "two_senders",
                    {"name": battery.name, "channel": now.channel(battery)},
                ),
            )


def _dialects(now: IssueContext, _: Raised) -> Iterator[tuple[str, Issue]]:
    """Find batteries that show another dialect than the one chosen for them."""
    for battery, state in now.batteries:
        if battery.dialect is not None and state.contradicting is not None:
            placeholders = {
                "name": battery.name,
                "chosen": battery.dialect.brand,
                "shown": state.contradicting.brand,
            }
            yield f"dialect_{battery.id}", warning("dialect_contradicted", placeholders)


def _missing(now: IssueContext, _: Raised) -> Iterator[tuple[str, Issue]]:
    """Find batteries that have stopped sending their alarms or enables."""
    for battery, state in now.batteries:
        if state.online and state.missing:
            frames = ", ".join(f"0x{can_id:X}" for can_id in sorted(state.missing))
            names = {"name": battery.name, "frames": frames}
            yield f"alarms_missing_{battery.id}", warning("alarms_missing", names)


def _jumps(now: IssueContext, _: Raised) -> Iterator[tuple[str, Issue]]:
    """Find states of charge that moved by more than any current explains."""
    at = now.snapshot.at
    for battery, state in now.batteries:
        jumped_at = state.soc_jumped_at
        if jumped_at is not None and at < jumped_at + JUMP_REPORTED_FOR:
            yield (
                f"soc_jumps_{battery.id}",
                warning("soc_jumps", {"name": battery.name}),
            )


def _temperature(now: IssueContext, _: Raised) -> Iterator[tuple[str, Issue]]:
    """Find that inverters are sent a temperature that no battery measured."""
    confirmed = [
        each.confirmed for each in now.snapshot.inverters.values() if each.confirmed
    ]
    if now.snapshot.status in (Status.RUNNING, Status.REDUCED) and any(
        each.temperature is None for each in confirmed
    ):
        key = f"temperature_unknown_{now.entry_id}"
        yield key, warning("temperature_unknown", {"name": now.name})


DETECTORS: Final[tuple[Detector, ...]] = (
    _duplicates,
    _shared,
    _senders,
    _dialects,
    _missing,
    _jumps,
    _temperature,
)
