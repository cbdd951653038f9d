"""The bank: its batteries' frames in, what the inverters may be told out, and why."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from .alarms import ALL_LOST, NOTHING_RAISED, Alarms, Raised
from .allowance import permits
from .battery import Battery
from .combine import combine
from .config import GatewayConfig, LossPolicy, Strategy
from .limits import RISING_STEP, Bounds, Limits
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
from .outlook import Outlook
from .scene import Scene
from .setpoints import AllSetpoints
from .soc import SmoothSoc, soc_members
from .voltage import VoltageReference, bank_voltage, charge_voltage, discharge_voltage

START_TELEGRAMS: Final = 2
"""Whole telegrams of every battery before anything is sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the inverters together may be told at one moment."""

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


class Bank:
    """The batteries of a gateway as one."""

    def __init__(
        self, config: GatewayConfig, learnt: Mapping[str, float] | None = None
    ) -> None:
        """Make a bank at rest, with slices learnt earlier; `start` begins its time."""
        self._config = config
        self._batteries = {b.id: Battery(b) for b in config.batteries}
        self._awaited = set(self._batteries)
        self._starting = True
        self._start_end = 0.0
        self._dark_end: float | None = None
        self._limits = Limits(learnt)
        self._reference = VoltageReference()
        self._soc = SmoothSoc()
        self._outlook = Outlook()
        self._alarms = Alarms()
        self._last_bank = NO_BANK
        self._last_lowest: float | None = None
        self._deadline: float | None = None

    @property
    def learnt(self) -> dict[str, float]:
        """The slices by battery id, to be kept across restarts."""
        return self._limits.slices.learnt

    @property
    def deadline(self) -> float | None:
        """When to reckon again, at the latest, if nothing is heard."""
        return self._deadline

    def start(self, now: float) -> None:
        """Begin: nothing is told until every battery has spoken, or its time is up."""
        self._start_end = now + self._config.start_timeout

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

    def reckon(
        self,
        now: float,
        setpoints: AllSetpoints,
        told: Mapping[Direction, float] | None = None,
    ) -> Verdict:
        """Judge what counts at `now` and what the inverters may be told by it.

        `told`: the sum of what they were told, in A per direction.
        """
        states, scene = self._scene(now, setpoints)
        if scene.online:
            self._dark_end = None
        elif self._dark_end is None:
            self._dark_end = now + BLOCK_BEFORE_SILENCE
        self._set_deadline(scene, setpoints)
        if self._starting:
            return Verdict(status=Status.STARTING, batteries=_by_id(states))
        if not scene.online:
            return self._dark(scene, _by_id(states))
        self._limits.observe(scene)
        verdict = self._verdict(scene, setpoints, told or {})
        if self._limits.rising:
            self._look_again(now + RISING_STEP)
        return replace(verdict, batteries=_by_id(self._with_parts(states)))

    def _scene(
        self, now: float, setpoints: AllSetpoints
    ) -> tuple[tuple[BatteryState, ...], Scene]:
        states = []
        for battery in self._batteries.values():
            battery.in_service = battery.config.id not in setpoints.out_of_service
            battery.update(now)
            states.append(self._without_wrong_sign(battery.state(now)))
        self._judge_start(states, now)
        # A battery added to a running gateway counts from its first complete set;
        # one that was there at the start and never spoke is lost since then.
        states = [
            replace(state, lost_at=self._start_end)
            if state.life is Life.WAITING and state.id in self._awaited
            else state
            for state in states
        ]
        gone = (Life.WAITING, Life.LOST, Life.REJOINING)
        lost = tuple(s for s in states if s.lost_at is not None and s.life in gone)
        scene = Scene(
            now,
            tuple(state for state in states if state.online),
            () if self._starting else lost,
            {d: policy(d, self._config, lost, now) for d in Direction},
        )
        return tuple(states), scene

    def _without_wrong_sign(self, state: BatteryState) -> BatteryState:
        """Take the current as unknown where it is counted the other way round."""
        if state.id not in self._limits.slices.wrong_signs:
            return state
        return replace(state, readings=replace(state.readings, current=None))

    def _judge_start(self, states: list[BatteryState], now: float) -> None:
        self._awaited -= {s.id for s in states if s.life is not Life.WAITING}
        if not self._starting:
            return
        spoken = [s for s in states if s.life is not Life.OUT_OF_SERVICE]
        ready = not self._awaited and all(
            state.telegrams >= START_TELEGRAMS for state in spoken
        )
        if (ready and spoken) or now >= self._start_end:
            self._starting = False
            self._start_end = min(self._start_end, now)

    def _verdict(
        self, scene: Scene, setpoints: AllSetpoints, told: Mapping[Direction, float]
    ) -> Verdict:
        config = self._config
        bank = combine(
            scene.online, factor=config.current_factor, offset=config.current_offset
        )
        soc = self._soc.update(
            soc_members(scene.online, scene.lost, scene.now), scene.now
        )
        bank = self._outlook.update(replace(bank, soc=soc), scene.now)
        volts = bank_voltage(scene.online)
        reference = self._reference.update(volts, scene.now)
        if volts is None or reference is None or soc is None or scene.silenced:
            return Verdict(status=Status.SILENT, batteries={}, bank=bank)
        self._last_bank = bank
        voltage, over = self._charge_voltage(scene, volts, reference, setpoints)
        limits = {
            direction: self._limits.reckon(
                direction,
                scene,
                config,
                Bounds(
                    over,
                    setpoints.asked(None, direction, scene.now, bank.voltage),
                    told.get(direction, 0.0),
                ),
            )
            for direction in Direction
        }
        return Verdict(
            status=_status(scene),
            batteries={},
            bank=bank,
            limits=limits,
            enabled=self._enabled(scene),
            charge_voltage_limit=voltage,
            discharge_voltage_limit=discharge_voltage(
                bank.discharge_voltage_limit, volts
            ),
            raised=self._alarms.update(scene, reaction=config.reaction_time),
            renewed_at=min(b.control_at or 0.0 for b in scene.online),
        )

    def _dark(self, scene: Scene, batteries: Mapping[str, BatteryState]) -> Verdict:
        """Tell 0 A for a few seconds once no battery is online, then nothing."""
        stops = LossPolicy.STOP in (
            self._config.charge_loss_policy,
            self._config.discharge_loss_policy,
        )
        silent = self._dark_end is None or scene.now >= self._dark_end
        last, lowest = self._last_bank, self._last_lowest
        self._limits.block(scene.now)
        if silent or stops or last.voltage is None or lowest is None:
            return Verdict(status=Status.SILENT, batteries=batteries)
        source = next((battery.id for battery in scene.lost), None)
        volts = charge_voltage(lowest, last.voltage, cap=last.voltage).volts
        return Verdict(
            status=Status.BLOCKED,
            batteries=batteries,
            # What was last known of the pack, without what flows: that is unknown.
            bank=BankState(soc=last.soc, soh=last.soh, voltage=last.voltage),
            limits=dict.fromkeys(
                Direction, Limit(amps=0.0, rule=Rule.LOSS, source=source)
            ),
            charge_voltage_limit=volts,
            raised=ALL_LOST,
        )

    def _charge_voltage(
        self, scene: Scene, volts: float, reference: float, setpoints: AllSetpoints
    ) -> tuple[float, str | None]:
        """Return the charge voltage limit and the battery that it is too high for."""
        lowest, battery_id = min(
            (limit, battery.id)
            for battery in scene.counted
            if (limit := battery.last.charge_voltage_limit) is not None
        )
        self._last_lowest = lowest
        cap = setpoints.bank.charge_voltage
        if Direction.CHARGE in scene.blocked:
            cap = volts if cap is None else min(cap, volts)
        sent = charge_voltage(lowest, reference, cap=cap)
        return sent.volts, battery_id if sent.over_battery else None

    def _enabled(self, scene: Scene) -> frozenset[Direction]:
        """Return the directions that are told as enabled: some battery allows it."""
        judge = all if self._config.strategy is Strategy.SUM else any
        return frozenset(
            direction
            for direction in Direction
            if direction not in scene.blocked
            and judge(permits(battery.readings, direction) for battery in scene.online)
        )

    def _with_parts(self, states: tuple[BatteryState, ...]) -> list[BatteryState]:
        """Add to each battery what is known of how it carries the bank's current."""
        odd = self._limits.slices.odd([s for s in states if self._limits.part(s.id)])
        return [
            replace(
                state,
                slice=part.slice,
                offset=part.offset,
                aside=self._limits.aside(state.id),
                odd_slice=state.id in odd,
                wrong_sign=state.id in self._limits.slices.wrong_signs,
            )
            if (part := self._limits.part(state.id))
            else state
            for state in states
        ]

    def _set_deadline(self, scene: Scene, setpoints: AllSetpoints) -> None:
        self._deadline = None
        for battery in self._batteries.values():
            self._look_again(battery.next_change(scene.now))
        for at in (
            self._start_end,
            self._dark_end,
            grace_end(self._config, scene.lost),
            setpoints.next_end(scene.now),
        ):
            if at is not None and at > scene.now:
                self._look_again(at)

    def _look_again(self, at: float | None) -> None:
        if at is not None:
            self._deadline = at if self._deadline is None else min(self._deadline, at)


def _by_id(
    states: list[BatteryState] | tuple[BatteryState, ...],
) -> dict[str, BatteryState]:
    return {state.id: state for state in states}


def _status(scene: Scene) -> Status:
    if not scene.lost:
        return Status.RUNNING
    return Status.BLOCKED if scene.blocked else Status.REDUCED
