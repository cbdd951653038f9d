"""Issues of inverters that send what does not suit the make chosen for them."""

from collections.abc import Iterator
from typing import Final

from ...engine.model import InverterState, Neighbour
from ...engine.protocol import fits
from ..context import Detector, Issue, IssueContext, Raised, warning
from ..seen_makes import describe_makes

_UNUSABLE: Final = {
    Neighbour.PYLONTECH_HV: "inverter_high_voltage",
    Neighbour.GROWATT: "inverter_growatt_protocol",
}
"""Protocols that an inverter asks for and that cannot be sent."""


def _makes(now: IssueContext, _: Raised) -> Iterator[tuple[str, Issue]]:
    """Find inverters that are of another make, or two makes on one bus."""
    for inverter in now.config.inverters:
        state = now.snapshot.inverters.get(inverter.id)
        if state is None or state.battery_detected:
            continue
        values = {"name": inverter.name, "makes": describe_makes(state.seen_makes)}
        if len(state.seen_makes) > 1:
            yield (
                f"inverter_two_makes_{inverter.id}",
                warning("inverter_two_makes", values),
            )
        elif any(not fits(each, inverter.preset.profile) for each in state.seen_makes):
            yield (
                f"inverter_other_make_{inverter.id}",
                warning(
                    "inverter_other_make",
                    values,
                    fixable=True,
                    device_id=inverter.id,
                ),
            )


def _protocols(now: IssueContext, _: Raised) -> Iterator[tuple[str, Issue]]:
    """Find inverters that ask for a protocol that cannot be sent."""
    for inverter in now.config.inverters:
        state = now.snapshot.inverters.get(inverter.id)
        for key in _asked_for(state):
            yield f"{key}_{inverter.id}", warning(key, {"name": inverter.name})


def _asked_for(state: InverterState | None) -> Iterator[str]:
    for neighbour, key in _UNUSABLE.items():
        if state is not None and neighbour in state.neighbours:
            yield key


DETECTORS: Final[tuple[Detector, ...]] = (_makes, _protocols)
