"""When an inverter is sent a set, and what it is known to have been told."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import inf
from typing import Final

from ..battery.timing.telegram_boundary import Progress
from ..can.sender import Sender
from ..config import InverterConfig, Proof
from ..limits.rule_inputs import NO_LIMIT
from ..model import Direction, Frame, InverterState, Limit, Status, Telegram
from ..protocol import POLL, encode
from ..ramp import RAMP_TIME
from ..scheduling import next_of
from ..setpoints import RequestedLimit
from .allocation import AllocationRequest
from .bus_guard import BusGuard
from .disobedience import InverterLoad
from .rules import OWN_RULES, InverterInputs, apply, rating
from .send_schedule import SendSchedule
from .sent_limits import SentLimits
from .transmission import Phase, Transmission

LEAST_RAMP_STEP: Final = 0.1
"""A from one set to the next: what is told is cut to such counts, less never adds up."""
PRESENCE_PROBE: Final = 1.0
"""Seconds between two knocks, see `_knock`."""
OUT_OF_REACH: Final = 2.0
"""Seconds without being reachable after which it is no mere moment."""

_HARMLESS: Final = frozenset({0x356, 0x35E})
"""Measurements and name: no limit among them, should they wait in a queue for hours."""


class Inverter:
    """One inverter: decides when to send, and keeps account of what has left."""

    def __init__(self, config: InverterConfig, port: Sender) -> None:
        """Play a battery to an inverter through an open port."""
        self.config = config
        self.port = port
        self._transmission = Transmission(port, config.name)
        self._sent_limits = SentLimits()
        self.in_service = True
        """Whether the user wants it to take part."""
        self._schedule = SendSchedule()
        self._guard = BusGuard()
        self._allowed = True
        self._unreachable_since: float | None = None
        self._presence_probed_at: float | None = None
        self._bridged: dict[Direction, float] = {}
        """A; what it was told before a silence that is bridged, or was until lately."""
        self._resumes_until = 0.0

    def replaced(self, config: InverterConfig, port: Sender) -> Inverter:
        """Return who plays to the same one from now on: what it was told is told."""
        inverter = Inverter(config, port)
        inverter._sent_limits = self._sent_limits
        inverter._schedule.request_at = self._schedule.request_at
        return inverter

    def allocation_request(
        self,
        direction: Direction,
        requested: RequestedLimit | None,
        flowing: float,
        now: float,
    ) -> AllocationRequest:
        """Return how much the inverter can take in a direction, and may still hold.

        `requested`: the lowest of its setpoint and temporary limits. `flowing`: A of its
        own part that flow already, at which a ramp may begin.
        """
        inputs = InverterInputs(
            config=self.config,
            direction=direction,
            bank=NO_LIMIT,
            requested=requested,
            in_service=self.in_service,
        )
        own = apply(OWN_RULES, inputs, NO_LIMIT)
        rated = rating(inputs, NO_LIMIT).amps
        limits = self._sent_limits
        sent = limits.amps(direction)
        ceiling = inf
        if limits.confirmed is not None:
            step = max(rated / RAMP_TIME * (now - limits.confirmed_at), LEAST_RAMP_STEP)
            ceiling = max(sent, flowing, self._bridged.get(direction, 0.0)) + step
        return AllocationRequest(
            weight=rated,
            cap=own.amps,
            rule=own.rule,
            source=own.source,
            sent=sent,
            at_least=limits.at_least(direction),
            reserved=limits.reserved(direction, now),
            ceiling=ceiling,
            reachable=self.reachable,
            active_at=limits.active_at(direction),
        )

    def bridge(self, status: Status, now: float, *, bridges: bool) -> None:
        """Take how the gateway does: a silence that is bridged is followed by no ramp.

        `bridges`: whether one is bridged now.
        """
        if bridges:
            if not self._bridged:
                self._bridged = {d: self._sent_limits.amps(d) for d in Direction}
            self._resumes_until = now + RAMP_TIME
        elif status not in (Status.RUNNING, Status.REDUCED) or (
            now >= self._resumes_until
        ):
            self._bridged = {}

    def last_allocation_request(
        self, direction: Direction, now: float
    ) -> AllocationRequest:
        """Return what it may still hold once it was taken out of the configuration."""
        reserved = self._sent_limits.reserved(direction, now)
        return AllocationRequest(
            weight=0.0, cap=0.0, reserved=reserved, reachable=False
        )

    @property
    def load(self) -> InverterLoad:
        """What it may take: as it was told, else as it is rated if it takes part."""
        config = self.config
        if self._sent_limits.confirmed is not None:
            amps = {direction: self.sent_amps(direction) for direction in Direction}
        elif self.in_service:
            amps = {
                Direction.CHARGE: config.rated_charge,
                Direction.DISCHARGE: config.rated_discharge,
            }
        else:
            amps = dict.fromkeys(Direction, 0.0)
        return InverterLoad(
            config, amps, is_sent=self._sent_limits.confirmed is not None
        )

    def sent_amps(self, direction: Direction) -> float:
        """Return the limit in A that it may act upon: told, or on its way to it."""
        return self._sent_limits.amps(direction)

    @property
    def sent_version(self) -> int:
        """Counts changes of what it may act upon."""
        return self._sent_limits.version

    @property
    def followed_at(self) -> float:
        """When it has surely followed down to what it was told last."""
        return self._sent_limits.followed_at

    @property
    def confirmed(self) -> Telegram | None:
        """What it was last confirmed to have been sent; None once that expired."""
        return self._sent_limits.confirmed

    @property
    def reachable(self) -> bool:
        """Return whether it can be told anything now."""
        delivery = self._transmission
        return (
            delivery.is_open
            and self._allowed
            and delivery.phase is not Phase.NOT_ACKNOWLEDGED
        )

    def connected(self, now: float) -> bool | None:
        """Return whether it asks with 0x305; None: it never did."""
        return self._schedule.connected(now)

    @property
    def disconnects_at(self) -> float | None:
        """When it counts as disconnected unless it asks again; None: it never did."""
        return self._schedule.disconnects_at

    def out_of_reach(self, now: float) -> bool:
        """Return whether it could not be told anything for OUT_OF_REACH."""
        since = self._unreachable_since
        return since is not None and now >= since + OUT_OF_REACH

    def goes_on(self, now: float) -> bool:
        """Return whether a set has begun and its rest may follow at once.

        Not after the loop was held: what came meanwhile has to be heard first.
        """
        return self._transmission.goes_on(now)

    def on_request(self, at: float) -> None:
        """Take a 0x305 of the inverter's."""
        self._schedule.on_request(at)

    def on_other_frame(self, frame: Frame, now: float) -> None:
        """Take any other frame of its bus, or an error frame."""
        self._guard.on_frame(frame)
        self._transmission.on_other_frame(frame, now)

    def on_echo(self, frame: Frame, now: float) -> bool:
        """Take the echo of an own frame: it has left for the wire.

        Return whether that matters to the other inverters: one more set was told, or
        this one can be reached again.
        """
        ended = self._transmission.on_echo(frame)
        if ended is Phase.NOT_ACKNOWLEDGED:
            self._sent_limits.leave_stuck(now)
            self._schedule.urgent = True
        elif ended is Phase.SENT:
            self._confirm(now)
        return ended is not None

    def awaits(self, before: Progress, after: Progress) -> bool:
        """Return whether a set has become due, as what the batteries say is whole now.

        `before`, `after`: how far they are with their telegrams.
        """
        return self._schedule.awaits(self.config, before, after)

    def step(
        self, now: float, telegram: Telegram | None, progress: Progress
    ) -> float | None:
        """Send what is due; return when to look again.

        `telegram`: what it may be told now, None for silence. `progress`: how far the
        batteries online are with what they say. A set waits until that is whole: only
        then are all of its values of one cycle. A limit that falls waits for nothing;
        then the set is sent again when the rest has come.
        """
        delivery = self._transmission
        if not delivery.is_open:
            if delivery.begin_anew():
                self._sent_limits.doubt(now)
            self._sent_limits.drop_stuck()
        self._expire(now)
        if self.reachable:
            self._unreachable_since = None
        elif self._unreachable_since is None:
            self._unreachable_since = now
        if not delivery.is_open:
            return None
        delivery.time_out(now)
        if not self._may_send(now):
            self._probe_presence(now, telegram)
            telegram = None
        probe = delivery.phase is Phase.NOT_ACKNOWLEDGED and now >= delivery.probe_due
        due = delivery.phase is Phase.IDLE and self._is_due(now, telegram, progress)
        if telegram is not None and (probe or due):
            delivery.open(self._frames(telegram, opening=True), now)
        if delivery.phase is Phase.LEFT:
            self._send_rest(now, telegram, progress)
        if delivery.phase is Phase.IDLE and telegram is not None:
            self._prompt(now)
        return next_of(now, self._wake_times(now, telegram))

    def state(self, now: float, why: Mapping[Direction, Limit]) -> InverterState:
        """Return the inverter at `now`; `why`: the rules behind what it may be told."""
        confirmed = self._sent_limits.confirmed
        asks = not self._guard.battery_asks
        return InverterState(
            id=self.config.id,
            listening=self._transmission.listening,
            connected=self.connected(now) if asks else None,
            charge=_because(confirmed, why, Direction.CHARGE),
            discharge=_because(confirmed, why, Direction.DISCHARGE),
            confirmed=confirmed,
            sets=self._transmission.sets,
            dropped=self._transmission.dropped,
            last_set_at=self._sent_limits.confirmed_at if confirmed else None,
            last_request_at=self._schedule.request_at if asks else None,
            last_foreign_frame_at=self._guard.received_at,
            battery_detected=self._guard.battery_detected(now),
        )

    @property
    def _proof(self) -> Proof:
        return self.config.port.interface.proof

    def _may_send(self, now: float) -> bool:
        """Return whether limits may be sent on this port at all."""
        self._allowed = self._guard.allows(self._proof, now)
        if self._guard.keeps_silent(now):
            self._transmission.listening = None
        elif not self._allowed and self._transmission.listening:
            self._transmission.set_listening(False)
        return self._allowed

    def _probe_presence(self, now: float, telegram: Telegram | None) -> None:
        """Send what is harmless: many an inverter speaks only after it was spoken to.

        Only where nothing proves that frames leave: where echoes do, a set opens so.
        """
        if self._proof is not Proof.PRESENCE or self._guard.keeps_silent(now):
            return
        if telegram is None or self._transmission.phase not in (
            Phase.IDLE,
            Phase.NOT_ACKNOWLEDGED,
        ):
            return
        if (
            self._presence_probed_at is None
            or now >= self._presence_probed_at + PRESENCE_PROBE
        ):
            self._presence_probed_at = now
            for frame in self._frames(telegram):
                if frame.can_id in _HARMLESS:
                    self.port.send(frame)

    def _is_due(
        self, now: float, telegram: Telegram | None, progress: Progress
    ) -> bool:
        return telegram is not None and self._schedule.is_due(
            self.config, progress, now, cannot_wait=self._cannot_wait(telegram)
        )

    def _cannot_wait(self, telegram: Telegram) -> bool:
        return self._schedule.urgent or self._sent_limits.would_fall(telegram)

    def _send_rest(
        self, now: float, telegram: Telegram | None, progress: Progress
    ) -> None:
        """Queue the set now that its name has left, with what may be told now."""
        if telegram is None:
            self._transmission.drop()
            return
        cannot_wait = self._cannot_wait(telegram)
        self._schedule.sent(now, progress, cannot_wait=cannot_wait)
        self._sent_limits.queue(telegram, now)
        if self._transmission.send_rest(self._frames(telegram)[1:], now):
            self._confirm(now)

    def _frames(
        self, telegram: Telegram, *, opening: bool = False
    ) -> tuple[Frame, ...]:
        return encode(
            telegram,
            profile=self.config.profile,
            exact_dlc=self.config.exact_dlc,
            opening=opening,
        )

    def _confirm(self, now: float) -> None:
        self._sent_limits.confirm(now, follows_in=2 * self.config.reaction_time)

    def _prompt(self, now: float) -> None:
        """Make the inverter ask by a 0x305 of our own, as the original can."""
        due = self._schedule.prompt_due(self.config)
        if due is not None and now >= due:
            self._schedule.prompted(now)
            self._transmission.prompt(POLL, now)

    def _expire(self, now: float) -> None:
        """Forget what was told once the inverter itself no longer acts upon it."""
        if self._transmission.phase is Phase.SENT:
            return
        self._sent_limits.expire(
            now,
            asked_at=self._schedule.request_at or 0.0,
            timeout=self.config.timeout,
            not_acknowledged=self._transmission.phase is Phase.NOT_ACKNOWLEDGED,
        )

    def _wake_times(self, now: float, telegram: Telegram | None) -> Iterator[float]:
        """Yield when something becomes due if nothing happens before."""
        sends = telegram is not None
        if self._transmission.phase is Phase.IDLE:
            yield from self._schedule.wake_times(self.config, now, sends=sends)
        elif sends or self._transmission.phase is not Phase.NOT_ACKNOWLEDGED:
            yield from self._transmission.wake_times(now)
        if self._sent_limits.confirmed:
            yield self._sent_limits.confirmed_at + self.config.timeout
        yield from self._guard.wake_times(now)
        if self._proof is Proof.PRESENCE and self._presence_probed_at is not None:
            yield self._presence_probed_at + PRESENCE_PROBE


def _because(
    confirmed: Telegram | None, why: Mapping[Direction, Limit], direction: Direction
) -> Limit | None:
    """Return the limit as told, with the rule that holds now."""
    if confirmed is None:
        return None
    limit = why.get(direction)
    amps = confirmed.limit(direction)
    return Limit(amps=amps) if limit is None else replace(limit, amps=amps)
