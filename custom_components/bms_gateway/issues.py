"""Repairs: what a user can mend, raised from snapshots and cleared by themselves."""

from dataclasses import dataclass
from typing import Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from .const import DOMAIN
from .engine.config import GatewayConfig, Interface, PortConfig
from .engine.model import (
    BatteryState,
    Life,
    PortFault,
    PortState,
    PortStatus,
    Snapshot,
    Status,
)

SETPOINTS_UNREADABLE: Final = "setpoints_unreadable"

_POLICY_AT_WORK: Final = frozenset({Status.REDUCED, Status.BLOCKED, Status.SILENT})


@dataclass(frozen=True, slots=True)
class Issue:
    """One repair: the key of its texts and what stands in them."""

    key: str
    placeholders: dict[str, str]
    fixable: bool = False


class Issues:
    """The repairs of one gateway."""

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Begin with none."""
        self._hass = hass
        self._entry_id = entry_id
        self._raised: dict[str, Issue] = {}

    @callback
    def async_tell(
        self, snapshot: Snapshot, config: GatewayConfig, *, confirmed: bool
    ) -> None:
        """Raise what is wrong, clear what is well again.

        `confirmed`: False while setpoints stand at 0 A because their store was
        unreadable.
        """
        wanted = find_issues(snapshot, config, frozenset(self._raised))
        if not confirmed:
            wanted[f"{SETPOINTS_UNREADABLE}_{self._entry_id}"] = Issue(
                SETPOINTS_UNREADABLE, {"name": config.name}, fixable=True
            )
        for issue_id in self._raised.keys() - wanted.keys():
            self._clear(issue_id)
        for issue_id, issue in wanted.items():
            self._raise(issue_id, issue)

    @callback
    def async_clear(self) -> None:
        """Take back every repair: nobody watches any more."""
        for issue_id in tuple(self._raised):
            self._clear(issue_id)

    def _raise(self, issue_id: str, issue: Issue) -> None:
        if self._raised.get(issue_id) == issue:
            return
        self._raised[issue_id] = issue
        ir.async_create_issue(
            self._hass,
            DOMAIN,
            issue_id,
            data={"entry_id": self._entry_id},
            is_fixable=issue.fixable,
            severity=ir.IssueSeverity.ERROR,
            translation_key=issue.key,
            translation_placeholders=issue.placeholders,
        )

    def _clear(self, issue_id: str) -> None:
        del self._raised[issue_id]
        ir.async_delete_issue(self._hass, DOMAIN, issue_id)


def find_issues(
    snapshot: Snapshot, config: GatewayConfig, raised: frozenset[str] = frozenset()
) -> dict[str, Issue]:
    """Return what is wrong, by issue id; `raised`: the ids of what already was.

    A port that is being opened again is neither well nor wrong: its issue stays.
    """
    found: dict[str, Issue] = {}
    for device in config.devices:
        port = snapshot.ports.get(device.id, PortState())
        issue_id = f"port_{device.id}"
        if port.status is PortStatus.LOST or (
            port.status is PortStatus.OPENING and issue_id in raised
        ):
            found[issue_id] = _port_issue(device.name, device.port, port)
    for battery in config.batteries:
        state = snapshot.batteries.get(battery.id)
        if state and (key := _battery_key(state, snapshot)):
            found[f"battery_{battery.id}"] = Issue(
                key,
                {
                    "name": battery.name,
                    "channel": battery.port.channel,
                    "charge_policy": config.charge_loss_policy,
                    "discharge_policy": config.discharge_loss_policy,
                    "grace": f"{config.discharge_grace:g}",
                },
            )
    return found


def _battery_key(battery: BatteryState, snapshot: Snapshot) -> str | None:
    port = snapshot.ports.get(battery.id)
    if port is None or port.status is not PortStatus.OPEN:
        return None
    match battery.life:
        case Life.LOST:
            return "battery_lost"
        case Life.WAITING if snapshot.status in _POLICY_AT_WORK:
            return "battery_silent"
        case _:
            return None


def _port_issue(name: str, config: PortConfig, port: PortState) -> Issue:
    fault = port.fault or PortFault.FAILED
    return Issue(
        f"port_{fault}",
        {
            "name": name,
            "channel": config.channel,
            "bitrate": str(config.bitrate),
            "command": link_up_command(config),
            "detail": port.detail or "-",
        },
    )


def link_up_command(port: PortConfig) -> str:
    """Return the shell command that brings a SocketCAN link up; "-" for others.

    A link raised with a bitrate alone never comes back from bus-off: hence the
    restart time (ms).
    """
    if port.interface is not Interface.SOCKETCAN:
        return "-"
    return (
        f"sudo ip link set {port.channel} up"
        f" type can bitrate {port.bitrate} restart-ms 100"
    )
