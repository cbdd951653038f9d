"""Invariants of the frames that a gateway sends, whatever devices and users do."""

from collections.abc import Collection
from itertools import chain
from typing import Final, override

from custom_components.bms_gateway.engine.config import LossPolicy, Strategy
from custom_components.bms_gateway.engine.model import Alarm, Direction, Frame, Readings
from custom_components.bms_gateway.engine.protocol.alarms.flags import encode_bits

from ..wires import limits
from .bank_checks import BankChecks
from .bounds import SLACK, concerning, permits
from .records import LIMITS, NAME, InverterRecord, Limits, index_of, lowest_setpoint

BLOCK: Final = 5.0
"""Seconds of 0 A once no battery is online."""
AT_ONCE: Final = 0.1
BATTERY_GONE: Final = 3.0
"""Seconds without a battery on an inverter's port until it may be sent to."""
_BITS: Final = {Direction.CHARGE: 0x80, Direction.DISCHARGE: 0x40}
_REQUESTS: Final = 0x38


class ReferenceModel(BankChecks):
    """Checks a plant: each frame as it is queued, and each state when all is done."""

    @override
    def check_frame(self, key: str, frame: Frame) -> None:
        """Check one frame to an inverter against the rules."""
        now, record = self.plant.now, self.records[key]
        if frame.can_id in (NAME, LIMITS):
            # The gateway evaluates nothing between these and the rest of a telegram.
            self._snapshot = self.plant.snapshot
            self._note(now)
            self._check_silence(record, now)
        if frame.can_id == LIMITS:
            sent = limits(frame)
            self._check_caps(key, sent)
            for direction in Direction:
                self._check_sum(key, direction, sent[index_of(direction)])
            self._check_voltage(sent)
            self._check_loss(sent)
            record.queue(sent, now)
        elif frame.can_id == 0x359:
            self._check_alarms(frame)
        elif frame.can_id == 0x35C:
            self._check_enables(record, frame)

    def _check_silence(self, record: InverterRecord, now: float) -> None:
        """Nothing is sent at the start, without batteries, or under `stop`."""
        config = self.plant.config
        assert self._has_started(now), "sent before all batteries have reported"
        assert now >= record.battery_at + BATTERY_GONE, (
            "sent where a battery is received"
        )
        if self._all_silent(now):
            assert now <= (self._silent_since or now) + BLOCK + AT_ONCE, "still sending"
            for direction in Direction:
                assert self._bank(direction) == 0.0, "old values sent as new ones"
        if self._lost(now):
            assert config.charge_loss_policy is not LossPolicy.STOP, "does not stop"
        if self._grace_period_over(now):
            assert config.discharge_loss_policy is not LossPolicy.STOP, "does not stop"

    def _check_caps(self, key: str, sent: Limits) -> None:
        """No inverter's limit exceeds its rating, setpoint or temporary limits."""
        config = next(i for i in self.plant.config.inverters if i.id == key)
        volts = self.snapshot.bank.voltage
        for direction, rated in (
            (Direction.CHARGE, config.rated_charge),
            (Direction.DISCHARGE, config.rated_discharge),
        ):
            setpoint = lowest_setpoint(
                self.setpoints, key, direction, self.plant.now, volts
            )
            cap = min(rated, rated if setpoint is None else setpoint)
            cap = 0.0 if key in self.setpoints.out_of_service else cap
            assert sent[index_of(direction)] <= cap + SLACK, "above its cap"

    def _check_sum(self, key: str, direction: Direction, sent: float) -> None:
        """A limit rises only into the room that the others' reserved currents leave."""
        now, bank = self.plant.now, self._bank(direction)
        assert sent <= bank + SLACK, "one inverter above the bank limit"
        for each in chain(self.records.values(), self.removed):
            each.settle(now)
        if sent > self.records[key].acted_on(direction, now):
            others = [h for k, h in self.records.items() if k != key]
            holds = [h.reserved(direction, now) for h in chain(others, self.removed)]
            assert sent + sum(holds) <= bank + SLACK, (
                f"{sent} A beside {holds} is above the bank's {bank} A"
            )

    def _check_voltage(self, sent: Limits) -> None:
        """The CVL is never below the floor nor far below the pack."""
        now, volts = self.plant.now, sent[0]
        counted = [b.last.charge_voltage_limit for b in self._counted()]
        known = [limit for limit in counted if limit is not None]
        assert volts >= 45.0
        assert volts <= (self.snapshot.charge_voltage_limit or 0.0) + SLACK
        if known:
            lowest = min(known)
            floor = 45.0 if lowest <= 54.0 else 48.0
            # Blocked by a loss it stands at the bank's voltage, if no battery is online.
            silent_peak = self._peak.at_most(now) if not self._online() else 0.0
            cap = max(self.setpoints.bank.charge_voltage or lowest, silent_peak)
            most = max(min(cap, lowest), self._peak.at_most(now) - 0.1, floor)
            assert volts >= floor - SLACK, "under the floor"
            assert volts <= most + SLACK, f"{volts} V is above {most} V"
            assert volts <= lowest + SLACK or sent[1] == 0.0, "over a battery's CVL"
        # 0.1 V under the reference, and less than 0.1 V by rounding down
        assert volts > self._peak.at_least(now) - 0.2 - SLACK, "far under the pack"

    def _check_loss(self, sent: Limits) -> None:
        """A loss that blocks sends 0 A: charging at once, discharging in time."""
        config = self.plant.config
        now = self.plant.now
        if self._awaits():
            assert sent[1] <= self._charged / 2 + SLACK, "not halved in a gap"
        elif self._lost(now) and config.charge_loss_policy is LossPolicy.BLOCK:
            assert sent[1] == 0.0, "charged in spite of a loss"
        if (
            self._grace_period_over(now)
            and config.discharge_loss_policy is LossPolicy.BLOCK
        ):
            assert sent[2] == 0.0, "discharged in spite of a loss"

    def _check_alarms(self, frame: Frame) -> None:
        """Every protection is sent; it is an alarm when no battery is left."""
        alarms, warnings = frame.data[:2], frame.data[2:4]
        sent = [a | b for a, b in zip(alarms, warnings, strict=True)]
        online = self._online()
        dead = [d for d in Direction if not any(permits(b.readings, d) for b in online)]
        for battery in online:
            raised = battery.readings.protections or frozenset()
            stop = frozenset(chain(*(concerning(battery.readings, d) for d in dead)))
            stop -= _contradicted(battery.readings)
            assert _within(raised, bytes(sent)), "a protection is not sent"
            assert _within(stop, alarms), "no alarm although no battery is left"

    def _check_enables(self, record: InverterRecord, frame: Frame) -> None:
        """An enable needs a battery that gives it, a request one that can charge."""
        flags, config = frame.data[0], self.plant.config
        online = self._online()
        quantifier = all if config.strategy is Strategy.SUM else any
        for direction, bit in _BITS.items():
            given = online and quantifier(
                permits(b.readings, direction) for b in online
            )
            if not online and direction is Direction.DISCHARGE:
                given = self._may_bridge(self.plant.now)
            assert given or not flags & bit, "enabled by no battery"
        if flags & _REQUESTS:
            assert config.forward_requests
            assert flags & _BITS[Direction.CHARGE] and record.last[1] > 0, (
                "requests a charge that is not enabled"
            )


def _contradicted(reported: Readings) -> frozenset[Alarm]:
    """Return the over-current protections of the direction without current."""
    current = reported.current
    if current is None:
        return frozenset()
    ways = ((Alarm.CHARGE_CURRENT, current), (Alarm.DISCHARGE_CURRENT, -current))
    return frozenset(alarm for alarm, amps in ways if amps <= 1.0)


def _within(raised: Collection[Alarm], word: bytes) -> bool:
    """Return whether a half of 0x359 carries all of these."""
    bits = encode_bits(frozenset(raised))[:2]
    return all(bit & sent == bit for bit, sent in zip(bits, word, strict=True))
