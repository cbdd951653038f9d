"""The bank: frames of its batteries in, limits for the inverters out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from .aggregate.mixed_voltages import are_mixed
from .battery.battery import Battery
from .battery.startup_check import with_lowest_recent_limits
from .battery.timing.gaps import Wait, awaited, wait
from .battery.timing.telegram_boundary import Progress
from .config import GatewayConfig, LossPolicy
from .limits.bank_limits import BankLimits
from .limits.context import Context
from .limits.evaluation import BankEvaluation
from .limits.loss.battery_loss import grace_end, policy
from .limits.loss.bridge import bridge_time
from .model import BatteryState, BatteryStatus, Direction, Frame, Status
from .scheduling import Priority, Timed, next_of
from .setpoints import AllSetpoints
from .topology.duplicate_battery import counted_once

START_TELEGRAMS: Final = 2
"""Complete telegrams of every battery before anything is sent."""
MAX_READ_LAG: Final = 3.0
"""Seconds; a frame that is read later than that is too late to keep a battery
online."""


class Bank:
    """The batteries of a gateway as one."""

    def __init__(
        self, config: GatewayConfig, learned: Mapping[str, float] | None = None
    ) -> None:
        """Create a stopped bank with shares learned earlier; `start` begins its time."""
        self._config = config
        self._batteries = {b.id: Battery(b) for b in config.batteries}
        self._awaited = set(self._batteries)
        self._online: frozenset[str] = frozenset()
        self._starting, self._ending = True, False
        self._start_end = 0.0
        self._evaluation = BankEvaluation(learned)
        self._duplicates: Mapping[str, str] = {}
        self._sure_duplicates: Mapping[str, str] = {}
        self._deadline: float | None = None

    @property
    def learned(self) -> dict[str, float]:
        """The current shares by battery id, to be stored across restarts."""
        return self._evaluation.learned

    @property
    def ids(self) -> list[str]:
        """The ids of its batteries, in the order of the configuration."""
        return [battery.id for battery in self._config.batteries]

    @property
    def deadline(self) -> float | None:
        """When to evaluate again at the latest, if nothing is received."""
        return self._deadline

    @property
    def progress(self) -> Progress:
        """How complete the present telegrams of the batteries online are."""
        boundaries = [
            b.telegram_boundary
            for key, b in self._batteries.items()
            if key in self._online
        ]
        opened = [c.open_since for c in boundaries if c.open_since is not None]
        return Progress(
            min(
                (boundary.whole_at for boundary in boundaries),
                default=0.0,
            ),
            min(opened, default=None),
        )

    def counts(self, battery_id: str) -> bool:
        """Return whether a battery was online at the last evaluation."""
        return battery_id in self._online

    def set_duplicates(
        self, duplicates: Mapping[str, str], *, sure: Mapping[str, str]
    ) -> None:
        """Set which batteries may duplicate another one (by id), and which surely do.

        Both kinds count once: a battery suspected wrongly allows too little for a short
        time, one that counts twice is overloaded.
        """
        self._duplicates, self._sure_duplicates = duplicates, sure

    def start(self, now: float) -> None:
        """Begin; nothing is sent until all report, or the start time is up."""
        self._start_end = now + self._config.start_timeout

    def end(self) -> None:
        """Block from now on, as for a loss: the gateway is about to stop sending."""
        self._ending = True

    def apply(self, config: GatewayConfig, now: float) -> None:
        """Apply a changed configuration; unchanged batteries keep their state.

        A battery that was online and now has another port is lost until it is received
        there: its plug may be elsewhere, but it is still part of the bank.
        """
        old, self._config = self._batteries, config
        self._batteries = {}
        for battery in config.batteries:
            known = old.get(battery.id)
            if known is None:
                known = Battery(battery)
            elif not known.config.port.is_same_place(battery.port):
                known = known.moved_to(battery, now)
            known.config = battery
            self._batteries[battery.id] = known
        self._awaited &= set(self._batteries)

    def on_frame(self, battery_id: str, frame: Frame) -> Priority:
        """Take a frame received on a battery's bus; return how soon to evaluate it."""
        priority = self._batteries[battery_id].on_frame(frame)
        return Priority.AT_ONCE if self._starting else priority

    def evaluate(
        self,
        now: float,
        setpoints: AllSetpoints,
        sent: Mapping[Direction, float] | None = None,
        beyond: Mapping[Direction, float] | None = None,
        *,
        received_until: float | None = None,
    ) -> BankLimits:
        """Evaluate the batteries at `now`; return what may be sent to the inverters.

        `sent`: the sum of the limits sent to them, in A per direction; `beyond`:
        current they are known to take in excess of these. `received_until`: the time up
        to which every frame has been read, if that is not `now`: on a flooded bus
        frames are read late, and no battery is lost because of that.
        """
        received_until = (
            now if received_until is None else max(received_until, now - MAX_READ_LAG)
        )
        is_first = self._starting
        states, context = self._context(now, setpoints, received_until)
        self._online = frozenset(state.id for state in context.online)
        if are_mixed(states):
            bank_limits = self._evaluation.refuse(now)
        elif self._starting:
            bank_limits = BankLimits(status=Status.STARTING)
        else:
            lowest = self._with_lowest_limits(context) if is_first else context
            bank_limits = self._evaluation.evaluate(
                self._config, lowest, setpoints, sent or {}, beyond or {}
            )
            if lowest != context:
                self._evaluation.hold_back()
            if bank_limits.bridges:
                states = self._bridge(states, context, bank_limits.status)
        self._deadline = next_of(now, self._wake_times(context, setpoints))
        if context.online and not self._starting:
            states = self._evaluation.with_parts(states)
        return replace(bank_limits, batteries=_by_id(states))

    def _context(
        self, now: float, setpoints: AllSetpoints, received_until: float
    ) -> tuple[list[BatteryState], Context]:
        states = []
        wrong_signs = self._evaluation.wrong_signs
        for battery in self._batteries.values():
            battery.set_in_service(
                battery.config.id not in setpoints.out_of_service, now
            )
            battery.update(received_until)
            state = battery.state(received_until)
            if state.id in wrong_signs:
                # The current is unknown where it is counted the other way round
                state = replace(state, readings=replace(state.readings, current=None))
            states.append(state)
        states = counted_once(states, self._duplicates, self._sure_duplicates)
        self._check_start(states, now)
        # A battery added to a running gateway counts from its first complete telegram;
        # one that was configured at the start and never reported is lost since then.
        states = [
            replace(state, lost_at=self._start_end)
            if state.status is BatteryStatus.WAITING and state.id in self._awaited
            else state
            for state in states
        ]
        gone = (BatteryStatus.WAITING, BatteryStatus.LOST, BatteryStatus.REJOINING)
        lost = tuple(s for s in states if s.lost_at is not None and s.status in gone)
        lost = () if self._starting else lost
        policies = {d: self._policy(d, lost, now) for d in Direction}
        waits: Mapping[str, Wait] = {}
        if policies[Direction.CHARGE] is LossPolicy.BLOCK and not self._ending:
            waits = awaited(self._config, lost, now)
        if waits and all(now < each.halved_until for each in waits.values()):
            policies[Direction.CHARGE] = LossPolicy.REDUCE
        online = tuple(state for state in states if state.online)
        until = {key: each.until for key, each in waits.items()}
        return states, Context(now, online, lost, policies, until)

    def _bridge(
        self, states: list[BatteryState], context: Context, status: Status
    ) -> list[BatteryState]:
        """Bring batteries back at once after a bridged gap; return their states.

        `status`: of the bank. While some battery is online, only batteries with
        habitual gaps (`Context.awaited`) are bridged.
        """
        bridged = []
        for state in states:
            until = context.awaited.get(state.id, 0.0)
            if status is Status.BRIDGING:
                until = (state.limits_at or 0.0) + bridge_time(self._config)
            if state.status is BatteryStatus.LOST and context.now < until:
                self._batteries[state.id].bridge(until)
                bridged.append(replace(state, status=BatteryStatus.BRIDGING))
            else:
                bridged.append(state)
        return bridged

    def _with_lowest_limits(self, context: Context) -> Context:
        """Return the context with the lowest limits reported lately; used at the start.

        It differs where the last telegrams of a battery disagree: the lowest values
        then apply first, and rise as after any fall. A battery whose limits never
        settle delays no start.
        """
        online = (
            with_lowest_recent_limits(b, self._batteries[b.id].recent_readings)
            for b in context.online
        )
        return replace(context, online=tuple(online))

    def _policy(
        self, direction: Direction, lost: Sequence[BatteryState], now: float
    ) -> LossPolicy | None:
        found = policy(direction, self._config, lost, now)
        ends = self._ending and found is not LossPolicy.STOP
        return LossPolicy.BLOCK if ends else found

    def _check_start(self, states: list[BatteryState], now: float) -> None:
        self._awaited -= {s.id for s in states if s.status is not BatteryStatus.WAITING}
        if not self._starting:
            return
        excluded = (BatteryStatus.OUT_OF_SERVICE, BatteryStatus.DUPLICATE)
        counted = [s for s in states if s.status not in excluded]
        ready = not self._awaited and all(
            state.telegrams >= START_TELEGRAMS for state in counted
        )
        if (ready and counted) or now >= self._start_end:
            self._starting = False
            self._start_end = min(self._start_end, now)

    def _wake_times(self, context: Context, setpoints: AllSetpoints) -> Iterator[float]:
        """Yield when the limits may change although nothing is received."""
        parts: tuple[Timed, ...] = (
            *self._batteries.values(),
            self._evaluation,
            setpoints,
        )
        for part in parts:
            yield from part.wake_times(context.now)
        yield self._start_end
        yield grace_end(self._config, context.lost)
        for battery in context.lost:
            yield from wait(self._config, battery) or ()


def _by_id(states: Sequence[BatteryState]) -> dict[str, BatteryState]:
    return {state.id: state for state in states}
