"""Setpoints of the bank and of inverters, and the lowest limit that they request."""

from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass, field, replace
from enum import StrEnum
from math import inf
from typing import Final

from .model import Direction, Rule
from .temporary_limits import MOST_OWNERS, TemporaryLimit, bounded


class SetpointKey(StrEnum):
    """The setpoints of a current, by their fields."""

    CHARGE_CURRENT = "charge_current"
    DISCHARGE_CURRENT = "discharge_current"
    CHARGING_ALLOWED = "charging_allowed"
    DISCHARGING_ALLOWED = "discharging_allowed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setpoints:
    """The setpoints of the bank or of one inverter, until they are changed.

    None is "no limit". Currents in A, at least 0; `charge_voltage` (bank only) in V.
    """

    charge_current: float | None = None
    discharge_current: float | None = None
    charge_voltage: float | None = None
    charging_allowed: bool = True
    discharging_allowed: bool = True

    def requested(self, direction: Direction) -> RequestedLimit | None:
        """Return the limit requested in a direction, and the setpoint behind it."""
        charge = direction is Direction.CHARGE
        if not (self.charging_allowed if charge else self.discharging_allowed):
            switch = (
                SetpointKey.CHARGING_ALLOWED
                if charge
                else SetpointKey.DISCHARGING_ALLOWED
            )
            return RequestedLimit(0.0, Rule.SETPOINT, switch)
        amps = self.charge_current if charge else self.discharge_current
        number = SetpointKey.CHARGE_CURRENT if charge else SetpointKey.DISCHARGE_CURRENT
        return None if amps is None else RequestedLimit(amps, Rule.SETPOINT, number)

    def current(self, direction: Direction) -> float | None:
        """Return the limit requested in a direction in A; None: no limit."""
        requested = self.requested(direction)
        return None if requested is None else requested.amps

    def exceed(self, others: Setpoints) -> bool:
        """Return whether any setpoint allows more than its counterpart in `others`."""
        return any(
            (inf if own is None else own) > (inf if other is None else other)
            for own, other in zip(astuple(self), astuple(others), strict=True)
        )


NO_SETPOINTS: Final = Setpoints()


@dataclass(frozen=True, slots=True)
class RequestedLimit:
    """The lowest current requested in a direction, and the setpoint or owner behind it."""

    amps: float
    rule: Rule
    owner: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AllSetpoints:
    """All setpoints of a gateway: of the bank and, by inverter id, of inverters.

    It holds at most MOST_OWNERS temporary limits per device and direction, whatever it
    is given.
    """

    bank: Setpoints = NO_SETPOINTS
    inverters: Mapping[str, Setpoints] = field(default_factory=dict)
    temporary_limits: tuple[TemporaryLimit, ...] = ()
    out_of_service: frozenset[str] = frozenset()
    """Ids of batteries and inverters that the user has taken out of service."""

    def __post_init__(self) -> None:
        """Enforce the bound, also on the content of a store."""
        object.__setattr__(self, "temporary_limits", bounded(self.temporary_limits))

    def of(self, device_id: str | None) -> Setpoints:
        """Return the setpoints of an inverter or (None) the bank."""
        if device_id is None:
            return self.bank
        return self.inverters.get(device_id, NO_SETPOINTS)

    def requested(
        self,
        device_id: str | None,
        direction: Direction,
        now: float,
        volts: float | None,
    ) -> RequestedLimit | None:
        """Return the lowest of setpoint and active temporary limits, None without any.

        `volts`: converts watts to amperes, the bank's voltage or the charge voltage
        limit, never less than the bank's: the resulting current is never too high.
        """
        base = self.of(device_id).requested(direction)
        requests = [] if base is None else [base]
        requests += [
            RequestedLimit(
                temporary_limit.current(volts),
                Rule.TEMPORARY_LIMIT,
                temporary_limit.owner,
            )
            for temporary_limit in self.temporary_limits
            if temporary_limit.device_id == device_id
            and temporary_limit.direction is direction
            and temporary_limit.is_active(now)
        ]
        return min(requests, key=lambda requested: requested.amps, default=None)

    def exceed(self, others: AllSetpoints) -> bool:
        """Return whether a setpoint of any device allows more than in the others."""
        devices = (None, *self.inverters, *others.inverters)
        return any(self.of(each).exceed(others.of(each)) for each in devices)

    def with_setpoints(
        self, device_id: str | None, setpoints: Setpoints
    ) -> AllSetpoints:
        """Return this with other setpoints of an inverter or (None) the bank."""
        if device_id is None:
            return replace(self, bank=setpoints)
        return replace(self, inverters={**self.inverters, device_id: setpoints})

    def with_temporary_limit(self, temporary_limit: TemporaryLimit) -> AllSetpoints:
        """Return this with a temporary limit, replacing the one with the same key.

        One too many is merged with others (see `bounded`); check `has_room_for` first.
        """
        others = tuple(
            each for each in self.temporary_limits if each.key != temporary_limit.key
        )
        return replace(self, temporary_limits=(*others, temporary_limit))

    def has_room_for(self, temporary_limit: TemporaryLimit) -> bool:
        """Return whether a temporary limit can be added without merging."""
        others = [e for e in self.temporary_limits if e.place == temporary_limit.place]
        return len(others) < MOST_OWNERS or temporary_limit.key in {
            e.key for e in others
        }

    def without_ended(self, now: float) -> AllSetpoints:
        """Return this without the temporary limits that have ended by `now`."""
        return replace(
            self,
            temporary_limits=tuple(
                e for e in self.temporary_limits if e.is_active(now)
            ),
        )

    def counted_from(self, seconds: float) -> AllSetpoints:
        """Return this with every end moved by `seconds`.

        With the present time: temporary limits that count from 0 continue by this
        clock; with its negative: the remaining seconds of each.
        """
        return replace(
            self,
            temporary_limits=tuple(
                temporary_limit
                if temporary_limit.until is None
                else replace(temporary_limit, until=temporary_limit.until + seconds)
                for temporary_limit in self.temporary_limits
            ),
        )

    def wake_times(self, _now: float) -> Iterator[float]:
        """Yield when temporary limits end."""
        for temporary_limit in self.temporary_limits:
            if temporary_limit.until is not None:
                yield temporary_limit.until
