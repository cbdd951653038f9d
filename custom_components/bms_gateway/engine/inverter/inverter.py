"""One inverter: when it is sent a telegram, and which limits it may act on."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from ..battery.timing.telegram_boundary import Progress
from ..can.sender import Sender
from ..config import InverterConfig
from ..model import Direction, Frame, InverterState, Limit, Status, Telegram
from ..presets import FrameLength
from ..protocol import POLL, SeenMakes, encode
from ..scheduling import next_of
from .bus_guard import BusGuard
from .compliance.monitor import InverterLoad
from .limits_before_gap import LimitsBeforeGap
from .presence_probe import PresenceProbe
from .send_schedule import SendSchedule
from .sent_limits import SentLimits
from .transmission import Phase, Transmission

OUT_OF_REACH: Final = 2.0
"""Seconds without being reachable after which it is more than a short interruption."""


class Inverter:
    """One inverter: decides when to send, and keeps track of what has left."""

    def __init__(self, config: InverterConfig, port: Sender) -> None:
        """Present a battery to an inverter through an open port."""
        self.config = config
        self.port = port
        self._transmission = Transmission(port, config.name)
        self.sent_limits = SentLimits()
        self.limits_before_gap = LimitsBeforeGap()
        self.in_service = True
        """Whether the user has put it in service."""
        self._schedule = SendSchedule()
        self._guard = BusGuard()
        self._seen = SeenMakes()
        self._allowed = True
        self._unreachable_since: float | None = None
        self._presence_probe = PresenceProbe(config.port.interface.proof, port)

    def replaced(self, config: InverterConfig, port: Sender) -> Inverter:
        """Return its successor on another port, with the same sent limits."""
        inverter = Inverter(config, port)
        inverter.sent_limits = self.sent_limits
        inverter._schedule.request_at = self._schedule.request_at
        return inverter

    def configure(self, config: InverterConfig) -> None:
        """Take new settings, on the same port.

        With another make, what the bus showed so far may be of another device: it would
        count as a second one, or as a wrong choice, until it is forgotten.
        """
        if config.make is not self.config.make:
            self._seen = SeenMakes()
        self.config = config

    def bridge(self, status: Status, now: float, *, bridges: bool) -> None:
        """Take the bank's status; `bridges`: whether a gap is bridged now."""
        sent = {direction: self.sent_amps(direction) for direction in Direction}
        self.limits_before_gap.update(sent, status, now, bridges=bridges)

    @property
    def load(self) -> InverterLoad:
        """Its current limits as sent, else its ratings if it is in service."""
        config = self.config
        if self.sent_limits.confirmed is not None:
            amps = {direction: self.sent_amps(direction) for direction in Direction}
        elif self.in_service:
            amps = {
                Direction.CHARGE: config.rated_charge,
                Direction.DISCHARGE: config.rated_discharge,
            }
        else:
            amps = dict.fromkeys(Direction, 0.0)
        return InverterLoad(
            config, amps, is_sent=self.sent_limits.confirmed is not None
        )

    def sent_amps(self, direction: Direction) -> float:
        """Return the limit in A that it may act on: confirmed, or on its way."""
        return self.sent_limits.amps(direction)

    @property
    def sent_version(self) -> int:
        """Counts changes of the limits that it may act on."""
        return self.sent_limits.version

    @property
    def followed_at(self) -> float:
        """When it has surely followed its last lower limit."""
        return self.sent_limits.followed_at

    @property
    def confirmed(self) -> Telegram | None:
        """The last confirmed telegram; None: none, or it has expired."""
        return self.sent_limits.confirmed

    @property
    def reachable(self) -> bool:
        """Return whether it can be sent limits now."""
        transmission = self._transmission
        return transmission.is_open and self._allowed and transmission.is_acknowledged

    def connected(self, now: float) -> bool | None:
        """Return whether it requests data with 0x305; None: it never did."""
        return self._schedule.connected(now)

    @property
    def disconnects_at(self) -> float | None:
        """When it disconnects unless it requests again; None: it never did."""
        return self._schedule.disconnects_at

    def out_of_reach(self, now: float) -> bool:
        """Return whether it could not be sent anything for OUT_OF_REACH."""
        since = self._unreachable_since
        return since is not None and now >= since + OUT_OF_REACH

    def can_continue(self, now: float) -> bool:
        """Return whether a telegram was opened and its rest may follow at once.

        Not after the loop was blocked: what arrived meanwhile has to be read first.
        """
        return self._transmission.can_continue(now)

    def on_request(self, at: float) -> None:
        """Take a 0x305 of the inverter."""
        self._schedule.on_request(at)

    def on_other_frame(self, frame: Frame, now: float) -> None:
        """Take any other frame of its bus, or an error frame."""
        self._guard.on_frame(frame)
        self._seen.on_frame(frame)
        self._transmission.on_other_frame(frame, now)

    def on_echo(self, frame: Frame, now: float) -> bool:
        """Take the echo of an own frame: it has left for the wire.

        Return whether that matters to the other inverters: one more telegram is
        confirmed, or this inverter can be reached again.
        """
        was_reachable = self.reachable
        ended = self._transmission.on_echo(frame)
        if ended is Phase.NOT_ACKNOWLEDGED:
            self.sent_limits.leave_stuck(now)
            self._schedule.urgent = True
        elif ended is Phase.SENT:
            self._confirm(now)
        return ended is not None or self.reachable is not was_reachable

    def awaits(self, before: Progress, after: Progress) -> bool:
        """Return whether a telegram became due because all values are complete.

        `before`, `after`: how far the batteries are with their telegrams.
        """
        return self._schedule.awaits(self.config, before, after)

    def step(
        self, now: float, telegram: Telegram | None, progress: Progress
    ) -> float | None:
        """Send what is due; return when to look again.

        `telegram`: what may be sent now, None: nothing. `progress`: how far the
        batteries online are with their telegrams. A telegram waits until these are
        complete: only then do all of its values belong to one cycle. A lower limit
        waits for nothing; the telegram is then sent again when the rest has arrived.
        """
        transmission = self._transmission
        if not transmission.is_open:
            if transmission.reset():
                self.sent_limits.doubt(now)
            self.sent_limits.drop_stuck()
        self._expire(now)
        if self.reachable:
            self._unreachable_since = None
        elif self._unreachable_since is None:
            self._unreachable_since = now
        if not transmission.is_open:
            return None
        transmission.time_out(now)
        if not self._may_send(now):
            self._probe_presence(now, telegram)
            telegram = None
        probe = (
            transmission.phase is Phase.NOT_ACKNOWLEDGED
            and now >= transmission.probe_due
        )
        due = transmission.phase is Phase.IDLE and self._is_due(now, telegram, progress)
        if telegram is not None and (probe or due):
            transmission.open(self._frames(telegram, opening=True), now)
        if transmission.phase is Phase.LEFT:
            self._send_rest(now, telegram, progress)
        if transmission.phase is Phase.IDLE and telegram is not None:
            self._prompt(now)
        return next_of(now, self._wake_times(now, telegram))

    def state(self, now: float, why: Mapping[Direction, Limit]) -> InverterState:
        """Return the inverter at `now`; `why`: the rules behind its present target."""
        confirmed = self.sent_limits.confirmed
        requests = not self._guard.battery_requests
        return InverterState(
            id=self.config.id,
            listening=self._transmission.listening,
            connected=self.connected(now) if requests else None,
            charge=_as_sent(confirmed, why, Direction.CHARGE),
            discharge=_as_sent(confirmed, why, Direction.DISCHARGE),
            confirmed=confirmed,
            telegrams_sent=self._transmission.telegrams_sent,
            telegrams_dropped=self._transmission.telegrams_dropped,
            last_telegram_at=self.sent_limits.confirmed_at if confirmed else None,
            last_request_at=self._schedule.request_at if requests else None,
            last_foreign_frame_at=self._guard.received_at,
            seen_makes=self._seen.found,
            neighbours=self._seen.neighbours,
            battery_detected=self._guard.battery_detected(now),
        )

    def _may_send(self, now: float) -> bool:
        """Return whether limits may be sent on this port at all."""
        self._allowed = self._guard.allows(self.config.port.interface.proof, now)
        if self._guard.is_silenced(now):
            self._transmission.listening = None
        elif not self._allowed and self._transmission.listening:
            self._transmission.set_listening(False)
        return self._allowed

    def _probe_presence(self, now: float, telegram: Telegram | None) -> None:
        idle = self._transmission.phase in (Phase.IDLE, Phase.NOT_ACKNOWLEDGED)
        if telegram is not None and idle and not self._guard.is_silenced(now):
            self._presence_probe.step(self._frames(telegram), now)

    def _is_due(
        self, now: float, telegram: Telegram | None, progress: Progress
    ) -> bool:
        return telegram is not None and self._schedule.is_due(
            self.config, progress, now, cannot_wait=self._cannot_wait(telegram)
        )

    def _cannot_wait(self, telegram: Telegram) -> bool:
        return self._schedule.urgent or self.sent_limits.would_fall(telegram)

    def _send_rest(
        self, now: float, telegram: Telegram | None, progress: Progress
    ) -> None:
        """Queue the rest now that the name has left, with what may be sent now."""
        if telegram is None:
            self._transmission.drop()
            return
        cannot_wait = self._cannot_wait(telegram)
        self._schedule.sent(now, progress, cannot_wait=cannot_wait)
        self.sent_limits.queue(telegram, now)
        if self._transmission.send_rest(self._frames(telegram)[1:], now):
            self._confirm(now)

    def _frames(
        self, telegram: Telegram, *, opening: bool = False
    ) -> tuple[Frame, ...]:
        preset = self.config.preset
        return encode(
            telegram,
            profile=preset.profile,
            name=preset.name_prefix,
            tag=preset.tag,
            exact_dlc=self.config.frame_length is FrameLength.EXACT,
            opening=opening,
        )

    def _confirm(self, now: float) -> None:
        self.sent_limits.confirm(now, follows_in=2 * self.config.reaction_time)

    def _prompt(self, now: float) -> None:
        """Prompt the inverter by a 0x305 of our own, as the daemon can."""
        due = self._schedule.prompt_due(self.config)
        if due is not None and now >= due:
            self._schedule.prompted(now)
            self._transmission.prompt(POLL, now)

    def _expire(self, now: float) -> None:
        """Forget sent limits once the inverter itself no longer acts on them."""
        if self._transmission.phase is Phase.SENT:
            return
        self.sent_limits.expire(
            now,
            requested_at=self._schedule.request_at or 0.0,
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
        if self.sent_limits.confirmed:
            yield self.sent_limits.confirmed_at + self.config.timeout
        yield from self._guard.wake_times(now)
        yield from self._presence_probe.wake_times(now)


def _as_sent(
    confirmed: Telegram | None, why: Mapping[Direction, Limit], direction: Direction
) -> Limit | None:
    """Return the limit as sent, with the rule that binds now."""
    if confirmed is None:
        return None
    limit = why.get(direction)
    amps = confirmed.limit(direction)
    return Limit(amps=amps) if limit is None else replace(limit, amps=amps)
