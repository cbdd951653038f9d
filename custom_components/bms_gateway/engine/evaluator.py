"""Evaluates the bank when it is due: frames arrived, something expires, a limit changed."""

from .bank import Bank
from .devices import Devices
from .inverter.compliance.monitor import ComplianceMonitor, measured
from .limits.bank_limits import BankLimits
from .model import Direction, Status
from .scheduling import Priority, Schedule
from .setpoints import AllSetpoints
from .topology.shared_bus import LIKELY, BusTopology


class Evaluator:
    """The bank, its present limits, and when to calculate them again."""

    def __init__(self, bank: Bank, devices: Devices, topology: BusTopology) -> None:
        """Begin without limits; `devices` and `topology`: of the gateway."""
        self.bank = bank
        self.limits = BankLimits(status=Status.STARTING, batteries={})
        """The outcome of the last evaluation."""
        self.compliance = ComplianceMonitor()
        """Whether the inverters keep the limits that they were sent."""
        self._devices = devices
        self._topology = topology
        self._schedule = Schedule()

    def schedule(self, priority: Priority) -> bool:
        """Schedule an evaluation; return whether it is due earlier than before."""
        return self._schedule.add(priority)

    def deadline(self, now: float) -> float | None:
        """Return when to evaluate again if nothing is received; None: never."""
        times = (
            self._schedule.due_at,
            self.bank.deadline,
            self.compliance.due_at(lambda: self._devices.sent_amps(now)),
        )
        return min((at for at in times if at is not None), default=None)

    def is_due(self, now: float) -> bool:
        """Return whether the deadline has passed."""
        return (due := self.deadline(now)) is not None and now >= due

    def evaluate(
        self, now: float, setpoints: AllSetpoints, received_until: float
    ) -> None:
        """Calculate the limits, and compare the inverters' currents with theirs.

        `received_until`: the time up to which every frame has been read.
        """
        self._schedule.done(now)
        ids = self.bank.ids
        self.bank.set_duplicates(
            self._topology.duplicates(ids, LIKELY), sure=self._topology.duplicates(ids)
        )
        self.limits = self.bank.evaluate(
            now,
            setpoints,
            self._devices.sent_amps(now),
            self.compliance.beyond,
            received_until=received_until,
        )
        for inverter in self._devices.inverters.values():
            inverter.bridge(self.limits.status, now, bridges=self.limits.bridges)
        gone = self._devices.departed(now)
        self.compliance.update(
            now,
            measured(self.limits.batteries.values()),
            [inverter.load for inverter in self._devices.inverters.values()],
            {d: sum(inverter.sent_amps(d) for inverter in gone) for d in Direction},
        )
