"""Checks of the bank limits after each step of an installation."""

from itertools import chain
from math import inf
from typing import Final

from custom_components.bms_gateway.engine.config import LossPolicy, Strategy
from custom_components.bms_gateway.engine.model import (
    Direction,
    PortStatus,
    Rule,
    Status,
)

from .bounds import (
    CARRIES,
    FULL,
    HABITUAL_GAPS,
    HALVED,
    SHORT,
    SLACK,
    allowed,
    counted_limit,
    permits,
)
from .records import LIMITS, lowest_setpoint
from .tracker import Tracker

_SENDS: Final = frozenset({Status.RUNNING, Status.REDUCED, Status.BLOCKED})
_FROM: Final = {
    "charge_current_limit": 0x351,
    "discharge_current_limit": 0x351,
    "charge_voltage_limit": 0x351,
    "soc": 0x355,
    "voltage": 0x356,
    "current": 0x356,
    "protections": 0x359,
    "charge_enabled": 0x35C,
    "discharge_enabled": 0x35C,
}
"""The frames that a battery's readings come from."""


def _holds(name: str, value: object) -> float | None:
    """Return for how many seconds at most a value holds while limits are fresh."""
    if name == "soc":
        return 60.0
    return 600.0 if value is False or (name == "protections" and value) else None


class BankChecks(Tracker):
    """Checks the bank after each step."""

    def watch(self, *, settled: bool = False) -> None:
        """Check what is visible from outside; `settled`: nothing due remains."""
        now, snapshot = self.plant.now, self.plant.snapshot
        self._snapshot = snapshot
        for each in chain(self.records.values(), self.removed):
            each.settle(now)
        self._note(now)
        self._check_timeouts(now)
        self._check_shares()
        for direction in Direction:
            self._check_bank(direction, now)
            if settled and snapshot.status in _SENDS:
                self._check_fall(direction, now)
        self._snapshot = None

    def _check_timeouts(self, now: float) -> None:
        """No value counts after its time-out, nor a current of two dialects."""
        for key, battery in self.snapshot.batteries.items():
            received, readings = self.received[key], battery.readings
            for name, can_id in _FROM.items():
                if getattr(readings, name) is not None:
                    end = received.times_out_at(can_id)
                    if (holds := _holds(name, getattr(readings, name))) is not None:
                        end = max(
                            end,
                            min(
                                received.at(can_id) + holds,
                                received.times_out_at(LIMITS),
                            ),
                        )
                    assert now < end, f"{key}: {name} is stale"
            assert not received.mixes(now) or readings.current is None, (
                "current in spite of two dialects"
            )

    def _check_shares(self) -> None:
        """The shares add up to 1; none is far below the capacity's part."""
        counted = [
            battery for battery in self._counted() if battery.current_share is not None
        ]
        whole = sum(battery.capacity_ah for battery in counted)
        shares = {battery.id: battery.current_share or 0.0 for battery in counted}
        assert not counted or sum(shares.values()) >= 1.0 - SLACK
        for battery in counted:
            assert shares[battery.id] >= 0.5 * battery.capacity_ah / whole - SLACK

    def _check_bank(self, direction: Direction, now: float) -> None:
        """Check the bank's limit against each battery's limit and current."""
        self._counts[direction].forget({battery.id for battery in self._online()})
        snapshot, config, ramping = (
            self.snapshot,
            self.plant.config,
            self._ramps[direction],
        )
        if snapshot.status is Status.STARTING:
            # Nothing counts yet.
            return
        counts = self._counts[direction].update(self._counted(), now)
        limit = snapshot.charge if direction is Direction.CHARGE else snapshot.discharge
        current = (
            -(snapshot.bank.current or 0.0) if direction is Direction.DISCHARGE else 0.0
        )
        rated = self._total(direction)
        if limit is None:
            ramping.forget()
            return
        most = min(rated, self._at_most(direction, counts, now))
        setpoint = lowest_setpoint(
            self.setpoints, None, direction, now, snapshot.bank.voltage
        )
        most = most if setpoint is None else min(most, setpoint)
        assert 0.0 <= limit.amps <= most + SLACK, (
            f"{limit} is above {most} A of {counts}"
        )
        if not self._online() and self._may_bridge(now):
            # A battery that is back by then resumes where it was
            return
        if direction is Direction.CHARGE and self._awaits():
            self._check_awaited(limit.amps, now)
            ramping.wait(most, now)
            return
        stops = direction is Direction.CHARGE and not limit.amps
        if stops and limit.rule is Rule.LOSS and self._may_return(now):
            ramping.wait(rated, now)
            return
        bound = ramping.at_most(limit.amps, most, now, rated=rated, flowing=current)
        assert limit.amps <= bound + SLACK, "risen too early or too fast"
        if config.strategy is Strategy.SHARE:
            self._check_shares_of_the_limit(direction, limit.amps, counts)

    def _at_most(
        self, direction: Direction, counts: dict[str, float], now: float
    ) -> float:
        """Return the most that the batteries allow together, in A."""
        online, counted, config = self._online(), self._counted(), self.plant.config
        charge = direction is Direction.CHARGE
        policy = config.charge_loss_policy if charge else config.discharge_loss_policy
        lost = self._lost(now) if charge else self._grace_period_over(now)
        if charge and self._awaits():
            lost = []
        if not online and not charge and self._may_bridge(now):
            return self._last_discharge
        if not online or (lost and policy is LossPolicy.BLOCK):
            return 0.0
        highest = [b.last.charge_voltage_limit or inf for b in counted]
        if (
            charge
            and (self.snapshot.charge_voltage_limit or 0.0) > min(highest) + SLACK
        ):
            return 0.0
        reported = [counted_limit(b, direction) for b in counted]
        if not any(reported):
            return 0.0
        if config.strategy is Strategy.SUM:
            permitted = all(permits(battery.readings, direction) for battery in online)
            return sum(reported) if permitted else 0.0
        return sum(counts.values())

    def _may_return(self, now: float) -> bool:
        """Return whether charging may resume where it was once all are back."""
        config = self.plant.config
        if config.charge_loss_policy is not LossPolicy.BLOCK:
            return False
        seconds = min(SHORT, config.bridge)
        away = [battery for battery in self._counted() if not battery.online]
        return bool(away and self._online()) and all(
            now < self._away_since[battery.id] + seconds
            and self.received[battery.id].silences(now) >= HABITUAL_GAPS
            for battery in away
        )

    def _check_awaited(self, amps: float, now: float) -> None:
        """The limit is half of the last one for a short time, for habitual gaps."""
        config = self.plant.config
        assert config.charge_loss_policy is LossPolicy.BLOCK, (
            "awaited although a loss does not block"
        )
        assert amps <= self._charged / 2 + SLACK, f"{amps} A after {self._charged} A"
        away = [battery for battery in self._counted() if not battery.online]
        assert away and self._online(), "no battery is awaited"
        for battery in away:
            reported, since = battery.last, self._away_since[battery.id]
            assert now < since + min(HALVED, config.bridge), "awaited for too long"
            assert self.received[battery.id].silences(now) >= HABITUAL_GAPS, (
                "gaps are not habitual"
            )
            assert permits(reported, Direction.CHARGE), (
                "awaited although it forbids charging"
            )
            assert reported.charge_current_limit, "awaited although it allows 0 A"
            assert reported.soc is not None and reported.soc < FULL, (
                "awaited although full"
            )

    def _may_bridge(self, now: float) -> bool:
        """Return whether discharging may continue although no battery is received."""
        known = self._were_online & self.received.keys()
        last = max((self.received[key].at(LIMITS) for key in known), default=0.0)
        return self.plant.config.discharge_grace > 0 and now < last + 10.0

    def _check_shares_of_the_limit(
        self, direction: Direction, amps: float, counts: dict[str, float]
    ) -> None:
        """No battery's share of the limit exceeds what it allows."""
        sign, online = direction.sign, self._online()
        for battery in self._counted():
            if direction in battery.excluded:
                # Its path may be open both ways although it forbids only one of them.
                forbids = any(not counted_limit(battery, each) for each in Direction)
                carried = sign * (battery.readings.current or 0.0)
                assert forbids and carried <= CARRIES, "wrongly excluded"
        if not any(battery.excluded for battery in self._counted()):
            for battery in self._counted():
                if battery.current_share is None:
                    continue
                unknown = self._counts[direction].unknown(battery, self.plant.now)
                part = (
                    min(1.0, 1.5 * battery.current_share)
                    if unknown
                    else battery.current_share
                )
                room = counts[battery.id] - sign * self._circulating_current(
                    direction, battery.id
                )
                assert amps <= max(0.0, room / part) + SLACK, "overloaded"
        times = {battery.current_at for battery in online}
        currents = {b.id: b.readings.current for b in online}
        if len(times) == 1 and None not in currents.values():
            flowing = sum(sign * (amps or 0.0) for amps in currents.values())
            for battery in online:
                over = sign * (battery.readings.current or 0.0) - counts[battery.id]
                if over > 0 and flowing > 0 and direction not in battery.excluded:
                    assert amps <= max(0.0, flowing - over) + SLACK, (
                        "remains overloaded"
                    )

    def _check_fall(self, direction: Direction, now: float) -> None:
        """Lower limits reach all reachable inverters, also for the others' excess."""
        left = self._bank(direction)
        sent = 0.0
        for record in self.removed:
            left -= record.amps(direction, now)
        for key, record in self.records.items():
            state, amps = self.snapshot.inverters[key], record.amps(direction, now)
            if record.reachable(now) and state.listening:
                sent += amps
            elif (
                state.listening is False
                or record.port.state.status is not PortStatus.OPEN
            ):
                left -= amps
            else:
                return
        assert sent <= max(0.0, left) + SLACK, (
            f"{sent} A remain sent, {left} A are available"
        )

    def full(self, direction: Direction) -> tuple[float, float]:
        """Return the bank's limit, and the one without losses, in A."""
        sign, counted = direction.sign, self._counted()
        reported = {b.id: allowed(b.readings, direction) for b in counted}
        rooms = [
            (reported[b.id] - sign * self._circulating_current(direction, b.id))
            / max(b.current_share or 1.0, SLACK)
            for b in counted
        ]
        most = min(sum(reported.values()), *rooms)
        if any(b.wrong_sign for b in counted):
            most = min(reported.values())
        if self.plant.config.strategy is Strategy.SUM:
            most = sum(reported.values())
        return self._bank(direction), min(most, self._total(direction))

    def rated(self, direction: Direction) -> float:
        """Return what the inverters can take together, in A."""
        inverters = self.plant.config.inverters
        if direction is Direction.CHARGE:
            return sum(inverter.rated_charge for inverter in inverters)
        return sum(inverter.rated_discharge for inverter in inverters)

    def _total(self, direction: Direction) -> float:
        """Return the highest limit of the bank, in A."""
        config = self.plant.config
        charge = direction is Direction.CHARGE
        total = config.total_charge if charge else config.total_discharge
        return self.rated(direction) if total is None else total
