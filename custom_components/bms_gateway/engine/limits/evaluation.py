"""One evaluation: what the inverters may be sent, from the batteries at one moment."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from ..aggregate.combine import combine, temperature
from ..aggregate.forecast import Forecast
from ..aggregate.smoothing import SmoothedMean, members
from ..battery.limits import permits
from ..config import GatewayConfig, LossPolicy, Strategy
from ..model import NO_BANK, BankState, BatteryState, Direction, Limit, Status
from ..ramp import RAMP_STEP
from ..setpoints import AllSetpoints
from .alarms import Alarms
from .bank_limits import BankLimits
from .charge_voltage import bank_voltage
from .context import Context
from .loss.battery_loss import BLOCK_BEFORE_SILENCE, stopped_by_loss
from .loss.bridge import bridge
from .pipeline import Pipeline
from .voltage_limits import VoltageLimits


class BankEvaluation:
    """Evaluates the batteries moment by moment, and keeps what that needs."""

    def __init__(self, learnt: Mapping[str, float] | None = None) -> None:
        """Begin with current shares learnt earlier (by battery id), else with none."""
        self._pipeline = Pipeline(learnt)
        self._voltages = VoltageLimits()
        self._soc, self._soh = SmoothedMean(), SmoothedMean()
        self._forecast = Forecast()
        self._alarms = Alarms()
        self._dark_since: float | None = None
        """Since when the inverters are blocked because no battery is received."""
        self._bridged_until: float | None = None
        self._last: BankLimits | None = None
        """The last limits of batteries that were received."""
        self._last_allowed: Mapping[str, float] = {}
        """A; what each battery allowed for discharging then."""
        self._temperature: float | None = None

    @property
    def learnt(self) -> dict[str, float]:
        """The current shares by battery id, to be kept across restarts."""
        return self._pipeline.parallel.shares.learnt

    @property
    def wrong_signs(self) -> frozenset[str]:
        """The batteries that count their current the other way round."""
        return self._pipeline.parallel.shares.wrong_signs

    def wake_times(self, now: float) -> Iterator[float]:
        """Yield when the limits may change although nothing is received."""
        if self._bridged_until is not None:
            yield self._bridged_until
        elif self._dark_since is not None:
            yield self._dark_since + BLOCK_BEFORE_SILENCE
        if self._bridged_until or self._pipeline.ramping or self._voltages.ramping:
            yield now + RAMP_STEP
        yield from self._pipeline.parallel.wake_times(now)

    def hold_back(self) -> None:
        """Ramp up from the limits just evaluated, as after a fall."""
        self._pipeline.hold_back()

    def evaluate(
        self,
        config: GatewayConfig,
        context: Context,
        setpoints: AllSetpoints,
        sent: Mapping[Direction, float],
        beyond: Mapping[Direction, float],
    ) -> BankLimits:
        """Return what may be sent.

        `sent`: the sum of what the inverters were sent, in A per direction; `beyond`:
        what they are known to take beyond that.
        """
        if not context.online:
            return self._without_batteries(config, context, NO_BANK, setpoints)
        self._pipeline.observe(context, config, sent, beyond)
        now, connected = context.now, self._connected(context)
        bank = self._combined(context, config)
        volts = bank_voltage(connected)
        reference = self._voltages.refer(connected, now)
        if volts is None or reference is None or bank.soc is None:
            return self._without_batteries(config, context, bank, setpoints)
        self._dark_since = self._bridged_until = None
        if context.silenced:
            self._pipeline.block(now)
            return BankLimits(status=Status.SILENT, bank=bank)
        if (celsius := temperature(bank)) is not None:
            self._temperature = celsius
        charge_voltage, over_voltage = self._voltages.charge(
            context, volts, reference, setpoints.bank.charge_voltage
        )
        highest = max(volts, bank.voltage or volts)
        limits = {
            direction: self._pipeline.evaluate(
                direction,
                context,
                config,
                over_voltage=over_voltage,
                requested=setpoints.requested(None, direction, now, highest),
            )
            for direction in Direction
        }
        permitted = frozenset(d for d in Direction if self._permits(context, d))
        self._last_allowed = context.allowed_currents(Direction.DISCHARGE)
        self._last = BankLimits(
            status=_status(context),
            bank=bank,
            current=self._pipeline.parallel.current(context),
            volts=highest,
            limits=limits,
            enabled=_enabled(config, context, permitted),
            charge_voltage_limit=charge_voltage,
            discharge_voltage_limit=self._voltages.discharge(bank, volts),
            temperature=self._temperature,
            raised=self._alarms.update(
                context, permitted, reaction=config.reaction_time
            ),
            awaits=bool(context.awaited),
        )
        return self._last

    def with_parts(self, states: Sequence[BatteryState]) -> list[BatteryState]:
        """Add to each battery what is known of how it carries the bank's current."""
        parallel = self._pipeline.parallel
        parts = {s.id: part for s in states if (part := parallel.part(s.id))}
        odd = parallel.shares.odd([s for s in states if s.id in parts])
        wrong_signs = parallel.shares.wrong_signs
        return [
            replace(
                state,
                current_share=part.current_share,
                circulating_current=part.circulating_current,
                excluded=parallel.excluded(state.id),
                odd_share=state.id in odd,
                wrong_sign=state.id in wrong_signs,
            )
            if (part := parts.get(state.id))
            else state
            for state in states
        ]

    def _combined(self, context: Context, config: GatewayConfig) -> BankState:
        """Return the batteries as one."""
        now, batteries = context.now, (context.online, context.lost)
        bank = combine(
            context.online,
            current=self._pipeline.parallel.current(context),
            factor=config.current_factor,
            offset=config.current_offset,
        )
        soc = self._soc.update(members(lambda r: r.soc, *batteries, now), now)
        soh = self._soh.update(members(lambda r: r.soh, *batteries, now), now)
        return self._forecast.update(replace(bank, soc=soc, soh=soh), now)

    def _without_batteries(
        self,
        config: GatewayConfig,
        context: Context,
        bank: BankState,
        setpoints: AllSetpoints,
    ) -> BankLimits:
        """Return what may be sent without the values that a telegram needs.

        A silence of some seconds is bridged; then follows a block, then nothing. No
        bridge follows a block: what applied before it was taken back.
        """
        last = self._last
        policies = (config.charge_loss_policy, config.discharge_loss_policy)
        stops = LossPolicy.STOP in policies
        is_dark = self._dark_since is not None
        if last is not None and last.limits is not None and not stops and not is_dark:
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
        since = context.now if self._dark_since is None else self._dark_since
        self._dark_since = since
        self._bridged_until = None
        silent = context.now >= since + BLOCK_BEFORE_SILENCE
        self._pipeline.block(context.now)
        if silent or stops or last is None:
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
        """Return what was last known of the pack, without the current: it is unknown."""
        bank = last.bank
        return BankLimits(
            status=last.status,
            bank=BankState(soc=bank.soc, soh=bank.soh, voltage=bank.voltage),
            charge_voltage_limit=self._voltages.charge_in_silence(
                context, bank, setpoints.bank.charge_voltage
            ),
            discharge_voltage_limit=self._voltages.discharge_in_silence(bank.voltage),
            temperature=self._temperature,
        )

    def _connected(self, context: Context) -> Sequence[BatteryState]:
        """Return whose voltage is the bank's: an excluded one may be disconnected."""
        parallel = self._pipeline.parallel
        known = [b for b in context.online if b.readings.voltage is not None]
        return [b for b in known if not parallel.excluded(b.id)] or known

    def _permits(self, context: Context, direction: Direction) -> bool:
        """Return whether a battery permits a direction and is not excluded in it."""
        return any(
            permits(battery.readings, direction)
            and direction not in self._pipeline.parallel.excluded(battery.id)
            for battery in context.online
        )


def _enabled(
    config: GatewayConfig, context: Context, permitted: frozenset[Direction]
) -> frozenset[Direction]:
    """Return the enables to send: some battery permits it; by `sum` every one has to."""
    if config.strategy is Strategy.SUM:
        permitted = frozenset(
            direction
            for direction in Direction
            if all(permits(b.readings, direction) for b in context.online)
        )
    return permitted - context.blocked


def _status(context: Context) -> Status:
    if not context.lost:
        return Status.RUNNING
    return Status.BLOCKED if context.blocked else Status.REDUCED
