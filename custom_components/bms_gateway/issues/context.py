"""Everything from which repairs are found, and what a repair consists of."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from homeassistant.helpers.issue_registry import IssueSeverity

from ..engine.config import BatteryConfig, GatewayConfig, InverterConfig
from ..engine.model import BatteryState, Direction, PortState, Snapshot
from ..engine.setpoints import AllSetpoints
from ..setpoints.serialization import NOTHING_ASKED, Change, ChangeKey
from .conditions import Apart


@dataclass(frozen=True, slots=True)
class Issue:
    """One repair: the key of its texts, what stands in them, whom it is about."""

    key: str
    placeholders: Mapping[str, str]
    severity: IssueSeverity = IssueSeverity.ERROR
    fixable: bool = False
    device_id: str | None = None
    steady_for: float = 0.0
    """Seconds for which it has to be gone before it is cleared: what flaps is one repair,
    not one for each time. The first time; one that has come back needs longer."""


def warning(
    key: str,
    placeholders: Mapping[str, str],
    *,
    fixable: bool = False,
    device_id: str | None = None,
    steady_for: float = 0.0,
) -> Issue:
    """Return a repair that is not urgent."""
    return Issue(
        key, placeholders, IssueSeverity.WARNING, fixable, device_id, steady_for
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueContext:
    """Everything that is known now."""

    entry_id: str
    snapshot: Snapshot
    config: GatewayConfig
    setpoints: AllSetpoints = NOTHING_ASKED
    changes: Mapping[ChangeKey, Change] = field(default_factory=dict)
    confirmed: bool = True
    """False while setpoints stand at 0 A because their store was unreadable."""
    saved: bool = True
    """False while setpoints and limits cannot be saved."""
    energy_saved: bool = True
    """False while energy totals cannot be saved."""
    unsteady: frozenset[str] = frozenset()
    asking: frozenset[str] = frozenset()
    """Batteries that are lost too often, and that ask for charge in vain."""
    lost_since: Mapping[str, float] = field(default_factory=dict)
    """Since when each battery that is lost has not been online."""
    apart: Apart | None = None
    """Two batteries that have been far apart in voltage for a while."""
    signs_of_life: Mapping[str, float] = field(default_factory=dict)
    """When each inverter was last heard or took what it was sent."""
    borne: Mapping[Direction, float] = field(default_factory=dict)
    """The most (A) that all batteries together allowed; empty while unknown."""

    @property
    def name(self) -> str:
        """Return the name of the gateway."""
        return self.config.name

    @property
    def batteries(self) -> Iterator[tuple[BatteryConfig, BatteryState]]:
        """Return each battery with what is known of it."""
        for config in self.config.batteries:
            if state := self.snapshot.batteries.get(config.id):
                yield config, state

    def port(self, device_id: str) -> PortState:
        """Return where a battery's or inverter's port stands."""
        return self.snapshot.ports.get(device_id, PortState())

    def channel(self, device: BatteryConfig | InverterConfig) -> str:
        """Return what a battery's or inverter's CAN link is called now."""
        return self.port(device.id).link or device.port.channel

    def wants_replugging(self, device: BatteryConfig | InverterConfig) -> bool:
        """Return whether a USB adapter has passed nothing on since it was opened.

        Some do so after a restart of the computer, which does not cut their power.
        """
        return device.port.is_usb and self.port(device.id).is_silent

    def device_name(self, device_id: str | None) -> str:
        """Return the name of a battery, an inverter or (None) the gateway.

        One that is no more has but its id: it must not pass for the gateway.
        """
        if device_id is None:
            return self.name
        names = {device.id: device.name for device in self.config.devices}
        return names.get(device_id, device_id)


type Raised = Mapping[str, Issue]
"""What was raised already, by the id of the issue."""

type Detector = Callable[[IssueContext, Raised], Iterable[tuple[str, Issue]]]
"""Finds issues, by their ids."""
