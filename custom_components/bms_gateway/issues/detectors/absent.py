"""Issues of batteries that do not count: silent, lost, or with rejected values.

And of those that count, but not for long: lost, or silent, again and again.
"""

from collections.abc import Iterator
from typing import Final

from ...engine.battery.timing.timeouts import LONGEST_TIMEOUT
from ...engine.config import BatteryConfig
from ...engine.model import BatteryState, BatteryStatus, PortStatus, Status
from ...event_detector import LOSSES_PER_HOUR
from ..context import Detector, Issue, IssueContext, Raised, warning
from ..rejected_values import describe_rejected

STEADY_FOR: Final = 60.0
"""Seconds for which a battery has to be received before its issue is cleared."""
LOST_FOR_LONG: Final = 60.0
"""Seconds after which a battery that is lost again and again is simply lost."""
RECEIVED_FOR: Final = LONGEST_TIMEOUT
"""Seconds after which a battery has sent all its frames; most need 1 or 2, some 10."""

GAPS_PER_HOUR: Final = 6
"""More gaps of some seconds in an hour raise an issue."""
GAPS_STILL: Final = 3
"""Once raised, more gaps than this keep it: otherwise each gap that is forgotten and
each new one would clear the issue and raise it again."""

_POLICY_ACTIVE: Final = frozenset({Status.REDUCED, Status.BLOCKED, Status.SILENT})
_FRAMES: Final = {
    "0x351 (CVL, CCL, DCL)": (
        "charge_voltage_limit",
        "charge_current_limit",
        "discharge_current_limit",
    ),
    "0x355 (SOC)": ("soc",),
    "0x356 (Vbat)": ("voltage",),
}
"""The values that every battery has to send to count, by the frames that hold them."""


def _absent(now: IssueContext, raised: Raised) -> Iterator[tuple[str, Issue]]:
    """Find batteries that do not count, with the reason for each.

    A battery behind a lost port is not an issue of its own. Nor is one loss of many,
    which `_unsteady` reports: one issue for each battery.
    """
    for battery, state in now.batteries:
        if now.port(battery.id).status is not PortStatus.OPEN:
            continue
        match state.status:
            case BatteryStatus.LOST:
                found = _lost(now, raised, battery, state)
            case BatteryStatus.WAITING:
                found = _waiting(now, battery, state)
            case _:
                continue
        if found is not None:
            wrong_port = found.key == "inverter_on_battery_port"
            yield f"{'wrong_port' if wrong_port else 'battery'}_{battery.id}", found


def _lost(
    now: IssueContext, raised: Raised, battery: BatteryConfig, state: BatteryState
) -> Issue | None:
    if state.inverter_detected:
        return _wrong_port(now, battery)
    if _intermittent(now, raised, battery, state) is not None:
        return None
    if state.rejected:
        return _refused(now, battery, state)
    return _silent(now, battery, "battery_lost")


def _waiting(
    now: IssueContext, battery: BatteryConfig, state: BatteryState
) -> Issue | None:
    """Report a silent battery only once it matters: it may be installed tomorrow."""
    if now.snapshot.status is Status.STARTING:
        return None
    if state.rejected:
        return _refused(now, battery, state)
    at, received_at = now.snapshot.at, state.last_frame_at
    if received_at is not None and at < received_at + LONGEST_TIMEOUT:
        return _incomplete(now, battery, state)
    if now.snapshot.status not in _POLICY_ACTIVE:
        return None
    if state.inverter_detected:
        return _wrong_port(now, battery)
    if received_at is not None or battery.poll_interval is not None:
        return _silent(now, battery, "battery_not_received")
    port = now.port(battery.id)
    if port.received > 0 and not port.is_silent:
        return _issue(now, battery, "battery_other_protocol")
    return _silent(now, battery, "battery_not_polled", fixable=True)


def _silent(
    now: IssueContext, battery: BatteryConfig, key: str, *, fixable: bool = False
) -> Issue:
    key += "_replug" if now.wants_replugging(battery) else ""
    return _issue(now, battery, key, fixable=fixable)


def _refused(now: IssueContext, battery: BatteryConfig, state: BatteryState) -> Issue:
    # The limits do not move; the measured values would change the text all the time
    limits = [each for each in state.rejected if each.attribute.endswith("_limit")]
    values = describe_rejected(limits or state.rejected)
    if state.apparent_nominal in (None, state.nominal):
        return _issue(now, battery, "battery_values_rejected", values=values)
    return _issue(
        now,
        battery,
        "battery_wrong_voltage",
        values=values,
        nominal=str(state.nominal),
        apparent=str(state.apparent_nominal),
    )


def _incomplete(
    now: IssueContext, battery: BatteryConfig, state: BatteryState
) -> Issue | None:
    since, readings = state.receiving_since, state.readings
    missing = ", ".join(
        frame
        for frame, names in _FRAMES.items()
        if any(getattr(readings, name) is None for name in names)
    )
    if not missing or since is None or now.snapshot.at < since + RECEIVED_FOR:
        return None
    return _issue(now, battery, "battery_incomplete", missing=missing)


def _issue(
    now: IssueContext,
    battery: BatteryConfig,
    key: str,
    *,
    fixable: bool = False,
    **details: str,
) -> Issue:
    """Return an issue; its text may include data that a lost battery still has."""
    config, state = now.config, now.snapshot.batteries[battery.id]
    policies = {
        "charge_policy": str(config.charge_loss_policy),
        "discharge_policy": str(config.discharge_loss_policy),
        "grace": f"{config.discharge_grace:g}",
    }
    return Issue(
        key,
        {"name": battery.name, "channel": now.channel(battery)} | policies | details,
        fixable=fixable,
        device_id=battery.id,
        # A battery that has sent for the first time is there to stay
        steady_for=STEADY_FOR if state.status is BatteryStatus.LOST else 0.0,
    )


def _wrong_port(now: IssueContext, battery: BatteryConfig) -> Issue:
    return Issue(
        "inverter_on_battery_port",
        {"name": battery.name, "channel": now.channel(battery)},
        fixable=True,
        device_id=battery.id,
    )


def _unsteady(now: IssueContext, raised: Raised) -> Iterator[tuple[str, Issue]]:
    for battery, state in now.batteries:
        if found := _intermittent(now, raised, battery, state):
            yield f"battery_{battery.id}", found


def _intermittent(
    now: IssueContext, raised: Raised, battery: BatteryConfig, state: BatteryState
) -> Issue | None:
    """Return the issue of a battery that is lost, or silent, again and again.

    If most of its losses were gaps of some seconds, the gaps point to the cause.
    """
    if _is_away(now, state):
        return None
    before = raised.get(f"battery_{battery.id}")
    named = before is not None and before.key == "battery_gaps"
    if state.gaps > (GAPS_STILL if named else GAPS_PER_HOUR):
        placeholders = {"name": battery.name, "gaps": str(state.gaps)}
        return warning("battery_gaps", placeholders, device_id=battery.id)
    if battery.id not in now.unsteady:
        return None
    return warning(
        "battery_losses",
        {"name": battery.name, "losses": str(LOSSES_PER_HOUR)},
        device_id=battery.id,
        steady_for=STEADY_FOR,
    )


def _is_away(now: IssueContext, state: BatteryState) -> bool:
    """Return whether it was never received, is out of service, or is lost for long."""
    match state.status:
        case (
            BatteryStatus.WAITING
            | BatteryStatus.OUT_OF_SERVICE
            | BatteryStatus.DUPLICATE
        ):
            return True
        case BatteryStatus.LOST if now.port(state.id).status is PortStatus.OPEN:
            at = now.snapshot.at
            return at >= now.lost_since.get(state.id, at) + LOST_FOR_LONG
        case _:
            return False


DETECTORS: Final[tuple[Detector, ...]] = (_absent, _unsteady)
