"""Combined values of all batteries: weighted means, sums and extremes."""

from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter

from ..battery.capacity import capacity_kwh, remaining_ah, stored_kwh
from ..model import Alarm, BankState, BatteryState, Readings

type Pick = Callable[[Readings], float | None]


def combine(
    batteries: Sequence[BatteryState],
    *,
    current: float | None = None,
    factor: float = 1.0,
    offset: float = 0.0,
) -> BankState:
    """Return the virtual battery that the online batteries form together.

    Means are weighted by capacity. `current`: the current through the bank, in A, by
    `shares.bank_current`; None: unknown. It is shown and sent as `factor` x current +
    `offset` (A). A value is unknown only when no battery reports it.
    """
    online = [battery for battery in batteries if battery.online]
    if not online:
        return BankState()
    all_ = [battery.readings for battery in online]
    voltage = _mean(online, lambda r: r.voltage)
    if current is not None:
        current = factor * current + offset
    return BankState(
        soc=_mean(online, lambda r: r.soc),
        soc_min=_lowest(r.soc for r in all_),
        soc_max=_highest(r.soc for r in all_),
        soh=_mean(online, lambda r: r.soh),
        soh_min=_lowest(r.soh for r in all_),
        soh_max=_highest(r.soh for r in all_),
        voltage=voltage,
        voltage_spread=_spread([r.voltage for r in all_]),
        current=current,
        current_estimated=any(r.current is None for r in all_),
        power=None if voltage is None or current is None else voltage * current,
        temperature=_mean(online, lambda r: r.temperature),
        temperature_min=_lowest(r.temperature for r in all_),
        temperature_max=_highest(r.temperature for r in all_),
        cell_voltage_min=_lowest(r.cell_voltage_min for r in all_),
        cell_voltage_max=_highest(r.cell_voltage_max for r in all_),
        cell_temperature_min=_lowest(r.cell_temperature_min for r in all_),
        cell_temperature_max=_highest(r.cell_temperature_max for r in all_),
        cell_voltage_min_id=_of_lowest(
            (r.cell_voltage_min, r.cell_voltage_min_id) for r in all_
        ),
        cell_voltage_max_id=_of_highest(
            (r.cell_voltage_max, r.cell_voltage_max_id) for r in all_
        ),
        cell_temperature_min_id=_of_lowest(
            (r.cell_temperature_min, r.cell_temperature_min_id) for r in all_
        ),
        cell_temperature_max_id=_of_highest(
            (r.cell_temperature_max, r.cell_temperature_max_id) for r in all_
        ),
        capacity_ah=sum(battery.available_ah for battery in online),
        remaining_ah=_sum(online, remaining_ah),
        capacity_kwh=_sum(online, capacity_kwh),
        stored_kwh=_sum(online, stored_kwh),
        modules=_modules(all_),
        charge_voltage_limit=_lowest(r.charge_voltage_limit for r in all_),
        discharge_voltage_limit=_highest(r.discharge_voltage_limit for r in all_),
        force_charge=_any(r.force_charge for r in all_),
        # Victron has one kind of request only: it corresponds to the milder one
        force_charge_2=_any(
            requested
            for r in all_
            for requested in (r.force_charge_2, r.charge_request)
        ),
        full_charge=_any(r.full_charge for r in all_),
        protections=_union(r.protections for r in all_),
        warnings=_union(r.warnings for r in all_),
        name=next((r.name for r in all_ if r.name), None),
    )


def temperature(bank: BankState) -> float | None:
    """Return the bank's temperature in °C, or else the middle of its cell temperatures."""
    if bank.temperature is not None:
        return bank.temperature
    coldest, hottest = bank.cell_temperature_min, bank.cell_temperature_max
    if coldest is None or hottest is None:
        return None
    return (coldest + hottest) / 2


def _mean(batteries: Sequence[BatteryState], pick: Pick) -> float | None:
    """Return the mean of the known values, weighted by capacity."""
    known = [
        (value, battery.capacity_ah)
        for battery in batteries
        if (value := pick(battery.readings)) is not None
    ]
    if not known:
        return None
    low, high = min(known)[0], max(known)[0]
    mean = sum(value * weight for value, weight in known) / sum(w for _, w in known)
    # Rounding errors may move a mean of equal values past them: 100 % stays 100 %.
    return min(max(mean, low), high)


def _sum(
    batteries: Sequence[BatteryState], pick: Callable[[BatteryState], float | None]
) -> float | None:
    """Return the sum; unknown while the value of one battery is."""
    values = [pick(battery) for battery in batteries]
    return None if None in values else sum(v for v in values if v is not None)


def _modules(all_: Sequence[Readings]) -> int | None:
    """Return the number of modules; unknown while one battery does not report it."""
    counts = [readings.modules for readings in all_]
    return None if None in counts else sum(c for c in counts if c is not None)


def _lowest(values: Iterable[float | None]) -> float | None:
    """Return the lowest known value."""
    return min((value for value in values if value is not None), default=None)


def _highest(values: Iterable[float | None]) -> float | None:
    """Return the highest known value."""
    return max((value for value in values if value is not None), default=None)


def _of_lowest(cells: Iterable[tuple[float | None, str | None]]) -> str | None:
    """Return the name of the cell with the lowest value; each has both."""
    known = ((value, name) for value, name in cells if value is not None)
    return min(known, key=itemgetter(0), default=(0.0, None))[1]


def _of_highest(cells: Iterable[tuple[float | None, str | None]]) -> str | None:
    """Return the name of the cell with the highest value; each has both."""
    known = ((value, name) for value, name in cells if value is not None)
    return max(known, key=itemgetter(0), default=(0.0, None))[1]


def _spread(values: Sequence[float | None]) -> float | None:
    """Return the distance between the lowest and the highest of two or more."""
    known = [value for value in values if value is not None]
    return max(known) - min(known) if len(known) > 1 else None


def _any(values: Iterable[bool | None]) -> bool | None:
    """Return whether one is true; unknown when none is known."""
    known = [value for value in values if value is not None]
    return any(known) if known else None


def _union(values: Iterable[frozenset[Alarm] | None]) -> frozenset[Alarm] | None:
    """Return every raised alarm; unknown if there is none but one battery reports none."""
    all_ = list(values)
    raised = frozenset[Alarm]().union(*(alarms for alarms in all_ if alarms))
    return None if None in all_ and not raised else raised
