"""The target of each inverter: its part of the bank limits, allocated once for all."""

from collections.abc import Mapping
from dataclasses import replace

from .allocation_requests import allocation_requests
from .config import GatewayConfig
from .devices import Devices
from .inverter.allocation import Allocation
from .inverter.compliance.monitor import ComplianceMonitor
from .inverter.compliance.soc_stop import SocStop
from .inverter.targets import InverterTarget, target_for
from .limits.bank_limits import BankLimits
from .scheduling import RECALCULATION_INTERVAL
from .setpoints import AllSetpoints


class Targets:
    """What each inverter is to be sent, and how the limits are divided between them."""

    def __init__(
        self, config: GatewayConfig, devices: Devices, compliance: ComplianceMonitor
    ) -> None:
        """Create it without targets; `devices` and `compliance`: of the gateway."""
        self._config = config
        self._devices = devices
        self._compliance = compliance
        self._soc_stop = SocStop()
        self._targets: dict[str, InverterTarget | None] = {}
        self._allocation: Allocation | None = None
        """The present allocation; None: it has to be calculated anew."""
        self._allocated_at = 0.0

    @property
    def current(self) -> Mapping[str, InverterTarget | None]:
        """The last target of each inverter, by its id; None: nothing is sent."""
        return self._targets

    def apply(self, config: GatewayConfig) -> None:
        """Apply a changed configuration."""
        self._config = config
        self._soc_stop.keep_only(self._devices.inverters)
        self.invalidate()

    def invalidate(self) -> None:
        """Calculate the allocation anew: a limit, a setpoint or an inverter changed."""
        self._allocation = None

    def clear(self, key: str) -> None:
        """Set that nothing is sent to an inverter."""
        self._targets[key] = None

    def update(
        self,
        key: str,
        bank_limits: BankLimits,
        setpoints: AllSetpoints,
        now: float,
    ) -> InverterTarget | None:
        """Set and return an inverter's target; None: send nothing."""
        target = self._targets[key] = self._target(key, bank_limits, setpoints, now)
        return target

    def _target(
        self,
        key: str,
        bank_limits: BankLimits,
        setpoints: AllSetpoints,
        now: float,
    ) -> InverterTarget | None:
        if not bank_limits.may_be_sent or bank_limits.limits is None:
            return None
        found = target_for(
            self._config,
            [inverter.id for inverter in self._config.inverters].index(key),
            bank_limits,
            self._allocate(bank_limits, setpoints, now),
        )
        if found is None:
            return None
        telegram = self._soc_stop.apply(
            self._devices.inverters[key].config,
            found.telegram,
            self._compliance.found(key),
            now,
        )
        return replace(found, telegram=telegram)

    def _allocate(
        self, bank_limits: BankLimits, setpoints: AllSetpoints, now: float
    ) -> Allocation:
        """Return the allocation of the limits, calculated once for all inverters.

        It is kept for RECALCULATION_INTERVAL, or until a limit, a setpoint or an
        inverter changes. The passage of time alone only leaves more room.
        """
        kept_until = self._allocated_at + RECALCULATION_INTERVAL
        if self._allocation is None or now > kept_until:
            requests = allocation_requests(
                self._config, self._devices, setpoints, bank_limits, now
            )
            self._allocation = Allocation.of(bank_limits.limits or {}, requests)
            self._allocated_at = now
        return self._allocation
