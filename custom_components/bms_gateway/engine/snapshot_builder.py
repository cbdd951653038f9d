"""The snapshot of a gateway: limits, batteries, inverters and ports, as known now."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from .devices import Devices
from .inverter.compliance.monitor import ComplianceMonitor
from .inverter.inverter import Inverter
from .inverter.targets import InverterTarget
from .limits.bank_limits import BankLimits
from .model import Direction, Limit, Snapshot
from .rounding import round_down
from .tolerances import TOLERANCE


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
