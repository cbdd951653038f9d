"""Issues of inverters: gone, on the wrong port, out of reach, rated above the bank."""

from collections.abc import Iterator
from typing import Final

from ...engine.aggregate.mixed_voltages import bank_voltage_of
from ...engine.config import InverterConfig
from ...engine.model import Direction, InverterState, PortStatus
from ..context import Detector, Issue, IssueContext, Raised, warning

GONE_AFTER: Final = 600.0
"""Seconds without a 0x305 after which an inverter that used to send it is gone."""
EXCESS_STEADY_FOR: Final = 60.0
"""Seconds for which all inverters have to be in reach before the issue is cleared."""
RATED_ABOVE: Final = 1.1
"""From this many times the batteries' limits on, an inverter is rated too high: the
figures of data sheets are rounded."""


def _wrong_port(now: IssueContext, _: Raised) -> Iterator[tuple[str, Issue]]:
    """Find inverters on whose port a battery sends: nothing is sent there."""
    for inverter, state in _inverters(now):
        if state.battery_detected and state.shares_bus_with is None:
            yield (
                f"wrong_port_{inverter.id}",
                Issue(
                    "battery_on_inverter_port",
                    {"name": inverter.name, "channel": now.channel(inverter)},
                    fixable=True,
                    device_id=inverter.id,
                ),
            )


def _gone(now: IssueContext, _: Raised) -> Iterator[tuple[str, Issue]]:
    """Find inverters that no longer send 0x305, or are silent where that is monitored.

    On a lost or wrong port this is not an issue of its own.
    """
    at = now.snapshot.at
    for inverter, state in _inverters(now):
        if (
            inverter.id in now.setpoints.out_of_service
            or now.port(inverter.id).status is not PortStatus.OPEN
            or state.battery_detected
        ):
            continue
        requested_at = state.last_request_at
        sign_at = now.signs_of_life.get(inverter.id, at)
        longest = inverter.no_response_after
        if requested_at is not None and at >= requested_at + GONE_AFTER:
            key, silent_for = "inverter_no_requests", GONE_AFTER
        elif longest is not None and at >= sign_at + longest:
            key, silent_for = "inverter_not_responding", longest
        else:
            continue
        replug = key == "inverter_not_responding" and now.wants_replugging(inverter)
        yield (
            f"{key}_{inverter.id}",
            warning(
                f"{key}_replug" if replug else key,
                {"name": inverter.name, "minutes": f"{silent_for / 60:.0f}"},
                fixable=True,
                device_id=inverter.id,
            ),
        )


def _excess(now: IssueContext, _: Raised) -> Iterator[tuple[str, Issue]]:
    """Find that inverters out of reach may take more than the bank allows."""
    if excess := now.snapshot.excess:
        not_acknowledged = [
            inverter.name
            for inverter, state in _inverters(now)
            if state.confirmed
            and not (
                state.listening and now.port(inverter.id).status is PortStatus.OPEN
            )
        ]
        placeholders = {"inverters": ", ".join(not_acknowledged) or now.name}
        placeholders |= {d: f"{excess.get(d, 0.0):.0f}" for d in Direction}
        issue = Issue(
            "inverter_unreachable", placeholders, steady_for=EXCESS_STEADY_FOR
        )
        yield f"inverter_unreachable_{now.entry_id}", issue


def _rated_above(now: IssueContext, _: Raised) -> Iterator[tuple[str, Issue]]:
    """Find inverters that could overload all batteries together."""
    for inverter in now.config.inverters:
        rated = {
            Direction.CHARGE: inverter.rated_charge,
            Direction.DISCHARGE: inverter.rated_discharge,
        }
        if any(
            rated[d] > RATED_ABOVE * amps > 0 for d, amps in now.highest_limits.items()
        ):
            placeholders = {"name": inverter.name}
            placeholders |= {f"rated_{d}": f"{rated[d]:g}" for d in Direction}
            placeholders |= {d: f"{now.highest_limits[d]:.0f}" for d in Direction}
            yield (
                f"rating_too_high_{inverter.id}",
                warning("rating_too_high", placeholders),
            )


def _out_of_range(now: IssueContext, _: Raised) -> Iterator[tuple[str, Issue]]:
    """Find inverters that do not accept so low a voltage: nothing is sent to them."""
    nominal = bank_voltage_of(now.snapshot.batteries.values())
    for inverter in now.config.inverters:
        if not inverter.preset.accepts(nominal):
            yield (
                f"inverter_voltage_range_{inverter.id}",
                Issue(
                    "inverter_voltage_range",
                    {
                        "name": inverter.name,
                        "voltage": str(nominal),
                        "lowest": f"{inverter.preset.charge_voltage_min:g}",
                    },
                ),
            )


def _inverters(now: IssueContext) -> Iterator[tuple[InverterConfig, InverterState]]:
    for inverter in now.config.inverters:
        if state := now.snapshot.inverters.get(inverter.id):
            yield inverter, state


DETECTORS: Final[tuple[Detector, ...]] = (
    _wrong_port,
    _gone,
    _excess,
    _rated_above,
    _out_of_range,
)
