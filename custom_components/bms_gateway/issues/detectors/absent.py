"""Repairs about batteries that do not count: silent, lost, or heard and not believed.

And about those that count, but not for long: lost, or silent, again and again.
"""

from collections.abc import Iterator
from typing import Final

from ...engine.battery.timing.timeouts import LONGEST_TIMEOUT
from ...engine.config import BatteryConfig
from ...engine.model import BatteryState, BatteryStatus, PortStatus, Status
from ...event_detector import LOSSES_PER_HOUR
from ..context import Detector, Issue, IssueContext, Raised, warning
from ..rejected_values import figures

STEADY_FOR: Final = 60.0
"""Seconds for which a battery has to be heard before its repair goes."""
LOST_FOR_LONG: Final = 60.0
"""Seconds after which a battery that is lost again and again is just lost."""
RECEIVED_FOR: Final = LONGEST_TIMEOUT
"""Seconds after which a battery has sent all that it sends; most need 1 or 2, some 10."""

GAPS_PER_HOUR: Final = 6
"""More gaps of some seconds than that in an hour are named."""
GAPS_STILL: Final = 3
"""So are more than so many, once they were named: each gap that is forgotten and each new
one would else take the repair away and bring it back."""

_POLICY_AT_WORK: Final = frozenset({Status.REDUCED, Status.BLOCKED, Status.SILENT})
_FRAMES: Final = {
    "0x351 (CVL, CCL, DCL)": (
        "charge_voltage_limit",
        "charge_current_limit",
        "discharge_current_limit",
    ),
    "0x355 (SOC)": ("soc",),
    "0x356 (Vbat)": ("voltage",),
}
"""What every battery has to send to count, by the frames that hold it."""


def _absent(now: IssueContext, raised: Raised) -> Iterator[tuple[str, Issue]]:
    """Find batteries that do not count, each named as what it is.

    Behind a port that is lost that is no repair of its own. Nor is one loss of many,
    which `_unsteady` tells of: one repair for each battery.
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
    if _comes_and_goes(now, raised, battery, state) is not None:
        return None
    if state.rejected:
        return _refused(now, battery, state)
    return _silent(now, battery, "battery_lost")


def _waiting(
    now: IssueContext, battery: BatteryConfig, state: BatteryState
) -> Issue | None:
    """Tell of one that is silent only once it matters: it may be installed tomorrow."""
    if now.snapshot.status is Status.STARTING:
        return None
    if state.rejected:
        return _refused(now, battery, state)
    at, received_at = now.snapshot.at, state.last_frame_at
    if received_at is not None and at < received_at + LONGEST_TIMEOUT:
        return _incomplete(now, battery, state)
    if now.snapshot.status not in _POLICY_AT_WORK:
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
    # Limits stand still; what is measured would change the text all the time
    limits = [each for each in state.rejected if each.attribute.endswith("_limit")]
    values = figures(limits or state.rejected)
    if state.nominal is None:
        return _issue(now, battery, "battery_values_rejected", values=values)
    nominal = str(state.nominal)
    return _issue(now, battery, "battery_wrong_voltage", values=values, nominal=nominal)


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
    **told: str,
) -> Issue:
    """Return a repair; each may tell what holds while the battery does not count."""
    config, state = now.config, now.snapshot.batteries[battery.id]
    policies = {
        "charge_policy": str(config.charge_loss_policy),
        "discharge_policy": str(config.discharge_loss_policy),
        "grace": f"{config.discharge_grace:g}",
    }
    return Issue(
        key,
        {"name": battery.name, "channel": now.channel(battery)} | policies | told,
        fixable=fixable,
        device_id=battery.id,
        # Who has spoken for the first time has come to stay
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
        if found := _comes_and_goes(now, raised, battery, state):
            yield f"battery_{battery.id}", found


def _comes_and_goes(
    now: IssueContext, raised: Raised, battery: BatteryConfig, state: BatteryState
) -> Issue | None:
    """Return the repair of a battery that is lost, or silent, again and again.

    Where most of its losses were gaps of some seconds, that tells more of their cause.
    """
    if _stays_away(now, state):
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


def _stays_away(now: IssueContext, state: BatteryState) -> bool:
    """Return whether it never came, is not wanted, or is lost for long just now."""
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
