"""What the inverters may be told: the rules for voltage, current, SOC and alarms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf

from ..aggregate.combine import combine, temperature
from ..aggregate.forecast import Forecast
from ..aggregate.smoothing import SmoothedMean, members
from ..battery.capacity import CELLS, cells_of
from ..battery.limits import permits
from ..config import GatewayConfig, LossPolicy, Strategy
from ..model import NO_BANK, BankState, BatteryState, Direction, Limit, Rule, Status
from ..ramp import RAMP_TIME, Ramp, ramp
from ..setpoints import AllSetpoints
from .alarms import NOTHING_RAISED, Alarms, Raised
from .battery_loss import BLOCK_BEFORE_SILENCE
from .bridge import bridge
from .charge_voltage import (
    CELL_FULL,
    RAMP_RATE,
    ChargeVoltage,
    VoltageReference,
    bank_voltage,
    charge_voltage,
    discharge_voltage,
    peak,
)
from .context import Context
from .pipeline import Bounds, Limits, as_wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class BankLimits:
    """What the inverters together may be told at one moment."""

    status: Status
    batteries: Mapping[str, BatteryState] = field(default_factory=dict)
    bank: BankState = NO_BANK
    current: float | None = None
    """A, charge positive; what flows through the bank as measured. None: unknown."""
    volts: float | None = None
    """The bank's voltage by which watts are converted: the higher one of what is told and
    what stands without single outliers, so that no limit in W is exceeded."""
    limits: Mapping[Direction, Limit] | None = None
    enabled: frozenset[Direction] = frozenset()
    charge_voltage_limit: float | None = None
    discharge_voltage_limit: float | None = None
    temperature: float | None = None
    """°C, as told: where no battery tells its own it may be that of the cells, or an
    earlier one."""
    raised: Raised = NOTHING_RAISED
    awaits: bool = False
    """Whether the lost batteries are awaited: short gaps are a habit of them."""

    @property
    def bridges(self) -> bool:
        """Return whether a silence is bridged, after which no limit has to ramp."""
        return self.awaits or self.status is Status.BRIDGING

    @property
    def speaks(self) -> bool:
        """Return whether enough is known and allowed to be sent."""
        return self.status not in (Status.STARTING, Status.SILENT) and None not in (
            self.limits,
            self.charge_voltage_limit,
            self.discharge_voltage_limit,
            self.bank.soc,
            self.bank.voltage,
        )


class BankEvaluation:
    """Judges scene by scene; remembers what the rules need of earlier ones."""

    def __init__(self, learnt: Mapping[str, float] | None = None) -> None:
        """Begin with slices learnt earlier (by battery id), else with none."""
        self._limits = Limits(learnt)
        self._reference = VoltageReference()
        self._soc, self._soh = SmoothedMean(), SmoothedMean()
        self._forecast = Forecast()
        self._alarms = Alarms()
        self._dark_since: float | None = None
        self._last: BankLimits | None = None
        """The last one of batteries that were heard."""
        self._last_allowed: Mapping[str, float] = {}
        """A; what each battery allowed for discharging then."""
        self._bridged_until: float | None = None
        self._last_lowest: BatteryState | None = None
        self._last_reference: float | None = None
        self._voltage_ramp: Ramp | None = None
        self._last_discharge_voltage: float | None = None
        self._last_temperature: float | None = None

    @property
    def learnt(self) -> dict[str, float]:
        """The slices by battery id, to be kept across restarts."""
        return self._limits.parallel.shares.learnt

    @property
    def wrong_signs(self) -> frozenset[str]:
        """The batteries that count their current the other way round."""
        return self._limits.parallel.shares.wrong_signs

    @property
    def dark_until(self) -> float | None:
        """When a bridge ends in a block, or a block in silence; None: none holds."""
        if self._bridged_until is not None:
            return self._bridged_until
        since = self._dark_since
        return None if since is None else since + BLOCK_BEFORE_SILENCE

    def changes_at(self, now: float) -> float | None:
        """Return when the limits may be others though nothing is heard."""
        return self._limits.parallel.changes_at(now)

    @property
    def ramping(self) -> bool:
        """Whether a limit is on its way and wants to be judged again soon."""
        way = self._voltage_ramp
        if self._bridged_until is not None:
            return True
        return self._limits.ramping or (
            way is not None and way.amps < way.wanted[-1][1]
        )

    def hold_back(self) -> None:
        """Let limits above those just judged rise as after a fall."""
        self._limits.hold_back()

    def evaluate(
        self,
        config: GatewayConfig,
        context: Context,
        setpoints: AllSetpoints,
        sent: Mapping[Direction, float],
        beyond: Mapping[Direction, float],
    ) -> BankLimits:
        """Return what may be told.

        `told`: the sum of what the inverters were told, in A per direction; `beyond`:
        what they are known to take beyond that.
        """
        if not context.online:
            return self._dark(config, context, NO_BANK, setpoints)
        self._limits.observe(context, config, sent, beyond)
        current = self._limits.parallel.current(context)
        bank = combine(
            context.online,
            current=current,
            factor=config.current_factor,
            offset=config.current_offset,
        )
        now, batteries = context.now, (context.online, context.lost)
        soc = self._soc.update(members(lambda r: r.soc, *batteries, now), now)
        soh = self._soh.update(members(lambda r: r.soh, *batteries, now), now)
        bank = self._forecast.update(replace(bank, soc=soc, soh=soh), now)
        connected = self._connected(context)
        volts = bank_voltage(connected)
        reference = self._reference.update(_peak(connected), context.now)
        if volts is None or reference is None or soc is None:
            return self._dark(config, context, bank, setpoints)
        self._dark_since = None
        self._bridged_until = None
        if context.silenced:
            self._limits.block(context.now)
            return BankLimits(status=Status.SILENT, bank=bank)
        self._remember(bank, reference)
        voltage, over = self._charge_voltage(context, volts, reference, setpoints)
        highest = max(volts, bank.voltage or volts)
        limits = {
            direction: self._limits.evaluate(
                direction,
                context,
                config,
                Bounds(
                    over, setpoints.requested(None, direction, context.now, highest)
                ),
            )
            for direction in Direction
        }
        permitted = frozenset(d for d in Direction if self._permits(context, d))
        self._last_allowed = context.allowed_currents(Direction.DISCHARGE)
        self._last = BankLimits(
            status=_status(context),
            bank=bank,
            current=current,
            volts=highest,
            limits=limits,
            enabled=_enabled(config, context, permitted),
            charge_voltage_limit=voltage,
            discharge_voltage_limit=self._discharge_voltage(volts),
            temperature=self._last_temperature,
            raised=self._alarms.update(
                context, permitted, reaction=config.reaction_time
            ),
            awaits=bool(context.awaited),
        )
        return self._last

    def _dark(
        self,
        config: GatewayConfig,
        context: Context,
        bank: BankState,
        setpoints: AllSetpoints,
    ) -> BankLimits:
        """Return what may be told without what a set needs.

        A silence of some seconds is bridged; then there is a block, then nothing. No
        bridge follows a block: what held before it was taken back.
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
                self._last_discharge_voltage,
                self._last_allowed,
            )
            if bridged is not None:
                self._bridged_until = bridged.until
                return self._bridged(config, context, last, bridged.limit, setpoints)
        since = context.now if self._dark_since is None else self._dark_since
        self._dark_since = since
        self._bridged_until = None
        silent = context.now >= since + BLOCK_BEFORE_SILENCE
        self._limits.block(context.now)
        if silent or stops or last is None:
            return BankLimits(status=Status.SILENT, bank=bank)
        source = next((b.id for b in (*context.lost, *context.online)), None)
        return replace(
            self._held(context, last, setpoints),
            status=Status.BLOCKED,
            limits=dict.fromkeys(
                Direction, Limit(amps=0.0, rule=Rule.LOSS, source=source)
            ),
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
        """Return what is told while no battery is heard for a moment: no alarm yet."""
        requested = setpoints.requested(
            None, Direction.DISCHARGE, context.now, last.volts
        )
        limit = as_wanted(limit, Direction.DISCHARGE, config, requested)
        none = Limit(amps=0.0, rule=Rule.LOSS, source=context.lost[0].id)
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
        """Return what was last known of the pack, without what flows: that is unknown.

        The charge voltage limit stands at the pack's voltage. In the dark its reference
        would fall, though nobody knows what the pack does: it stays as it was.
        """
        bank = last.bank
        caps = (bank.voltage, setpoints.bank.charge_voltage)
        cap = min((volts for volts in caps if volts is not None), default=None)
        lowest, reference = self._last_lowest, self._last_reference
        if context.counted:
            # What one that is rejoining says holds already
            lowest = min(context.counted, key=_charge_voltage_limit)
        volts = None
        if lowest is not None and reference is not None:
            volts = _charge_voltage(lowest, reference, cap=cap).volts
        return BankLimits(
            status=last.status,
            bank=BankState(soc=bank.soc, soh=bank.soh, voltage=bank.voltage),
            charge_voltage_limit=volts,
            discharge_voltage_limit=self._discharge_voltage(bank.voltage),
            temperature=self._last_temperature,
        )

    def _charge_voltage(
        self, context: Context, volts: float, reference: float, setpoints: AllSetpoints
    ) -> tuple[float, Limit | None]:
        """Return the charge voltage limit, and what holds if it is too high for one."""
        lowest = min(context.counted, key=_charge_voltage_limit)
        self._last_lowest = lowest
        free = _charge_voltage(lowest, reference, cap=None)
        cap = self._slowly(free.volts, context.now)
        if (requested := setpoints.bank.charge_voltage) is not None:
            cap = min(cap, requested)
        if Direction.CHARGE in context.blocked:
            cap = min(cap, volts)
        sent = _charge_voltage(lowest, reference, cap=cap)
        if not sent.over_battery:
            return sent.volts, None
        number = _charge_voltage_limit(lowest)
        return sent.volts, Limit(
            amps=0.0, rule=Rule.VOLTAGE, source=lowest.id, number=number
        )

    def _slowly(self, volts: float, now: float) -> float:
        """Return how much of a charge voltage limit in V may be told: it rises slowly."""
        self._voltage_ramp = ramp(
            self._voltage_ramp, volts, now, rated=RAMP_RATE * RAMP_TIME, flowing=0.0
        )
        return self._voltage_ramp.amps

    def _remember(self, bank: BankState, reference: float) -> None:
        """Keep what is still told when it is not known any more."""
        self._last_reference = reference
        if bank.discharge_voltage_limit is not None:
            self._last_discharge_voltage = bank.discharge_voltage_limit
        if (celsius := temperature(bank)) is not None:
            self._last_temperature = celsius

    def _discharge_voltage(self, volts: float | None) -> float:
        lowest = self._last_lowest
        cells = (lowest and lowest.cells) or CELLS
        return discharge_voltage(self._last_discharge_voltage, volts, cells=cells)

    def _connected(self, context: Context) -> Sequence[BatteryState]:
        """Return whose voltage is the bank's: who stands aside may be on its own."""
        parallel = self._limits.parallel
        known = [b for b in context.online if b.readings.voltage is not None]
        return [b for b in known if not parallel.excluded(b.id)] or known

    def _permits(self, context: Context, direction: Direction) -> bool:
        """Return whether some battery allows a direction that does not stand aside."""
        return any(
            permits(battery.readings, direction)
            and direction not in self._limits.parallel.excluded(battery.id)
            for battery in context.online
        )

    def with_parts(self, states: Sequence[BatteryState]) -> list[BatteryState]:
        """Add to each battery what is known of how it carries the bank's current."""
        parallel = self._limits.parallel
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


def _peak(connected: Sequence[BatteryState]) -> float | None:
    """Return the bank voltage in V that is told again and again, and can be one."""
    volts = bank_voltage(connected, peak)
    if volts is None:
        return None
    cells = max((battery.cells or CELLS for battery in connected), default=CELLS)
    return min(volts, CELL_FULL * cells)


def _charge_voltage_limit(battery: BatteryState) -> float:
    limit = battery.last.charge_voltage_limit
    return inf if limit is None else limit


def _charge_voltage(
    lowest: BatteryState, reference: float, *, cap: float | None
) -> ChargeVoltage:
    """Return what to send for the battery with the lowest charge voltage limit."""
    limit = _charge_voltage_limit(lowest)
    cells = lowest.cells or cells_of(limit)
    return charge_voltage(limit, reference, cells=cells, cap=cap)


def _enabled(
    config: GatewayConfig, context: Context, permitted: frozenset[Direction]
) -> frozenset[Direction]:
    """Return what is told as enabled: some battery permits it, by `sum` every one."""
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
