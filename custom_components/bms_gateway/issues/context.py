"""The input of the issue detectors, and the parts of an issue."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from homeassistant.helpers.issue_registry import IssueSeverity

from ..engine.config import BatteryConfig, GatewayConfig, InverterConfig
from ..engine.model import BatteryState, Direction, PortState, Snapshot
from ..engine.setpoints import AllSetpoints
from ..setpoints.serialization import NO_SETPOINTS_SET, Change, ChangeKey
from .conditions import VoltageDifference


@dataclass(frozen=True, slots=True)
class Issue:
    """One repair: the key of its texts, the placeholders, the device concerned."""

    key: str
    placeholders: Mapping[str, str]
    severity: IssueSeverity = IssueSeverity.ERROR
    fixable: bool = False
    device_id: str | None = None
    steady_for: float = 0.0
    """Seconds for which it has to be gone before it is cleared: a flapping problem is
    one repair, not one for each time. Applies the first time; one that has come back
    needs longer."""


def warning(
    key: str,
    placeholders: Mapping[str, str],
    *,
    fixable: bool = False,
    device_id: str | None = None,
    steady_for: float = 0.0,
) -> Issue:
    """Return an issue that is not urgent."""
    return Issue(
        key, placeholders, IssueSeverity.WARNING, fixable, device_id, steady_for
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueContext:
    """All present data from which issues are detected."""

    entry_id: str
    snapshot: Snapshot
    config: GatewayConfig
    setpoints: AllSetpoints = NO_SETPOINTS_SET
    changes: Mapping[ChangeKey, Change] = field(default_factory=dict)
    confirmed: bool = True
    """False while setpoints are 0 A because their store was unreadable."""
    saved: bool = True
    """False while setpoints and limits cannot be saved."""
    energy_saved: bool = True
    """False while energy totals cannot be saved."""
    unsteady: frozenset[str] = frozenset()
    requesting: frozenset[str] = frozenset()
    """Batteries that are lost too often, and those whose charge request is ignored."""
    lost_since: Mapping[str, float] = field(default_factory=dict)
    """The time since when each lost battery has not been online."""
    voltage_difference: VoltageDifference | None = None
    """Two batteries whose voltages have been far apart for a while."""
    signs_of_life: Mapping[str, float] = field(default_factory=dict)
    """The time at which each inverter was last received or acknowledged a frame."""
    highest_limits: Mapping[Direction, float] = field(default_factory=dict)
    """The highest sum (A) that all batteries allowed; empty while unknown."""

    @property
    def name(self) -> str:
        """Return the name of the gateway."""
        return self.config.name

    @property
    def batteries(self) -> Iterator[tuple[BatteryConfig, BatteryState]]:
        """Return each battery's configuration with its state."""
        for config in self.config.batteries:
            if state := self.snapshot.batteries.get(config.id):
                yield config, state

    def port(self, device_id: str) -> PortState:
        """Return the state of a battery's or inverter's port."""
        return self.snapshot.ports.get(device_id, PortState())

    def channel(self, device: BatteryConfig | InverterConfig) -> str:
        """Return the present name of a battery's or inverter's CAN link."""
        return self.port(device.id).link or device.port.channel

    def wants_replugging(self, device: BatteryConfig | InverterConfig) -> bool:
        """Return whether a USB adapter has passed on no frame since it was opened.

        Some adapters stop after a restart of the computer that does not cut their
        power.
        """
        return device.port.is_usb and self.port(device.id).is_silent

    def device_name(self, device_id: str | None) -> str:
        """Return the name of a battery, an inverter or (None) the gateway.

        A removed device has only its id: it must not pass for the gateway.
        """
        if device_id is None:
            return self.name
        names = {device.id: device.name for device in self.config.devices}
        return names.get(device_id, device_id)


type Raised = Mapping[str, Issue]
"""The issues raised so far, by their ids."""

type Detector = Callable[[IssueContext, Raised], Iterable[tuple[str, Issue]]]
"""Yields issues with their ids."""
