"""What has to hold at every moment, whatever batteries, inverters and people do."""

from collections.abc import Collection
from itertools import chain
from typing import Final, override

from custom_components.bms_gateway.engine.config import LossPolicy, Strategy
from custom_components.bms_gateway.engine.model import Alarm, Direction, Frame, Readings
from custom_components.bms_gateway.engine.protocol.flags import encode_bits

from ..wires import limits
from .bank_judge import BankJudge
from .ledger import SLACK, concerning, permits
from .witness import LIMITS, NAME, Held, Told, asked, place

BLOCK: Final = 5.0
"""Seconds of 0 A once no battery is online."""
AT_ONCE: Final = 0.1
BATTERY_GONE: Final = 3.0
"""Seconds without a battery on an inverter's port until it may be sent to."""
_BITS: Final = {Direction.CHARGE: 0x80, Direction.DISCHARGE: 0x40}
_REQUESTS: Final = 0x38


class Referee(BankJudge):
    """Judges a plant: each frame as it is queued, and each moment when all is done."""

    @override
    def judge(self, key: str, frame: Frame) -> None:
        """Hold one frame to an inverter against the rules."""
        now, held = self.plant.now, self.held[key]
        if frame.can_id in (NAME, LIMITS):
            # The gateway does not reckon anew between these and what follows.
            self._snapshot = self.plant.snapshot
            self._note(now)
            self._judge_silence(held, now)
        if frame.can_id == LIMITS:
            told = limits(frame)
            self._judge_caps(key, told)
            for direction in Direction:
                self._judge_sum(key, direction, told[place(direction)])
            self._judge_voltage(told)
            self._judge_loss(told)
            held.queue(told, now)
        elif frame.can_id == 0x359:
            self._judge_alarms(frame)
        elif frame.can_id == 0x35C:
            self._judge_enables(held, frame)

    def _judge_silence(self, held: Held, now: float) -> None:
        """Nothing at the start, in the dark, under `stop`, or where a battery talks."""
        config = self.plant.config
        assert self._has_started(now), "told before all have spoken"
        assert now >= held.battery_at + BATTERY_GONE, "told where a battery talks"
        if self._is_dark(now):
            assert now <= (self._dark_at or now) + BLOCK + AT_ONCE, "no silence"
            for direction in Direction:
                assert self._bank(direction) == 0.0, "old values as if they were news"
        if self._lost(now):
            assert config.charge_loss_policy is not LossPolicy.STOP, "does not stop"
        if self._grace_is_over(now):
            assert config.discharge_loss_policy is not LossPolicy.STOP, "does not stop"

    def _judge_caps(self, key: str, told: Told) -> None:
        """No inverter above its rating, its setpoint, or the leases on it."""
        config = next(i for i in self.plant.config.inverters if i.id == key)
        volts = self.snapshot.bank.voltage
        for direction, rated in (
            (Direction.CHARGE, config.rated_charge),
            (Direction.DISCHARGE, config.rated_discharge),
        ):
            ask = asked(self.asks, key, direction, self.plant.now, volts)
            cap = min(rated, rated if ask is None else ask)
            cap = 0.0 if key in self.asks.out_of_service else cap
            assert told[place(direction)] <= cap + SLACK, "above its cap"

    def _judge_sum(self, key: str, direction: Direction, told: float) -> None:
        """A limit rises only as far as what the others hold leaves room."""
        now, bank = self.plant.now, self._bank(direction)
        assert told <= bank + SLACK, "one above the bank's limit"
        for each in chain(self.held.values(), self.departed):
            each.settle(now)
        if told > self.held[key].amps(direction, now):
            others = [h for k, h in self.held.items() if k != key]
            holds = [h.held(direction, now) for h in chain(others, self.departed)]
            assert told + sum(holds) <= bank + SLACK, (
                f"{told} A beside {holds} is above the bank's {bank} A"
            )

    def _judge_voltage(self, told: Told) -> None:
        """Never under the floor nor far under the pack, over no battery with current."""
        now, volts = self.plant.now, told[0]
        counted = [b.last.charge_voltage_limit for b in self._counted()]
        known = [limit for limit in counted if limit is not None]
        assert volts >= 45.0
        assert volts <= (self.snapshot.charge_voltage_limit or 0.0) + SLACK
        if known:
            lowest = min(known)
            floor = 45.0 if lowest <= 54.0 else 48.0
            # Blocked by a loss it stands at the bank's voltage, if nobody is online.
            dark = self._peak.at_most(now) if not self._online() else 0.0
            cap = max(self.asks.bank.charge_voltage or lowest, dark)
            most = max(min(cap, lowest), self._peak.at_most(now) - 0.1, floor)
            assert volts >= floor - SLACK, "under the floor"
            assert volts <= most + SLACK, f"{volts} V is above {most} V"
            assert volts <= lowest + SLACK or told[1] == 0.0, "over a battery's CVL"
        # 0.1 V under the reference, and less than 0.1 V by rounding down
        assert volts > self._peak.at_least(now) - 0.2 - SLACK, "far under the pack"

    def _judge_loss(self, told: Told) -> None:
        """A loss that blocks lets nothing through: charge at once, discharge in time."""
        config = self.plant.config
        now = self.plant.now
        if self._awaits():
            assert told[1] <= self._charged / 2 + SLACK, "not halved in a gap"
        elif self._lost(now) and config.charge_loss_policy is LossPolicy.BLOCK:
            assert told[1] == 0.0, "charged in spite of a loss"
        if (
            self._grace_is_over(now)
            and config.discharge_loss_policy is LossPolicy.BLOCK
        ):
            assert told[2] == 0.0, "discharged in spite of a loss"

    def _judge_alarms(self, frame: Frame) -> None:
        """No protection is kept back; it is an alarm when nobody is left."""
        alarms, warnings = frame.data[:2], frame.data[2:4]
        told = [a | b for a, b in zip(alarms, warnings, strict=True)]
        online = self._online()
        dead = [d for d in Direction if not any(permits(b.readings, d) for b in online)]
        for battery in online:
            raised = battery.readings.protections or frozenset()
            stop = frozenset(chain(*(concerning(battery.readings, d) for d in dead)))
            stop -= _contradicted(battery.readings)
            assert _within(raised, bytes(told)), "a protection kept back"
            assert _within(stop, alarms), "no alarm though nobody is left"

    def _judge_enables(self, held: Held, frame: Frame) -> None:
        """An enable only where a battery gives it, a request only where it can charge."""
        flags, config = frame.data[0], self.plant.config
        online = self._online()
        judge = all if config.strategy is Strategy.SUM else any
        for direction, bit in _BITS.items():
            given = online and judge(permits(b.readings, direction) for b in online)
            if not online and direction is Direction.DISCHARGE:
                given = self._may_bridge(self.plant.now)
            assert given or not flags & bit, "enabled by nobody"
        if flags & _REQUESTS:
            assert config.forward_requests
            assert flags & _BITS[Direction.CHARGE] and held.last[1] > 0, (
                "asks for nothing"
            )


def _contradicted(said: Readings) -> frozenset[Alarm]:
    """Return the over-current protections of the way in which no current flows."""
    current = said.current
    if current is None:
        return frozenset()
    ways = ((Alarm.CHARGE_CURRENT, current), (Alarm.DISCHARGE_CURRENT, -current))
    return frozenset(alarm for alarm, amps in ways if amps <= 1.0)


def _within(raised: Collection[Alarm], word: bytes) -> bool:
    """Return whether a half of 0x359 tells all of these."""
    bits = encode_bits(frozenset(raised))[:2]
    return all(bit & told == bit for bit, told in zip(bits, word, strict=True))
