"""One evaluation of the bank: from the batteries' context to the bank limits."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from ..aggregate.combine import combine, temperature
from ..aggregate.forecast import Forecast
from ..aggregate.fullness import Fullness
from ..aggregate.smoothing import SmoothedMean, members
from ..battery.limits import allowed, permits
from ..config import GatewayConfig, Strategy
from ..model import NO_BANK, BankState, BatteryState, Direction, Status
from ..ramp import RAMP_STEP
from ..setpoints import AllSetpoints
from .alarms import Alarms
from .bank_limits import BankLimits
from .charge_voltage import bank_voltage
from .context import Context
from .loss.outage import Outage
from .pipeline import Pipeline
from .voltage_limits import VoltageLimits


class BankEvaluation:
    """Evaluates the batteries each time, and stores what that needs of earlier ones."""

    def __init__(self, learned: Mapping[str, float] | None = None) -> None:
        """Begin with current shares learned earlier (by battery id), else with none."""
        self._pipeline = Pipeline(learned)
        self._voltages = VoltageLimits()
        self._soc, self._soh = SmoothedMean(), SmoothedMean()
        self._forecast = Forecast()
        self._fullness = Fullness()
        self._alarms = Alarms()
        self._outage = Outage(self._pipeline, self._voltages, self._alarms)
        self._temperature: float | None = None

    @property
    def learned(self) -> dict[str, float]:
        """The current shares by battery id, to be kept across restarts."""
        return self._pipeline.parallel.shares.learned

    @property
    def wrong_signs(self) -> frozenset[str]:
        """The batteries that count their current the other way round."""
        return self._pipeline.parallel.shares.wrong_signs

    def wake_times(self, now: float) -> Iterator[float]:
        """Yield when the limits may change although nothing is received."""
        yield from self._outage.wake_times(now)
        if self._pipeline.ramping or self._voltages.ramping:
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
            return self._outage.evaluate(config, context, NO_BANK, setpoints)
        self._pipeline.observe(context, config, sent, beyond)
        now, connected = context.now, self._connected(context)
        bank = self._combined(context, config)
        volts = bank_voltage(connected)
        reference = self._voltages.update_reference(connected, now)
        if volts is None or reference is None or bank.soc is None:
            return self._outage.evaluate(config, context, bank, setpoints)
        self._outage.end()
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
        permitted = self._permitted(context)
        found = BankLimits(
            status=_status(context),
            bank=bank,
            current=self._pipeline.parallel.current(context),
            volts=highest,
            limits=limits,
            enabled=_enabled(config, context, permitted),
            charge_voltage_limit=charge_voltage,
            charge_stop_voltage=self._voltages.charge_stop,
            discharge_voltage_limit=self._voltages.discharge(bank, volts),
            is_full=self._fullness.update(
                bank, charge_voltage, may_charge=self._takes_charge(context)
            ),
            temperature=self._temperature,
            raised=self._alarms.update(
                context, permitted, reaction=config.reaction_time
            ),
            awaits=bool(context.awaited),
        )
        self._outage.remember(found, context.allowed_currents(Direction.DISCHARGE))
        return found

    def refuse(self, now: float) -> BankLimits:
        """Return that nothing may be sent, after a block: nominal voltages are mixed."""
        return self._outage.refuse(now)

    def with_parts(self, states: Sequence[BatteryState]) -> list[BatteryState]:
        """Add to each battery its current share, circulating current and exclusions."""
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

    def _connected(self, context: Context) -> Sequence[BatteryState]:
        """Return the batteries by which the bank's voltage is calculated."""
        parallel = self._pipeline.parallel
        # An excluded one may be disconnected
        known = [b for b in context.online if b.readings.voltage is not None]
        return [b for b in known if not parallel.excluded(b.id)] or known

    def _counted(
        self, context: Context, direction: Direction
    ) -> Sequence[BatteryState]:
        """Return the batteries that are not excluded in a direction."""
        excluded = self._pipeline.parallel.excluded
        return [b for b in context.online if direction not in excluded(b.id)]

    def _permitted(self, context: Context) -> frozenset[Direction]:
        """Return the directions that some battery permits."""
        return frozenset(
            direction
            for direction in Direction
            if any(
                permits(battery.readings, direction)
                for battery in self._counted(context, direction)
            )
        )

    def _takes_charge(self, context: Context) -> bool:
        """Return whether some battery takes any charge current.

        Not every battery has an enable: some end their charge by a limit of 0 A.
        """
        return any(
            allowed(battery.readings, Direction.CHARGE) > 0
            for battery in self._counted(context, Direction.CHARGE)
        )


def _enabled(
    config: GatewayConfig, context: Context, permitted: frozenset[Direction]
) -> frozenset[Direction]:
    """Return the enables to send: one battery has to permit it, by `sum` all."""
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
