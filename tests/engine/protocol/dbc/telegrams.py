"""Telegrams for every profile, each value within the range that its DBC file gives it."""

from dataclasses import replace
from typing import Any, Final

from cantools.database.can.signal import Signal
from hypothesis import strategies as st

from custom_components.bms_gateway.engine.model import Alarm, Telegram

from .reading import database

TELEGRAM: Final = Telegram(
    charge_voltage_limit=56.3,
    charge_current_limit=922.5,
    discharge_current_limit=922.5,
    discharge_voltage_limit=46.9,
    soc=80.0,
    soh=100.0,
    voltage=52.91,
    current=-80.1,
    temperature=20.4,
    charge_enabled=True,
    discharge_enabled=True,
    modules=5,
    name="PYLON",
    cell_voltage_min=3.288,
    cell_voltage_max=3.313,
    cell_temperature_min=17.0,
    cell_temperature_max=25.0,
    capacity_ah=560.0,
)
"""The values of a recorded stack, and a capacity."""


def changed(**changes: Any) -> Telegram:
    """Return that telegram with other values."""
    return replace(TELEGRAM, **changes)


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
OPTIONAL: Final = tuple(
    name for name in NUMBERS[NUMBERS.index("soh") :] if name != "voltage"
)
"""Those that may be unknown."""
_SWITCHES: Final = ("force_charge", "force_charge_2", "full_charge")
_WITHOUT: Final = {"modules": (0.0, 1e4), "temperature": (-40.0, 100.0)}
"""Ranges of values that a profile has no signal for."""


def signals(profile: str, name: str) -> list[Signal]:
    """Return the signals of a name."""
    return [s for m in database(profile).messages for s in m.signals if s.name == name]


def limits(profile: str, name: str) -> tuple[float, float]:
    """Return the range of a value: the narrowest of its signals."""
    found = signals(profile, name)
    lows = [float(s.minimum) for s in found if s.minimum is not None]
    highs = [float(s.maximum) for s in found if s.maximum is not None]
    return (max(lows), min(highs)) if found else _WITHOUT.get(name, (0.0, 1e4))


def telegrams(profile: str) -> st.SearchStrategy[Telegram]:
    """Return telegrams with any values within their ranges, and any of them unknown."""
    fields: dict[str, Any] = {name: _values(profile, name) for name in NUMBERS}
    for name in OPTIONAL:
        fields[name] = st.none() | fields[name]
    for name in ("charge_enabled", "discharge_enabled", *_SWITCHES):
        fields[name] = st.booleans()
    for name in ("protections", "warnings"):
        fields[name] = st.frozensets(st.sampled_from(Alarm))
    fields["name"] = st.none() | st.sampled_from(["PYLON", "PYLONTECH", "BYD", "DY001"])
    return st.builds(Telegram, **fields)


def _values(profile: str, name: str) -> st.SearchStrategy[float]:
    low, high = limits(profile, name)
    ends = st.sampled_from([low, high])
    if name == "modules":
        return ends.map(int) | st.integers(int(low), int(high))
    return ends | st.floats(low, high)
