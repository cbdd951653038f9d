"""What a user can mend, found in what is known now: the repairs that should stand."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from homeassistant.helpers.issue_registry import IssueSeverity

from .engine.compare import compare
from .engine.config import Interface, PortConfig, Strategy
from .engine.model import Direction, Life, PortFault, PortState, PortStatus, Status
from .situation import Issue, Raised, Situation
from .watch import LOSSES_PER_HOUR, REQUEST_STANDS

FORGOTTEN_AFTER: Final = 24 * 3600.0
"""Seconds after which a setpoint that stops everything may be one nobody remembers."""
SILENT_AFTER: Final = 600.0
"""Seconds without a 0x305 after which an inverter that used to ask is gone."""
PACKS_DIFFER: Final = 1.1
"""The plain sum goes too far once it is that many times what the batteries bear."""

_POLICY_AT_WORK: Final = frozenset({Status.REDUCED, Status.BLOCKED, Status.SILENT})


type Finder = Callable[[Situation, Raised], Iterable[tuple[str, Issue]]]


def find_issues(now: Situation, raised: Raised) -> dict[str, Issue]:
    """Return what is wrong now, by the ids of the issues."""
    return {key: issue for find in FINDERS for key, issue in find(now, raised)}


def _unreadable(now: Situation, _: Raised) -> Iterator[tuple[str, Issue]]:
    if not now.confirmed:
        issue = Issue("setpoints_unreadable", {"name": now.name}, fixable=True)
        yield f"setpoints_unreadable_{now.entry_id}", issue


def _ports(now: Situation, raised: Raised) -> Iterator[tuple[str, Issue]]:
    """A port that is being opened again is neither well nor wrong: its issue stays."""
    for device in now.config.devices:
        port = now.snapshot.ports.get(device.id, PortState())
        key = f"port_{device.id}"
        if port.status is PortStatus.LOST or (
            port.status is PortStatus.OPENING and key in raised
        ):
            yield key, _port_issue(device.name, device.port, port)


def _batteries(now: Situation, _: Raised) -> Iterator[tuple[str, Issue]]:
    """Lost or never heard; behind a port that is lost that is no repair of its own."""
    config = now.config
    for battery, state in now.batteries:
        port = now.snapshot.ports.get(battery.id)
        if port is None or port.status is not PortStatus.OPEN:
            continue
        match state.life:
            case Life.LOST:
                key = "battery_lost"
            case Life.WAITING if now.snapshot.status in _POLICY_AT_WORK:
                key = "battery_silent"
            case _:
                continue
        placeholders = {
            "name": battery.name,
            "channel": battery.port.channel,
            "charge_policy": str(config.charge_loss_policy),
            "discharge_policy": str(config.discharge_loss_policy),
            "grace": f"{config.discharge_grace:g}",
        }
        yield f"battery_{battery.id}", Issue(key, placeholders)


def _unsteady(now: Situation, _: Raised) -> Iterator[tuple[str, Issue]]:
    for battery in now.config.batteries:
        if battery.id in now.unsteady:
            placeholders = {"name": battery.name, "losses": str(LOSSES_PER_HOUR)}
            yield f"losses_{battery.id}", _warning("battery_losses", placeholders)


def _currents(now: Situation, _: Raised) -> Iterator[tuple[str, Issue]]:
    """Find currents that are not what they should be."""
    capacity = sum(battery.capacity_ah for battery in now.config.batteries)
    for battery, state in now.batteries:
        name = {"name": battery.name}
        if state.carries_out_of_service:
            yield f"carries_{battery.id}", Issue("out_of_service_current", name)
        if state.wrong_sign:
            yield f"wrong_sign_{battery.id}", Issue("wrong_sign", name)
        elif state.odd_slice and state.slice is not None:
            placeholders = name | {
                "slice": f"{state.slice:.0%}",
                "share": f"{battery.capacity_ah / capacity:.0%}",
            }
            yield f"odd_slice_{battery.id}", _warning("odd_slice", placeholders)


def _requests(now: Situation, _: Raised) -> Iterator[tuple[str, Issue]]:
    """Find batteries that ask for charge in vain, and who holds charging at 0."""
    held = ", ".join(sorted(_holders(now)))
    for battery in now.config.batteries:
        if battery.id in now.asking:
            key = "force_charge_held" if held else "force_charge"
            placeholders = {
                "name": battery.name,
                "minutes": f"{REQUEST_STANDS / 60:g}",
                **({"held": held} if held else {}),
            }
            yield f"force_charge_{battery.id}", _warning(key, placeholders)


def _holders(now: Situation) -> Iterator[str]:
    """Yield the devices whose charging is held at 0 A, each with who asked for it."""
    for device_id in (None, *now.setpoints.inverters):
        if now.setpoints.of(device_id).current(Direction.CHARGE) == 0:
            for name in ("charging_allowed", "charge_current"):
                if not getattr(now.setpoints.of(device_id), name):
                    by = now.changes.get((device_id, name))
                    yield _named(now, device_id, by.by if by else None)
                    break
    for lease in now.setpoints.leases:
        zero = lease.amps == 0 or lease.watts == 0
        if zero and lease.direction is Direction.CHARGE and lease.live(now.snapshot.at):
            yield _named(now, lease.device_id, lease.owner)


def _named(now: Situation, device_id: str | None, by: str | None) -> str:
    name = now.device_name(device_id)
    return f"{name} ({by})" if by else name


def _forgotten(now: Situation, _: Raised) -> Iterator[tuple[str, Issue]]:
    """Find setpoints that have stopped a direction for long."""
    for (device_id, name), change in now.changes.items():
        value = getattr(now.setpoints.of(device_id), name)
        stops = value is False or (value == 0 and name != "charge_voltage")
        if value is None or not stops or now.today < change.at + FORGOTTEN_AFTER:
            continue
        charge = name in {"charge_current", "charging_allowed"}
        yield (
            f"forgotten_{device_id or now.entry_id}_{name}",
            _warning(
                "charging_forgotten" if charge else "discharging_forgotten",
                {"name": now.device_name(device_id), "by": change.by},
            ),
        )


def _gone(now: Situation, _: Raised) -> Iterator[tuple[str, Issue]]:
    """Find inverters that used to ask and do so no more."""
    for inverter in now.config.inverters:
        state = now.snapshot.inverters.get(inverter.id)
        if (
            state is not None
            and inverter.id not in now.setpoints.out_of_service
            and state.last_request_at is not None
            and now.snapshot.at >= state.last_request_at + SILENT_AFTER
        ):
            yield (
                f"inverter_gone_{inverter.id}",
                _warning(
                    "inverter_gone",
                    {"name": inverter.name, "minutes": f"{SILENT_AFTER / 60:g}"},
                    fixable=True,
                    device_id=inverter.id,
                ),
            )


def _sum(now: Situation, raised: Raised) -> Iterator[tuple[str, Issue]]:
    """Find that the plain sum goes too far; it stands while that strategy does."""
    if now.config.strategy is not Strategy.SUM or len(now.config.batteries) < 2:
        return
    key = f"sum_{now.entry_id}"
    both = compare(now.snapshot.batteries.values())
    if any(each.sum > PACKS_DIFFER * each.share for each in both.values()):
        yield (
            key,
            _warning(
                "sum_overloads",
                {"name": now.name}
                | {f"{d}_sum": f"{each.sum:.0f}" for d, each in both.items()}
                | {f"{d}_share": f"{each.share:.0f}" for d, each in both.items()},
            ),
        )
    elif key in raised:
        # Packs do not become equal because they allow the same for a moment
        yield key, raised[key]


FINDERS: Final[tuple[Finder, ...]] = (
    _unreadable,
    _ports,
    _batteries,
    _unsteady,
    _currents,
    _requests,
    _forgotten,
    _gone,
    _sum,
)


def _warning(
    key: str,
    placeholders: Mapping[str, str],
    *,
    fixable: bool = False,
    device_id: str | None = None,
) -> Issue:
    return Issue(key, placeholders, IssueSeverity.WARNING, fixable, device_id)


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
