"""Everything from which repairs are found, and what a repair consists of."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from homeassistant.helpers.issue_registry import IssueSeverity

from .engine.config import BatteryConfig, GatewayConfig
from .engine.model import BatteryState, Snapshot
from .engine.setpoints import AllSetpoints
from .stored import NOTHING_ASKED, Change, ChangeKey


@dataclass(frozen=True, slots=True)
class Issue:
    """One repair: the key of its texts, what stands in them, whom it is about."""

    key: str
    placeholders: Mapping[str, str]
    severity: IssueSeverity = IssueSeverity.ERROR
    fixable: bool = False
    device_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Everything that is known now."""

    entry_id: str
    snapshot: Snapshot
    config: GatewayConfig
    setpoints: AllSetpoints = NOTHING_ASKED
    changes: Mapping[ChangeKey, Change] = field(default_factory=dict)
    confirmed: bool = True
    """False while setpoints stand at 0 A because their store was unreadable."""
    unsteady: frozenset[str] = frozenset()
    asking: frozenset[str] = frozenset()
    """Batteries that are lost too often, and that ask for charge in vain."""
    today: float = 0.0
    """Seconds since 1970."""

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

    def device_name(self, device_id: str | None) -> str:
        """Return the name of a battery, an inverter or (None) the gateway."""
        names = {device.id: device.name for device in self.config.devices}
        return names.get(device_id or "", self.name)


type Raised = Mapping[str, Issue]
"""What was raised already, by the id of the issue."""
