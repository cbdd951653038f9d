"""Telegrams for every profile, each value within the range that its DBC file gives it."""

from dataclasses import replace
from typing import Any, Final

from cantools.database.can.signal import Signal
from hypothesis import strategies as st

from custom_components.bms_gateway.engine.model import Alarm, Frame, Telegram
from custom_components.bms_gateway.engine.presets import PRESETS, Make, Profile
from custom_components.bms_gateway.engine.protocol import encode

from ...telegrams import RECORDED
from .reading import database

TELEGRAM: Final = replace(
    RECORDED,
    name=None,
    cell_voltage_min_id="3/14",
    cell_voltage_max_id="1/2",
    cell_temperature_min_id="5/1",
    cell_temperature_max_id="2/4",
    capacity_ah=560.0,
)
"""The values of a recorded stack, with a capacity and names of its cells."""

NUMBERS: Final = (
    "charge_voltage_limit",
    "charge_current_limit",
    "discharge_current_limit",
    "discharge_voltage_limit",
    "soc",
    "soh",
    "voltage",
    "current",
    "temperature",
    "modules",
    "cell_voltage_min",
    "cell_voltage_max",
    "cell_temperature_min",
    "cell_temperature_max",
    "capacity_ah",
)
TEXTS: Final = (
    "cell_voltage_min_id",
    "cell_voltage_max_id",
    "cell_temperature_min_id",
    "cell_temperature_max_id",
)
OPTIONAL: Final = (*(n for n in NUMBERS[5:] if n != "voltage"), *TEXTS)
"""Those that may be unknown."""
ALIASES: Final = {
    "soc_high_resolution": "soc",
    "online_capacity_ah": "capacity_ah",
    "modules_online": "modules",
    "on_grid_charge_current_limit": "charge_current_limit",
    "on_grid_discharge_current_limit": "discharge_current_limit",
}
"""Signals that repeat a value of the telegram by another name."""
_WITHOUT: Final = {"temperature": (-40.0, 100.0)}
"""The range of a value that a profile has no signal for."""


def changed(**changes: Any) -> Telegram:
    """Return the telegram with other values."""
    return replace(TELEGRAM, **changes)


def name_of(profile: Profile) -> str:
    """Return the name that an inverter of the profile is sent, whatever its make."""
    return PRESETS[Make(f"other_{profile}")].name_prefix


def sent(
    profile: Profile, telegram: Telegram, *, exact_dlc: bool = False
) -> tuple[Frame, ...]:
    """Return the frames that an inverter of the profile is sent."""
    return encode(telegram, profile=profile, name=name_of(profile), exact_dlc=exact_dlc)


def signals(profile: Profile, name: str) -> list[Signal]:
    """Return the signals that hold a value of the telegram."""
    return [
        signal
        for layout in database(profile).messages
        for signal in layout.signals
        if ALIASES.get(signal.name, signal.name) == name
    ]


def limits(profile: Profile, name: str) -> tuple[float, float]:
    """Return the range of a value: the narrowest of its signals."""
    found = signals(profile, name)
    lows = [float(s.minimum) for s in found if s.minimum is not None]
    highs = [float(s.maximum) for s in found if s.maximum is not None]
    return (max(lows), min(highs)) if found else _WITHOUT.get(name, (0.0, 1e4))


def telegrams(profile: Profile) -> st.SearchStrategy[Telegram]:
    """Return telegrams with any values within their ranges, and any of them unknown."""
    fields: dict[str, Any] = {name: _values(profile, name) for name in NUMBERS}
    for name in TEXTS:
        fields[name] = st.text(
            st.characters(codec="ascii", categories=("L", "N", "P")), max_size=9
        )
    for name in OPTIONAL:
        fields[name] = st.none() | fields[name]
    for switch in ("charge_enabled", "discharge_enabled"):
        fields[switch] = st.booleans()
    for switch in ("force_charge", "force_charge_2", "full_charge"):
        fields[switch] = st.booleans()
    for half in ("protections", "warnings"):
        fields[half] = st.frozensets(st.sampled_from(Alarm))
    names = ["PYLON", "PYLONTECH", "BYD", "DY001", "DY0017", "BMS-GW"]
    return st.builds(Telegram, name=st.none() | st.sampled_from(names), **fields)


def _values(profile: Profile, name: str) -> st.SearchStrategy[float]:
    low, high = limits(profile, name)
    if name == "modules":
        return st.integers(int(low), int(high))
    return st.sampled_from([low, high]) | st.floats(low, high)
