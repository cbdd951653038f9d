"""Tracks an installation: records what is visible, without the gateway's help."""

from functools import partial
from typing import Final

from custom_components.bms_gateway.engine.model import (
    BatteryState,
    BatteryStatus,
    Direction,
    Frame,
    Rule,
    Snapshot,
    Status,
)
from custom_components.bms_gateway.engine.setpoints import AllSetpoints

from ..plant import Plant
from .bounds import Counts, Peak, RampBound
from .records import LIMITS, BatteryRecord, InverterRecord

START: Final = 1015.0
"""The end of the time in which every battery is awaited."""


class Tracker:
    """Watches a plant, and passes on the sent frames to be checked."""

    def __init__(self, plant: Plant) -> None:
        """Watch a plant that has not started yet."""
        self.plant = plant
        self.setpoints = AllSetpoints()
        self.received = {key: BatteryRecord() for key in plant.packs}
        self.records: dict[str, InverterRecord] = {}
        self.removed: list[InverterRecord] = []
        self._started = False
        self._were_online: set[str] = set()
        self._lost_since: dict[str, float] = {}
        self._silent_since: float | None = None
        self._snapshot: Snapshot | None = None
        self._counts = {d: Counts(d) for d in Direction}
        self._ramps = {d: RampBound() for d in Direction}
        self._peak = Peak()
        self._away_since: dict[str, float] = {}
        """Since when each battery has not been online."""
        self._charged = 0.0
        """A; the bank's limit before a battery was awaited, of which half is sent."""
        self._last_discharge = 0.0
        """A; the bank's limit while any battery was received."""
        self.follow_configuration()

    def follow_configuration(self) -> None:
        """Watch the devices configured now."""
        config = self.plant.config
        for battery in config.batteries:
            self.received.setdefault(battery.id, BatteryRecord())
        for inverter in config.inverters:
            key, port = inverter.id, self.plant.port(inverter.id)
            record = self.records.get(key)
            if record is None or record.port is not port:
                record = InverterRecord(port, inverter.timeout, inverter.reaction_time)
                self.records[key] = record
                port.on_send = partial(self.check_frame, key)
            record.timeout, record.reaction = inverter.timeout, inverter.reaction_time
        for key in self.records.keys() - {inverter.id for inverter in config.inverters}:
            self.removed.append(self.records.pop(key))

    def check_frame(self, key: str, frame: Frame) -> None:
        """Take one frame to an inverter, as it is queued."""
        raise NotImplementedError

    def _note(self, now: float) -> None:
        """Note since when no battery is online, which are lost, and the voltages."""
        self._has_started(now)
        self._silent_since = (
            (self._silent_since or now) if self._all_silent(now) else None
        )
        lost = self._lost(now)
        self._lost_since = {key: self._lost_since.get(key, now) for key in lost}
        online = self._online()
        self._were_online |= {battery.id for battery in online}
        if self.snapshot.status is not Status.STARTING:
            telling = [b for b in online if b.readings.voltage is not None]
            at = min((self.received[b.id].measured_at for b in telling), default=now)
            self._peak.take(telling, at)
        away = self.snapshot.batteries.keys() - {battery.id for battery in online}
        self._away_since = {key: self._away_since.get(key, now) for key in away}
        if not self._awaits():
            charge = self.snapshot.charge
            self._charged = 0.0 if charge is None else charge.amps
        if online and self.snapshot.discharge is not None:
            self._last_discharge = self.snapshot.discharge.amps

    @property
    def snapshot(self) -> Snapshot:
        """The snapshot, built once per step."""
        return self._snapshot or self.plant.snapshot

    def _awaits(self) -> bool:
        """Return whether charging is halved for batteries with habitual gaps."""
        charge = self.snapshot.charge
        return charge is not None and charge.rule is Rule.BRIDGING

    def _bank(self, direction: Direction) -> float:
        snapshot = self.snapshot
        limit = snapshot.charge if direction is Direction.CHARGE else snapshot.discharge
        assert limit is not None
        return limit.amps

    def _circulating_current(self, direction: Direction, battery_id: str) -> float:
        """Return a battery's circulating current, in A; entities show only charge's."""
        parallel = self.plant.gateway._bank._evaluation._pipeline.parallel
        part = parallel._parts[direction].get(battery_id)
        return part.circulating_current if part else 0.0

    def _online(self) -> list[BatteryState]:
        return [b for b in self.snapshot.batteries.values() if b.online]

    def _counted(self) -> list[BatteryState]:
        return [
            battery
            for battery in self.snapshot.batteries.values()
            if battery.online
            or (
                battery.lost_at is not None
                and battery.status is not BatteryStatus.OUT_OF_SERVICE
                and battery.last.charge_current_limit is not None
            )
        ]

    def _has_started(self, now: float) -> bool:
        batteries = self.snapshot.batteries
        self._started = (
            self._started
            or now >= START
            or all(
                battery.telegrams >= 2
                for key, battery in batteries.items()
                if key not in self.setpoints.out_of_service
            )
        )
        return self._started

    def _all_silent(self, now: float) -> bool:
        """Return whether no battery can be online, whatever periods were learned."""
        return all(
            now >= self.received[key].times_out_at(LIMITS)
            or (
                key in self.setpoints.out_of_service
                and not battery.carries_current_out_of_service
            )
            for key, battery in self.snapshot.batteries.items()
        )

    def _lost(self, now: float) -> list[str]:
        """Return the batteries that must be lost, whatever periods were learned."""
        return [
            key
            for key in self.snapshot.batteries
            if key in self._were_online
            and key not in self.setpoints.out_of_service
            and now >= self.received[key].times_out_at(LIMITS)
        ]

    def _grace_period_over(self, now: float) -> bool:
        grace = self.plant.config.discharge_grace
        return any(
            now >= self._lost_since.get(key, now + 1.0) + grace
            for key in self._lost(now)
        )
