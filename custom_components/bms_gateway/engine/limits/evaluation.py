"""What the inverters may be told: the rules for voltage, current, SOC and alarms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf

from ..aggregate.combine import combine, temperature
from ..aggregate.forecast import Outlook
from ..aggregate.smoothing import SmoothMean, members
from ..battery.capacity import CELLS, cells_of
from ..battery.limits import permits
from ..config import GatewayConfig, LossPolicy, Strategy
from ..model import NO_BANK, BankState, BatteryState, Direction, Limit, Rule, Status
from ..ramp import RAMP_TIME, Rise, rise
from ..setpoints import AllSetpoints
from .alarms import NOTHING_RAISED, Alarms, Raised
from .battery_loss import BLOCK_BEFORE_SILENCE
from .bridge import bridge
from .charge_voltage import (
    CELL_FULL,
    RISE_RATE,
    ChargeVoltage,
    VoltageReference,
    bank_voltage,
    charge_voltage,
    discharge_voltage,
    peak,
)
from .context import Scene
from .pipeline import Bounds, Limits, as_wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
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


class Judge:
    """Judges scene by scene; remembers what the rules need of earlier ones."""

    def __init__(self, learnt: Mapping[str, float] | None = None) -> None:
        """Begin with slices learnt earlier (by battery id), else with none."""
        self._limits = Limits(learnt)
        self._reference = VoltageReference()
        self._soc, self._soh = SmoothMean(), SmoothMean()
        self._outlook = Outlook()
        self._alarms = Alarms()
        self._dark_since: float | None = None
        self._last: Verdict | None = None
        """The last one of batteries that were heard."""
        self._last_allowed: Mapping[str, float] = {}
        """A; what each battery allowed for discharging then."""
        self._bridged_until: float | None = None
        self._last_lowest: BatteryState | None = None
        self._last_reference: float | None = None
        self._voltage_rise: Rise | None = None
        self._last_discharge_voltage: float | None = None
        self._last_temperature: float | None = None

    @property
    def learnt(self) -> dict[str, float]:
        """The slices by battery id, to be kept across restarts."""
        return self._limits.carriers.slices.learnt

    @property
    def wrong_signs(self) -> frozenset[str]:
        """The batteries that count their current the other way round."""
        return self._limits.carriers.slices.wrong_signs

    @property
    def dark_until(self) -> float | None:
        """When a bridge ends in a block, or a block in silence; None: none holds."""
        if self._bridged_until is not None:
            return self._bridged_until
        since = self._dark_since
        return None if since is None else since + BLOCK_BEFORE_SILENCE

    def changes_at(self, now: float) -> float | None:
        """Return when the limits may be others though nothing is heard."""
        return self._limits.carriers.changes_at(now)

    @property
    def rising(self) -> bool:
        """Whether a limit is on its way and wants to be judged again soon."""
        way = self._voltage_rise
        if self._bridged_until is not None:
            return True
        return self._limits.rising or (way is not None and way.amps < way.wanted[-1][1])

    def hold_back(self) -> None:
        """Let limits above those just judged rise as after a fall."""
        self._limits.hold_back()

    def judge(
        self,
        config: GatewayConfig,
        scene: Scene,
        setpoints: AllSetpoints,
        told: Mapping[Direction, float],
        beyond: Mapping[Direction, float],
    ) -> Verdict:
        """Return what may be told.

        `told`: the sum of what the inverters were told, in A per direction; `beyond`:
        what they are known to take beyond that.
        """
        if not scene.online:
            return self._dark(config, scene, NO_BANK, setpoints)
        self._limits.observe(scene, config, told, beyond)
        current = self._limits.carriers.current(scene)
        bank = combine(
            scene.online,
            current=current,
            factor=config.current_factor,
            offset=config.current_offset,
        )
        now, batteries = scene.now, (scene.online, scene.lost)
        soc = self._soc.update(members(lambda r: r.soc, *batteries, now), now)
        soh = self._soh.update(members(lambda r: r.soh, *batteries, now), now)
        bank = self._outlook.update(replace(bank, soc=soc, soh=soh), now)
        connected = self._connected(scene)
        volts = bank_voltage(connected)
        reference = self._reference.update(_peak(connected), scene.now)
        if volts is None or reference is None or soc is None:
            return self._dark(config, scene, bank, setpoints)
        self._dark_since = None
        self._bridged_until = None
        if scene.silenced:
            self._limits.block(scene.now)
            return Verdict(status=Status.SILENT, bank=bank)
        self._remember(bank, reference)
        voltage, over = self._charge_voltage(scene, volts, reference, setpoints)
        highest = max(volts, bank.voltage or volts)
        limits = {
            direction: self._limits.reckon(
                direction,
                scene,
                config,
                Bounds(over, setpoints.asked(None, direction, scene.now, highest)),
            )
            for direction in Direction
        }
        permitted = frozenset(d for d in Direction if self._permits(scene, d))
        self._last_allowed = scene.allowances(Direction.DISCHARGE)
        self._last = Verdict(
            status=_status(scene),
            bank=bank,
            current=current,
            volts=highest,
            limits=limits,
            enabled=_enabled(config, scene, permitted),
            charge_voltage_limit=voltage,
            discharge_voltage_limit=self._discharge_voltage(volts),
            temperature=self._last_temperature,
            raised=self._alarms.update(scene, permitted, reaction=config.reaction_time),
            awaits=bool(scene.awaited),
        )
        return self._last

    def _dark(
        self,
        config: GatewayConfig,
        scene: Scene,
        bank: BankState,
        setpoints: AllSetpoints,
    ) -> Verdict:
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
                scene,
                last.limits[Direction.DISCHARGE],
                self._last_discharge_voltage,
                self._last_allowed,
            )
            if bridged is not None:
                self._bridged_until = bridged.until
                return self._bridged(config, scene, last, bridged.limit, setpoints)
        since = scene.now if self._dark_since is None else self._dark_since
        self._dark_since = since
        self._bridged_until = None
        silent = scene.now >= since + BLOCK_BEFORE_SILENCE
        self._limits.block(scene.now)
        if silent or stops or last is None:
            return Verdict(status=Status.SILENT, bank=bank)
        source = next((b.id for b in (*scene.lost, *scene.online)), None)
        return replace(
            self._held(scene, last, setpoints),
            status=Status.BLOCKED,
            limits=dict.fromkeys(
                Direction, Limit(amps=0.0, rule=Rule.LOSS, source=source)
            ),
            raised=self._alarms.update(
                scene, frozenset(), reaction=config.reaction_time
            ).with_loss(),
        )

    def _bridged(
        self,
        config: GatewayConfig,
        scene: Scene,
        last: Verdict,
        limit: Limit,
        setpoints: AllSetpoints,
    ) -> Verdict:
        """Return what is told while no battery is heard for a moment: no alarm yet."""
        ask = setpoints.asked(None, Direction.DISCHARGE, scene.now, last.volts)
        limit = as_wanted(limit, Direction.DISCHARGE, config, ask)
        none = Limit(amps=0.0, rule=Rule.LOSS, source=scene.lost[0].id)
        return replace(
            self._held(scene, last, setpoints),
            status=Status.BRIDGING,
            volts=last.volts,
            limits={Direction.CHARGE: none, Direction.DISCHARGE: limit},
            enabled=last.enabled - {Direction.CHARGE},
            raised=last.raised,
        )

    def _held(self, scene: Scene, last: Verdict, setpoints: AllSetpoints) -> Verdict:
        """Return what was last known of the pack, without what flows: that is unknown.

        The charge voltage limit stands at the pack's voltage. In the dark its reference
        would fall, though nobody knows what the pack does: it stays as it was.
        """
        bank = last.bank
        caps = (bank.voltage, setpoints.bank.charge_voltage)
        cap = min((volts for volts in caps if volts is not None), default=None)
        lowest, reference = self._last_lowest, self._last_reference
        if scene.counted:
            # What one that is rejoining says holds already
            lowest = min(scene.counted, key=_charge_voltage_limit)
        volts = None
        if lowest is not None and reference is not None:
            volts = _charge_voltage(lowest, reference, cap=cap).volts
        return Verdict(
            status=last.status,
            bank=BankState(soc=bank.soc, soh=bank.soh, voltage=bank.voltage),
            charge_voltage_limit=volts,
            discharge_voltage_limit=self._discharge_voltage(bank.voltage),
            temperature=self._last_temperature,
        )

    def _charge_voltage(
        self, scene: Scene, volts: float, reference: float, setpoints: AllSetpoints
    ) -> tuple[float, Limit | None]:
        """Return the charge voltage limit, and what holds if it is too high for one."""
        lowest = min(scene.counted, key=_charge_voltage_limit)
        self._last_lowest = lowest
        free = _charge_voltage(lowest, reference, cap=None)
        cap = self._slowly(free.volts, scene.now)
        if (asked := setpoints.bank.charge_voltage) is not None:
            cap = min(cap, asked)
        if Direction.CHARGE in scene.blocked:
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
        self._voltage_rise = rise(
            self._voltage_rise, volts, now, rated=RISE_RATE * RAMP_TIME, flowing=0.0
        )
        return self._voltage_rise.amps

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

    def _connected(self, scene: Scene) -> Sequence[BatteryState]:
        """Return whose voltage is the bank's: who stands aside may be on its own."""
        carriers = self._limits.carriers
        known = [b for b in scene.online if b.readings.voltage is not None]
        return [b for b in known if not carriers.aside(b.id)] or known

    def _permits(self, scene: Scene, direction: Direction) -> bool:
        """Return whether some battery allows a direction that does not stand aside."""
        return any(
            permits(battery.readings, direction)
            and direction not in self._limits.carriers.aside(battery.id)
            for battery in scene.online
        )

    def with_parts(self, states: Sequence[BatteryState]) -> list[BatteryState]:
        """Add to each battery what is known of how it carries the bank's current."""
        carriers = self._limits.carriers
        parts = {s.id: part for s in states if (part := carriers.part(s.id))}
        odd = carriers.slices.odd([s for s in states if s.id in parts])
        wrong_signs = carriers.slices.wrong_signs
        return [
            replace(
                state,
                slice=part.slice,
                offset=part.offset,
                aside=carriers.aside(state.id),
                odd_slice=state.id in odd,
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
    config: GatewayConfig, scene: Scene, permitted: frozenset[Direction]
) -> frozenset[Direction]:
    """Return what is told as enabled: some battery permits it, by `sum` every one."""
    if config.strategy is Strategy.SUM:
        permitted = frozenset(
            direction
            for direction in Direction
            if all(permits(b.readings, direction) for b in scene.online)
        )
    return permitted - scene.blocked


def _status(scene: Scene) -> Status:
    if not scene.lost:
        return Status.RUNNING
    return Status.BLOCKED if scene.blocked else Status.REDUCED
