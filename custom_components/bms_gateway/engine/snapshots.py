"""Snapshots of a gateway: what is known now, built once per change, for listeners."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial

from .devices import Devices
from .evaluator import Evaluator
from .inverter.compliance.monitor import ComplianceMonitor
from .inverter.inverter import Inverter
from .inverter.targets import InverterTarget
from .limits.bank_limits import BankLimits
from .model import Direction, Limit, Snapshot
from .rounding import round_down
from .scheduling import RECALCULATION_INTERVAL
from .target_calculation import Targets
from .tolerances import TOLERANCE
from .topology.shared_bus import BusTopology

type Listener = Callable[[Snapshot], None]


class Snapshots:
    """The present snapshot, and the listeners that get it at each change."""

    def __init__(
        self,
        evaluator: Evaluator,
        devices: Devices,
        targets: Targets,
        topology: BusTopology,
    ) -> None:
        """Begin with a change to report; the arguments are those of the gateway."""
        self._evaluator = evaluator
        self._devices = devices
        self._targets = targets
        self._topology = topology
        self._listeners: list[Listener] = []
        self._built: Snapshot | None = None
        """The last snapshot; None: something has changed since."""
        self._changed = True
        """Whether a change has not been reported to the listeners yet."""

    def at(self, now: float) -> Snapshot:
        """Return everything that is known at `now`; built once per change."""
        built = self._built
        if built is None or not built.at <= now <= built.at + RECALCULATION_INTERVAL:
            built = self._built = build_snapshot(
                now,
                self._evaluator.limits,
                self._devices,
                self._targets.current,
                self._topology.shared(
                    self._devices.inverters, self._evaluator.bank.ids
                ),
                self._evaluator.compliance,
            )
        return built

    def invalidate(self) -> None:
        """Build the next snapshot anew: something has been received or sent."""
        self._built = None

    def mark_changed(self) -> None:
        """Remember that the listeners have a change to get."""
        self._changed = True

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` at each change; return how to unsubscribe."""
        self._listeners.append(listener)
        return partial(self._listeners.remove, listener)

    def notify(self, now: float) -> None:
        """Call the listeners if something has changed since the last call."""
        if self._changed and self._listeners:
            self._changed = False
            snapshot = self.at(now)
            for listener in tuple(self._listeners):
                listener(snapshot)


def build_snapshot(
    now: float,
    bank_limits: BankLimits,
    devices: Devices,
    targets: Mapping[str, InverterTarget | None],
    shared_buses: Iterable[tuple[str, str]],
    compliance: ComplianceMonitor,
) -> Snapshot:
    """Return everything that is known at `now`.

    `targets`: of each inverter, by its id. `shared_buses`: pairs of an inverter and a
    battery on one bus, by their ids.
    """
    limits = bank_limits.limits or {}
    volts = bank_limits.charge_voltage_limit
    shared = dict(shared_buses)
    return Snapshot(
        at=now,
        status=bank_limits.status,
        bank=bank_limits.bank,
        charge=limits.get(Direction.CHARGE),
        discharge=limits.get(Direction.DISCHARGE),
        charge_voltage_limit=None if volts is None else round_down(volts),
        discharge_voltage_limit=bank_limits.discharge_voltage_limit,
        batteries=bank_limits.batteries,
        inverters={
            key: replace(
                inverter.state(
                    now, target.limits if (target := targets.get(key)) else {}
                ),
                shares_bus_with=shared.get(key),
                disobeys=compliance.found(key),
            )
            for key, inverter in devices.inverters.items()
        },
        ports={
            key: port_service.port.state
            for key, port_service in devices.port_services.items()
        },
        excess=_excess(devices.out_of_reach(now), limits),
    )


def _excess(
    unreachable: Iterable[Inverter], limits: Mapping[Direction, Limit]
) -> dict[Direction, float]:
    """Return by how many A these inverters may exceed the bank's limits."""
    held = list(unreachable)
    excesses = {
        direction: sum(each.sent_amps(direction) for each in held) - limit.amps
        for direction, limit in limits.items()
    }
    return {d: amps for d, amps in excesses.items() if amps > TOLERANCE}
