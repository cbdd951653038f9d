"""The bank: its batteries' frames in, what the inverters may be told out, and why."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
import logging
from typing import Final

from .alarms import NOTHING_RAISED, Raised, raised
from .battery import Battery
from .combine import combine
from .config import GatewayConfig, LossPolicy, Setpoints, Strategy
from .limits import bank_limit, permits, tighter
from .loss import BLOCK_BEFORE_SILENCE, grace_end, policy
from .model import (
    NO_BANK,
    BankState,
    BatteryState,
    Direction,
    Frame,
    Life,
    Limit,
    Rule,
    Status,
)
from .rise import Rise, rise
from .voltage import VoltageReference, bank_voltage, charge_voltage, discharge_voltage

_LOGGER = logging.getLogger(__name__)

START_TELEGRAMS: Final = 2
"""Whole telegrams of every battery before anything is sent."""
RISING_STEP: Final = 0.25
"""Seconds after which a rising limit is looked at again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the inverters together may be told at one moment.

    Without voltage limits, limits, SOC and voltage nothing is sent (`speaks`).
    """

    status: Status
    batteries: Mapping[str, BatteryState]
    bank: BankState = NO_BANK
    limits: Mapping[Direction, Limit] | None = None
    enabled: frozenset[Direction] = frozenset()
    charge_voltage_limit: float | None = None
    discharge_voltage_limit: float | None = None
    raised: Raised = NOTHING_RAISED
    renewed_at: float | None = None
    """Every battery online has renewed its control fields since then."""

    @property
    def speaks(self) -> bool:
        """Return whether enough is known and allowed to be sent."""
        return self.status not in (Status.STARTING, Status.SILENT) and None not in (
            self.limits,
            self.charge_voltage_limit,
            self.bank.soc,
            self.bank.voltage,
        )


@dataclass(frozen=True, slots=True)
class _Scene:
    """The batteries at one moment, as the loss policies see them."""

    now: float
    states: tuple[BatteryState, ...]
    online: tuple[BatteryState, ...]
    lost: tuple[BatteryState, ...]
    policies: Mapping[Direction, LossPolicy | None]

    @property
    def blocked(self) -> frozenset[Direction]:
        """Return the directions that are stopped by a loss."""
        return frozenset(d for d, p in self.policies.items() if p is LossPolicy.BLOCK)


class Bank:
    """The batteries of a gateway as one."""

    def __init__(self, config: GatewayConfig) -> None:
        """Make a bank at rest; `start` begins its time."""
        self._config = config
        self._batteries = {b.id: Battery(b) for b in config.batteries}
        self._awaited = set(self._batteries)
        self._start_end = 0.0
        self._starting = True
        self._reference = VoltageReference()
        self._rises: dict[Direction, Rise | None] = dict.fromkeys(Direction)
        self._last_bank = NO_BANK
        self._last_lowest: float | None = None
        self._dark_since = 0.0
        self._deadline: float | None = None

    def start(self, now: float) -> None:
        """Begin: nothing is told until every battery has spoken, or its time is up."""
        self._start_end = now + self._config.start_timeout
        self._dark_since = now

    def apply(self, config: GatewayConfig) -> None:
        """Take over a changed configuration; batteries not changed live on."""
        old, self._config = self._batteries, config
        self._batteries = {}
        for battery in config.batteries:
            known = old.get(battery.id)
            if known is None or known.config.port != battery.port:
                known = Battery(battery)
            known.config = battery
            self._batteries[battery.id] = known
        self._awaited &= set(self._batteries)

    def hear(self, battery_id: str, frame: Frame) -> None:
        """Take a frame from a battery's bus."""
        self._batteries[battery_id].hear(frame)

    @property
    def deadline(self) -> float | None:
        """When to reckon again, at the latest, if nothing is heard."""
        return self._deadline

    def reckon(self, now: float, setpoints: Setpoints) -> Verdict:
        """Judge what counts at `now` and what the inverters may be told by it."""
        scene = self._scene(now)
        self._set_deadline(scene)
        batteries = {state.id: state for state in scene.states}
        if self._starting:
            return Verdict(status=Status.STARTING, batteries=batteries)
        if scene.online:
            self._dark_since = now
            return self._verdict(scene, batteries, setpoints)
        return self._dark(scene, batteries)

    def _scene(self, now: float) -> _Scene:
        for battery in self._batteries.values():
            battery.update(now)
        states = tuple(battery.state(now) for battery in self._batteries.values())
        self._judge_start(states, now)
        # A battery added to a running gateway counts from its first complete set;
        # one that was there at the start and never spoke is lost since then.
        states = tuple(
            replace(state, lost_at=self._start_end)
            if state.life is Life.WAITING and state.id in self._awaited
            else state
            for state in states
        )
        lost = tuple(state for state in states if state.lost_at is not None)
        return _Scene(
            now,
            states,
            tuple(state for state in states if state.online),
            () if self._starting else lost,
            {d: policy(d, self._config, lost, now) for d in Direction},
        )

    def _judge_start(self, states: tuple[BatteryState, ...], now: float) -> None:
        self._awaited -= {
            state.id for state in states if state.life is not Life.WAITING
        }
        if not self._starting:
            return
        ready = not self._awaited and all(
            state.telegrams >= START_TELEGRAMS for state in states
        )
        if (ready and states) or now >= self._start_end:
            self._starting = False
            self._start_end = min(self._start_end, now)
            self._dark_since = now

    def _verdict(
        self,
        scene: _Scene,
        batteries: Mapping[str, BatteryState],
        setpoints: Setpoints,
    ) -> Verdict:
        config = self._config
        bank = combine(
            scene.online, factor=config.current_factor, offset=config.current_offset
        )
        volts = bank_voltage(scene.online)
        reference = self._reference.update(volts, scene.now)
        stops = LossPolicy.STOP in scene.policies.values()
        if volts is None or reference is None or stops:
            return Verdict(status=Status.SILENT, batteries=batteries, bank=bank)
        self._last_bank = bank
        voltage, over = self._charge_voltage(scene, volts, reference, setpoints)
        limits = {
            direction: self._limit(direction, scene, setpoints, over, bank)
            for direction in Direction
        }
        return Verdict(
            status=_status(scene),
            batteries=batteries,
            bank=bank,
            limits=limits,
            enabled=self._enabled(scene),
            charge_voltage_limit=voltage,
            discharge_voltage_limit=discharge_voltage(
                bank.discharge_voltage_limit, volts
            ),
            raised=raised(scene.online, scene.blocked),
            renewed_at=min(b.control_at or 0.0 for b in scene.online),
        )

    def _dark(self, scene: _Scene, batteries: Mapping[str, BatteryState]) -> Verdict:
        """Tell 0 A for a few seconds once no battery is online, then nothing."""
        stops = LossPolicy.STOP in (
            self._config.charge_loss_policy,
            self._config.discharge_loss_policy,
        )
        silent = scene.now >= self._dark_since + BLOCK_BEFORE_SILENCE
        last, lowest = self._last_bank, self._last_lowest
        if silent or stops or last.voltage is None or lowest is None:
            return Verdict(status=Status.SILENT, batteries=batteries)
        nothing = Limit(
            amps=0.0, rule=Rule.LOSS, source=next((b.id for b in scene.lost), None)
        )
        self._rises = {
            d: Rise(0.0, scene.now, ((scene.now, 0.0),), True) for d in Direction
        }
        return Verdict(
            status=Status.BLOCKED,
            batteries=batteries,
            # What was last known of the pack, without what flows: that is unknown.
            bank=BankState(
                soc=last.soc, soh=last.soh, voltage=last.voltage, name=last.name
            ),
            limits=dict.fromkeys(Direction, nothing),
            charge_voltage_limit=charge_voltage(
                lowest, last.voltage, cap=last.voltage
            ).volts,
            raised=raised((), frozenset(Direction)),
        )

    def _charge_voltage(
        self, scene: _Scene, volts: float, reference: float, setpoints: Setpoints
    ) -> tuple[float, str | None]:
        """Return the charge voltage limit and the battery that it is too high for."""
        known = [
            (limit, battery.id)
            for battery in (*scene.online, *scene.lost)
            if (limit := battery.last.charge_voltage_limit) is not None
        ]
        lowest, battery_id = min(known)
        self._last_lowest = lowest
        caps = [] if setpoints.charge_voltage is None else [setpoints.charge_voltage]
        if Direction.CHARGE in scene.blocked:
            caps.append(volts)
        sent = charge_voltage(lowest, reference, cap=min(caps, default=None))
        return sent.volts, battery_id if sent.over_battery else None

    def _limit(
        self,
        direction: Direction,
        scene: _Scene,
        setpoints: Setpoints,
        over: str | None,
        bank: BankState,
    ) -> Limit:
        """Return the bank's limit: every rule in turn, each can only lower it."""
        limit = self._by_batteries(direction, scene)
        if direction is Direction.CHARGE and over is not None:
            limit = tighter(limit, Limit(amps=0.0, rule=Rule.VOLTAGE, source=over))
        total = total_limit(self._config, direction)
        if total is not None:
            limit = tighter(limit, Limit(amps=total, rule=Rule.TOTAL, number=total))
        asked = (
            setpoints.charge_current
            if direction is Direction.CHARGE
            else setpoints.discharge_current
        )
        if asked is not None:
            limit = tighter(limit, Limit(amps=asked, rule=Rule.SETPOINT, number=asked))
        return self._risen(direction, limit, scene.now, bank.current)

    def _by_batteries(self, direction: Direction, scene: _Scene) -> Limit:
        """Return what the batteries allow, by the strategy and the loss policy."""
        if direction in scene.blocked:
            return Limit(amps=0.0, rule=Rule.LOSS, source=scene.lost[0].id)
        alone = bank_limit(self._config.strategy, direction, scene.online)
        if not scene.lost:
            return alone
        with_lost = bank_limit(
            self._config.strategy, direction, scene.online, scene.lost
        )
        if with_lost.amps < alone.amps:
            return replace(with_lost, rule=Rule.LOSS)
        return alone

    def _risen(
        self, direction: Direction, limit: Limit, now: float, current: float | None
    ) -> Limit:
        """Hold back a limit that rises."""
        flowing = (
            max(0.0, -(current or 0.0)) if direction is Direction.DISCHARGE else 0.0
        )
        before = self._rises[direction]
        rated = total_limit(self._config, direction) or limit.amps
        risen = rise(before, limit.amps, now, rated=rated, flowing=flowing)
        self._rises[direction] = risen
        if risen.amps >= limit.amps:
            return limit
        self._look_again(now + RISING_STEP)
        return replace(limit, amps=risen.amps, rule=Rule.RISING, number=limit.amps)

    def _enabled(self, scene: _Scene) -> frozenset[Direction]:
        """Return the directions that are told as enabled."""
        every = self._config.strategy is Strategy.SUM
        judge = all if every else any
        return frozenset(
            direction
            for direction in Direction
            if direction not in scene.blocked
            and judge(permits(battery.readings, direction) for battery in scene.online)
        )

    def _set_deadline(self, scene: _Scene) -> None:
        self._deadline = None
        for battery in self._batteries.values():
            self._look_again(battery.next_change(scene.now))
        later = [
            self._start_end,
            self._dark_since + BLOCK_BEFORE_SILENCE,
            grace_end(self._config, scene.lost),
        ]
        for at in later:
            if at > scene.now:
                self._look_again(at)

    def _look_again(self, at: float | None) -> None:
        if at is not None:
            self._deadline = at if self._deadline is None else min(self._deadline, at)


def total_limit(config: GatewayConfig, direction: Direction) -> float | None:
    """Return what the whole bank may take in A; None where nothing is rated."""
    charge = direction is Direction.CHARGE
    set_ = config.total_charge if charge else config.total_discharge
    if set_ is not None or not config.inverters:
        return set_
    return sum(
        i.rated_charge if charge else i.rated_discharge for i in config.inverters
    )


def _status(scene: _Scene) -> Status:
    if not scene.lost:
        return Status.RUNNING
    return Status.BLOCKED if scene.blocked else Status.REDUCED
