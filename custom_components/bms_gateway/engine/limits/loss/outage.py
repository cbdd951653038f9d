"""No battery is received: what is sent during a bridge, then a block, then nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from ...config import GatewayConfig, LossPolicy
from ...model import BankState, Direction, Limit, Status
from ...ramp import RAMP_STEP
from ...setpoints import AllSetpoints
from ..alarms import NOTHING_RAISED, Alarms
from ..bank_limits import BankLimits
from ..context import Context
from ..pipeline import Pipeline
from ..voltage_limits import VoltageLimits
from .battery_loss import BLOCK_BEFORE_SILENCE, stopped_by_loss
from .bridge import bridge


class Outage:
    """The time without batteries, and the limits before it."""

    def __init__(
        self, pipeline: Pipeline, voltages: VoltageLimits, alarms: Alarms
    ) -> None:
        """Begin without earlier limits; the parts are those of the evaluation."""
        self._pipeline = pipeline
        self._voltages = voltages
        self._alarms = alarms
        self._blocked_since: float | None = None
        """Since when the inverters are blocked because no battery is received."""
        self._bridged_until: float | None = None
        self._last: BankLimits | None = None
        """The last limits of batteries that were received."""
        self._last_allowed: Mapping[str, float] = {}
        """A; what each battery allowed for discharging then."""

    def end(self) -> None:
        """Take that batteries are received."""
        self._blocked_since = self._bridged_until = None

    def remember(self, limits: BankLimits, allowed: Mapping[str, float]) -> None:
        """Store the limits of batteries that are received, for a later outage.

        `allowed`: what each battery allows for discharging, in A.
        """
        self._last, self._last_allowed = limits, allowed

    def wake_times(self, now: float) -> Iterator[float]:
        """Yield when a bridge falls or ends, or a block ends."""
        if self._bridged_until is not None:
            yield self._bridged_until
            yield now + RAMP_STEP
        elif self._blocked_since is not None:
            yield self._blocked_since + BLOCK_BEFORE_SILENCE

    def evaluate(
        self,
        config: GatewayConfig,
        context: Context,
        bank: BankState,
        setpoints: AllSetpoints,
    ) -> BankLimits:
        """Return what may be sent without the values that a telegram needs.

        A gap of some seconds is bridged; then a block follows, then nothing is sent. No
        bridge follows a block: the limits before it were taken back.
        """
        last = self._last
        policies = (config.charge_loss_policy, config.discharge_loss_policy)
        stops = LossPolicy.STOP in policies
        is_blocked = self._blocked_since is not None
        if (
            last is not None
            and last.limits is not None
            and not stops
            and not is_blocked
        ):
            bridged = bridge(
                config,
                context,
                last.limits[Direction.DISCHARGE],
                self._voltages.discharge_floor,
                self._last_allowed,
            )
            if bridged is not None:
                self._bridged_until = bridged.until
                return self._bridged(config, context, last, bridged.limit, setpoints)
        if self._continue_block(context.now) or stops or last is None:
            return BankLimits(status=Status.SILENT, bank=bank)
        source = next((b.id for b in (*context.lost, *context.online)), None)
        return replace(
            self._held(context, last, setpoints),
            status=Status.BLOCKED,
            limits=dict.fromkeys(Direction, stopped_by_loss(source)),
            raised=self._alarms.update(
                context, frozenset(), reaction=config.reaction_time
            ).with_loss(),
        )

    def refuse(self, now: float) -> BankLimits:
        """Return a block as at the end of an outage, then that nothing may be sent.

        The nominal voltages are mixed, so no battery tells the voltages to send: those
        that were sent last stay. Where nothing was sent before, there is no block.
        """
        if self._continue_block(now) or self._last is None:
            return BankLimits(status=Status.MIXED_VOLTAGES)
        return replace(
            self._last,
            status=Status.BLOCKED,
            limits=dict.fromkeys(Direction, stopped_by_loss(None)),
            enabled=frozenset(),
            raised=NOTHING_RAISED.with_loss(),
            awaits=False,
        )

    def _continue_block(self, now: float) -> bool:
        """Begin or continue a block; return whether it is over, and silence follows."""
        if self._blocked_since is None:
            self._blocked_since = now
        self._bridged_until = None
        self._pipeline.block(now)
        return now >= self._blocked_since + BLOCK_BEFORE_SILENCE

    def _bridged(
        self,
        config: GatewayConfig,
        context: Context,
        last: BankLimits,
        limit: Limit,
        setpoints: AllSetpoints,
    ) -> BankLimits:
        """Return what is sent during a gap of the last battery: no alarm yet."""
        way = Direction.DISCHARGE
        requested = setpoints.requested(None, way, context.now, last.volts)
        limit = self._pipeline.within_user_limits(
            limit, way, context, config, requested
        )
        none = stopped_by_loss(context.lost[0].id)
        return replace(
            self._held(context, last, setpoints),
            status=Status.BRIDGING,
            volts=last.volts,
            limits={Direction.CHARGE: none, Direction.DISCHARGE: limit},
            enabled=last.enabled - {Direction.CHARGE},
            raised=last.raised,
        )

    def _held(
        self, context: Context, last: BankLimits, setpoints: AllSetpoints
    ) -> BankLimits:
        """Return what was last known of the pack, without its unknown current."""
        bank = last.bank
        return BankLimits(
            status=last.status,
            bank=BankState(soc=bank.soc, soh=bank.soh, voltage=bank.voltage),
            charge_voltage_limit=self._voltages.charge_in_silence(
                context, bank, setpoints.bank.charge_voltage
            ),
            charge_stop_voltage=self._voltages.charge_stop,
            discharge_voltage_limit=self._voltages.discharge_in_silence(bank.voltage),
            is_full=last.is_full,
            temperature=last.temperature,
        )
