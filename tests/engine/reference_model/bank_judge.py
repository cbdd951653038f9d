"""What has to hold of the bank at each moment, when all that is due is done."""

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

from .ledger import (
    CARRIES,
    FULL,
    HABITUAL_GAPS,
    HALVED,
    SHORT,
    SLACK,
    allowed,
    permits,
    reckoned,
)
from .observer import Observer
from .witness import LIMITS, asked

"""Seconds of 0 A once no battery is online."""
_SPEAKS: Final = frozenset({Status.RUNNING, Status.REDUCED, Status.BLOCKED})
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
    """Return for how many seconds a value holds at the most while limits are fresh."""
    if name == "soc":
        return 60.0
    return 600.0 if value is False or (name == "protections" and value) else None


class BankJudge(Observer):
    """Judges each moment."""

    def watch(self, *, settled: bool = False) -> None:
        """Judge what is seen from outside; `settled`: nothing is left to be done."""
        now, snapshot = self.plant.now, self.plant.snapshot
        self._snapshot = snapshot
        for each in chain(self.held.values(), self.departed):
            each.settle(now)
        self._note(now)
        self._judge_freshness(now)
        self._judge_slices()
        for direction in Direction:
            self._judge_bank(direction, now)
            if settled and snapshot.status in _SPEAKS:
                self._judge_fall(direction, now)
        self._snapshot = None

    def _judge_freshness(self, now: float) -> None:
        """Nothing counts that was not heard in time, nor a current of two dialects."""
        for key, battery in self.snapshot.batteries.items():
            heard, readings = self.heard[key], battery.readings
            for name, can_id in _FROM.items():
                if getattr(readings, name) is not None:
                    end = heard.stale_at(can_id)
                    if (holds := _holds(name, getattr(readings, name))) is not None:
                        end = max(
                            end, min(heard.at(can_id) + holds, heard.stale_at(LIMITS))
                        )
                    assert now < end, f"{key}: {name} is stale"
            assert not heard.mixes(now) or readings.current is None, "of which dialect?"

    def _judge_slices(self) -> None:
        """They add up to the whole; none is far below its capacity's part."""
        counted = [
            battery for battery in self._counted() if battery.current_share is not None
        ]
        whole = sum(battery.capacity_ah for battery in counted)
        shares = {battery.id: battery.current_share or 0.0 for battery in counted}
        assert not counted or sum(shares.values()) >= 1.0 - SLACK
        for battery in counted:
            assert shares[battery.id] >= 0.5 * battery.capacity_ah / whole - SLACK

    def _judge_bank(self, direction: Direction, now: float) -> None:
        """Hold the bank's limit against what each battery says and carries."""
        self._counts[direction].forget({battery.id for battery in self._online()})
        snapshot, config, ramping = (
            self.snapshot,
            self.plant.config,
            self._rising[direction],
        )
        if snapshot.status is Status.STARTING:
            # Nothing is reckoned yet.
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
        ask = asked(self.asks, None, direction, now, snapshot.bank.voltage)
        most = most if ask is None else min(most, ask)
        assert 0.0 <= limit.amps <= most + SLACK, (
            f"{limit} is above {most} A of {counts}"
        )
        if not self._online() and self._may_bridge(now):
            # Whoever is back by then goes on where it was.
            return
        if direction is Direction.CHARGE and self._awaits():
            self._judge_awaited(limit.amps, now)
            ramping.wait(most, now)
            return
        stops = direction is Direction.CHARGE and not limit.amps
        if stops and limit.rule is Rule.LOSS and self._may_return(now):
            ramping.wait(rated, now)
            return
        bound = ramping.at_most(limit.amps, most, now, rated=rated, flowing=current)
        assert limit.amps <= bound + SLACK, "risen too early or too fast"
        if config.strategy is Strategy.SHARE:
            self._judge_parts(direction, limit.amps, counts)

    def _at_most(
        self, direction: Direction, counts: dict[str, float], now: float
    ) -> float:
        """Return what the batteries allow together at the most, in A."""
        online, counted, config = self._online(), self._counted(), self.plant.config
        charge = direction is Direction.CHARGE
        policy = config.charge_loss_policy if charge else config.discharge_loss_policy
        lost = self._lost(now) if charge else self._grace_is_over(now)
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
        said = [reckoned(b, direction) for b in counted]
        if not any(said):
            return 0.0
        if config.strategy is Strategy.SUM:
            permitted = all(permits(battery.readings, direction) for battery in online)
            return sum(said) if permitted else 0.0
        return sum(counts.values())

    def _may_return(self, now: float) -> bool:
        """Return whether charging may go on where it was once all lost ones are back."""
        config = self.plant.config
        if config.charge_loss_policy is not LossPolicy.BLOCK:
            return False
        seconds = min(SHORT, config.bridge)
        away = [battery for battery in self._counted() if not battery.online]
        return bool(away and self._online()) and all(
            now < self._away_since[battery.id] + seconds
            and self.heard[battery.id].silences(now) >= HABITUAL_GAPS
            for battery in away
        )

    def _judge_awaited(self, amps: float, now: float) -> None:
        """Half of what was told last, for a moment, where each one's gaps are a habit."""
        config = self.plant.config
        assert config.charge_loss_policy is LossPolicy.BLOCK, "awaited in vain"
        assert amps <= self._charged / 2 + SLACK, f"{amps} A after {self._charged} A"
        away = [battery for battery in self._counted() if not battery.online]
        assert away and self._online(), "nobody is awaited"
        for battery in away:
            said, since = battery.last, self._away_since[battery.id]
            assert now < since + min(HALVED, config.bridge), "awaited for too long"
            assert self.heard[battery.id].silences(now) >= HABITUAL_GAPS, "no habit"
            assert permits(said, Direction.CHARGE), "awaited though it forbids"
            assert said.charge_current_limit, "awaited though it allows nothing"
            assert said.soc is not None and said.soc < FULL, "awaited though full"

    def _may_bridge(self, now: float) -> bool:
        """Return whether discharging may go on though nobody is heard."""
        known = self._were_online & self.heard.keys()
        last = max((self.heard[key].at(LIMITS) for key in known), default=0.0)
        return self.plant.config.discharge_grace > 0 and now < last + 10.0

    def _judge_parts(
        self, direction: Direction, amps: float, counts: dict[str, float]
    ) -> None:
        """No battery is asked for more than it allows, by the part that it carries."""
        sign, online = direction.sign, self._online()
        for battery in self._counted():
            if direction in battery.excluded:
                # Its path may be open both ways though it forbids but one of them.
                forbids = any(not reckoned(battery, each) for each in Direction)
                carried = sign * (battery.readings.current or 0.0)
                assert forbids and carried <= CARRIES, "not aside"
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
                room = counts[battery.id] - sign * self._offset(direction, battery.id)
                assert amps <= max(0.0, room / part) + SLACK, "overloaded"
        moments = {battery.current_at for battery in online}
        currents = {b.id: b.readings.current for b in online}
        if len(moments) == 1 and None not in currents.values():
            flowing = sum(sign * (amps or 0.0) for amps in currents.values())
            for battery in online:
                over = sign * (battery.readings.current or 0.0) - counts[battery.id]
                if over > 0 and flowing > 0 and direction not in battery.excluded:
                    assert amps <= max(0.0, flowing - over) + SLACK, (
                        "goes on overloaded"
                    )

    def _judge_fall(self, direction: Direction, now: float) -> None:
        """All that can be told is told: the others' excess, if any, is made up for."""
        left = self._bank(direction)
        told = 0.0
        for held in self.departed:
            left -= held.amps(direction, now)
        for key, held in self.held.items():
            state, amps = self.snapshot.inverters[key], held.amps(direction, now)
            if held.is_well(now) and state.listening:
                told += amps
            elif (
                state.listening is False
                or held.port.state.status is not PortStatus.OPEN
            ):
                left -= amps
            else:
                return
        assert told <= max(0.0, left) + SLACK, f"{told} A are left told of {left} A"

    def full(self, direction: Direction) -> tuple[float, float]:
        """Return the bank's limit and what it would be if all were well, in A."""
        sign, counted = direction.sign, self._counted()
        said = {b.id: allowed(b.readings, direction) for b in counted}
        rooms = [
            (said[b.id] - sign * self._offset(direction, b.id))
            / max(b.current_share or 1.0, SLACK)
            for b in counted
        ]
        most = min(sum(said.values()), *rooms)
        if any(b.wrong_sign for b in counted):
            most = min(said.values())
        if self.plant.config.strategy is Strategy.SUM:
            most = sum(said.values())
        return self._bank(direction), min(most, self._total(direction))

    def rated(self, direction: Direction) -> float:
        """Return what the inverters can take together, in A."""
        inverters = self.plant.config.inverters
        if direction is Direction.CHARGE:
            return sum(inverter.rated_charge for inverter in inverters)
        return sum(inverter.rated_discharge for inverter in inverters)

    def _total(self, direction: Direction) -> float:
        """Return what the bank may be asked for at the most, in A."""
        config = self.plant.config
        charge = direction is Direction.CHARGE
        total = config.total_charge if charge else config.total_discharge
        return self.rated(direction) if total is None else total
