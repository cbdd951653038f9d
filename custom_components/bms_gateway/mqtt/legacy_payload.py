"""The daemon's state message: its keys, units and calculations."""

from collections.abc import Callable, Iterable
from functools import reduce
from operator import or_
from typing import Any

from ..engine.model import BatteryState, Direction, Limit, Rule, Snapshot


def daemon_state(
    now: Snapshot, wall: Callable[[float | None], float | None]
) -> dict[str, Any]:
    """Return what ul-gh/bms_gateway would publish for the same batteries.

    `wall`: offset from the gateway's clock to Unix seconds. Unknown values are None;
    the daemon published nothing then.
    """
    online = [battery for battery in now.batteries.values() if battery.online]
    flags = _flag_bytes(online)
    first = next(iter(now.batteries.values()), None)
    return {
        "manufacturer": now.bank.name,
        "soc": now.bank.soc,
        "soh": now.bank.soh,
        "v_charge_cmd": now.charge_voltage_limit,
        "i_lim_charge": _amps(now.charge),
        "i_lim_discharge": _amps(now.discharge),
        "v_avg": now.bank.voltage,
        "t_avg": now.bank.temperature,
        "i_total": now.bank.current,
        "error_flags_1": flags and flags[0],
        "error_flags_2": flags and flags[1],
        "warning_flags_1": flags and flags[2],
        "warning_flags_2": flags and flags[3],
        "n_modules": now.bank.modules,
        "charge_enable": _enable(now, online, Direction.CHARGE),
        "discharge_enable": _enable(now, online, Direction.DISCHARGE),
        "force_charge_request": now.bank.force_charge,
        "force_charge_request_2": now.bank.force_charge_2,
        "balancing_charge_request": now.bank.full_charge,
        "timestamp_last_bms_update": wall(first.last_frame_at) if first else None,
        "timestamp_last_inverter_request": wall(_last_request(now)),
        "n_invalid_data_telegrams": sum(b.invalid for b in now.batteries.values()),
        "capacity_ah": _capacity(now.batteries.values()),
    }


def _amps(limit: Limit | None) -> float | None:
    return None if limit is None else limit.amps


def _flag_bytes(batteries: Iterable[BatteryState]) -> tuple[int, ...] | None:
    """Return bytes 0 to 3 of 0x359, OR-ed over the batteries that report them."""
    reported = [b.readings.flag_bytes for b in batteries if b.readings.flag_bytes]
    return tuple(reduce(or_, place) for place in zip(*reported, strict=True)) or None


def _enable(
    now: Snapshot, online: Iterable[BatteryState], direction: Direction
) -> bool | None:
    """Return the AND of the enables; never true while a loss stops the direction."""
    charge = direction is Direction.CHARGE
    limit = now.charge if charge else now.discharge
    if limit is not None and limit.rule is Rule.LOSS and limit.amps == 0:
        return False
    enables = (
        b.readings.charge_enabled if charge else b.readings.discharge_enabled
        for b in online
    )
    reported = [enable for enable in enables if enable is not None]
    return all(reported) if reported else None


def _last_request(now: Snapshot) -> float | None:
    """Return the last inverter request; the daemon received it on the battery's bus."""
    requests = (inverter.last_request_at for inverter in now.inverters.values())
    return max((at for at in requests if at is not None), default=None)


def _capacity(batteries: Iterable[BatteryState]) -> float:
    return sum(b.available_ah for b in batteries if not b.is_left_out)
