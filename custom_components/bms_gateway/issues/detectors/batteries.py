"""Issues of batteries that count: voltages, currents, ignored requests, plain sum."""

from collections.abc import Iterator
from typing import Final

from ...engine.aggregate.mixed_voltages import nominal_voltages
from ...engine.config import Strategy
from ...engine.limits.compare import compare
from ...engine.model import Direction, Status
from ...event_detector import REQUEST_IGNORED_AFTER
from ..context import Detector, Issue, IssueContext, Raised, warning

PACKS_DIFFER: Final = 1.1
"""The plain sum goes too far once it is this many times the limit by shares."""


def _mixed(now: IssueContext, _: Raised) -> Iterator[tuple[str, Issue]]:
    """Find batteries of different nominal voltages."""
    if now.snapshot.status is Status.MIXED_VOLTAGES:
        voltages = nominal_voltages(now.snapshot.batteries.values())
        names = (f"{now.device_name(key)} ({v} V)" for key, v in voltages.items())
        placeholders = {"name": now.name, "batteries": ", ".join(names)}
        yield f"mixed_voltages_{now.entry_id}", Issue("mixed_voltages", placeholders)


def _excluded(now: IssueContext, _: Raised) -> Iterator[tuple[str, Issue]]:
    """Find two batteries of which one is probably not connected."""
    if now.voltage_difference:
        placeholders = {
            "high": now.device_name(now.voltage_difference.high),
            "high_volts": f"{now.voltage_difference.high_volts:.1f}",
            "low": now.device_name(now.voltage_difference.low),
            "low_volts": f"{now.voltage_difference.low_volts:.1f}",
        }
        yield f"batteries_apart_{now.entry_id}", Issue("batteries_apart", placeholders)


def _currents(now: IssueContext, _: Raised) -> Iterator[tuple[str, Issue]]:
    """Find implausible currents."""
    capacity = sum(battery.capacity_ah for battery in now.config.batteries)
    for battery, state in now.batteries:
        name = {"name": battery.name}
        if state.carries_current_out_of_service:
            yield (
                f"out_of_service_current_{battery.id}",
                Issue("out_of_service_current", name),
            )
        if state.wrong_sign:
            yield f"wrong_sign_{battery.id}", Issue("wrong_sign", name)
        elif state.odd_share and state.current_share is not None:
            placeholders = name | {
                "current_share": f"{state.current_share:.0%}",
                "share": f"{battery.capacity_ah / capacity:.0%}",
            }
            yield (
                f"odd_current_share_{battery.id}",
                warning("odd_current_share", placeholders),
            )


def _modules(now: IssueContext, _: Raised) -> Iterator[tuple[str, Issue]]:
    """Find batteries that count fewer modules than before."""
    for battery, state in now.batteries:
        if state.modules_missing and state.modules_most:
            placeholders = {
                "name": battery.name,
                "missing": str(state.modules_missing),
                "most": str(state.modules_most),
                "left": str(state.modules_most - state.modules_missing),
                "capacity": f"{state.available_ah:.0f}",
            }
            key = f"modules_{battery.id}"
            yield key, warning("modules_missing", placeholders, device_id=battery.id)


def _requests(now: IssueContext, _: Raised) -> Iterator[tuple[str, Issue]]:
    """Find ignored charge requests, and the setpoints that stop charging."""
    held = ", ".join(sorted(_holders(now)))
    for battery in now.config.batteries:
        if battery.id in now.requesting:
            key = "force_charge_held" if held else "force_charge"
            placeholders = {
                "name": battery.name,
                "minutes": f"{REQUEST_IGNORED_AFTER / 60:g}",
                **({"held": held} if held else {}),
            }
            yield f"force_charge_{battery.id}", warning(key, placeholders)


def _holders(now: IssueContext) -> Iterator[str]:
    """Yield the devices whose charging is held at 0 A, each with the requester."""
    for device_id in (None, *now.setpoints.inverters):
        if now.setpoints.of(device_id).current(Direction.CHARGE) == 0:
            for name in ("charging_allowed", "charge_current"):
                if not getattr(now.setpoints.of(device_id), name):
                    by = now.changes.get((device_id, name))
                    yield _named(now, device_id, by.by if by else None)
                    break
    for temporary_limit in now.setpoints.temporary_limits:
        zero = temporary_limit.amps == 0 or temporary_limit.watts == 0
        if (
            zero
            and temporary_limit.direction is Direction.CHARGE
            and temporary_limit.is_active(now.snapshot.at)
        ):
            yield _named(now, temporary_limit.device_id, temporary_limit.owner)


def _named(now: IssueContext, device_id: str | None, by: str | None) -> str:
    name = now.device_name(device_id)
    return f"{name} ({by})" if by else name


def _sum(now: IssueContext, raised: Raised) -> Iterator[tuple[str, Issue]]:
    """Find a plain sum that goes too far; the issue stays with that strategy."""
    if now.config.strategy is not Strategy.SUM or len(now.config.batteries) < 2:
        return
    key = f"sum_{now.entry_id}"
    both = compare(now.snapshot.batteries.values())
    if any(each.sum > PACKS_DIFFER * each.share for each in both.values()):
        yield (
            key,
            warning(
                "sum_overloads",
                {"name": now.name}
                | {f"{d}_sum": f"{each.sum:.0f}" for d, each in both.items()}
                | {f"{d}_share": f"{each.share:.0f}" for d, each in both.items()},
            ),
        )
    elif key in raised:
        # Packs do not become equal by allowing the same for some time
        yield key, raised[key]


DETECTORS: Final[tuple[Detector, ...]] = (
    _mixed,
    _excluded,
    _currents,
    _modules,
    _requests,
    _sum,
)
