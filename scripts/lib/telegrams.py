"""Writes docs/telegrams.md: one telegram of each profile, byte by byte, read by its DBC file."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from cantools.database.can.signal import Signal

from custom_components.bms_gateway.engine.model import Alarm, Frame, Telegram
from custom_components.bms_gateway.engine.presets import Profile
from tests.engine.protocol.dbc.reading import (
    ALARM,
    WARNING,
    SignalValue,
    Value,
    is_alarm,
    message,
    read_frame,
)
from tests.engine.protocol.dbc.telegrams import name_of, sent

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs/telegrams.md"

EXAMPLE: Final = Telegram(
    charge_voltage_limit=55.2,
    charge_current_limit=148.56,
    discharge_current_limit=200.0,
    discharge_voltage_limit=46.0,
    soc=64.4,
    soh=98.7,
    voltage=52.91,
    current=-80.1,
    temperature=11.4,
    charge_enabled=True,
    discharge_enabled=True,
    warnings=frozenset({Alarm.UNDER_TEMPERATURE}),
    modules=5,
    cell_voltage_min=3.288,
    cell_voltage_max=3.313,
    cell_temperature_min=9.2,
    cell_temperature_max=14.8,
    cell_voltage_min_id="3/14",
    cell_voltage_max_id="1/2",
    cell_temperature_min_id="5/1",
    cell_temperature_max_id="2/4",
    capacity_ah=500.0,
)
"""Five modules that discharge, the coldest cell near its limit."""

HEAD: Final = """\
# Telegrams, byte by byte

How one bank is presented in each profile: every frame in sending order, with its bytes and what
[cantools](https://github.com/cantools/cantools) decodes from them with the [DBC file](dbc/README.md) of the profile, which was
written from the manufacturers' documents. `scripts/docs` writes this page.

The bank: charge voltage limit 55.2 V, charge current limit 148.56 A, discharge current limit 200 A, discharge voltage
limit 46.0 V; SOC 64.4 %, SOH 98.7 %; 52.91 V, 80.1 A discharging, 11.4 °C; charging and discharging enabled, no
charge request; five modules with 500 Ah in total; cells at 3.288 to 3.313 V and 9.2 to 14.8 °C, named as the battery
names them. One warning is raised: a temperature is low.

Bytes are shown in hexadecimal and counted from 0; `@2` is byte 2, `@2.5` its bit 5. Frames are shown padded to 8 bytes; where
the document has a shorter one, its length is in brackets.
"""


def render() -> str:
    """Return the page."""
    return "\n".join((HEAD, *(line for each in Profile for line in section(each))))


def section(profile: Profile) -> Iterator[str]:
    """Yield the section of a profile."""
    yield f"## `{profile}`\n"
    yield f"Name: `{name_of(profile)}`. File: [{profile}.dbc](dbc/{profile}.dbc).\n"
    yield "| Frame | Bytes | Place | Signal | Reading |"
    yield "| --- | --- | --- | --- | --- |"
    for frame in sent(profile, EXAMPLE):
        yield from rows(profile, frame)
    yield ""


def rows(profile: Profile, frame: Frame) -> Iterator[str]:
    """Yield the rows of a frame: a row for each value, and one for each half of alarms."""
    layout = message(profile, frame.can_id)
    length = "" if layout.length == 8 else f" ({layout.length})"
    first = f"0x{frame.can_id:03X} {layout.name}{length} | `{frame.data.hex(' ')}`"
    for place, name, value in readings(list(read_frame(profile, frame))):
        yield f"| {first} | {place} | `{name}` | {value} |"
        first = " | "


def readings(signals: list[SignalValue]) -> Iterator[tuple[str, str, str]]:
    """Yield place, name and reading; signals in the order of their bytes."""
    ordered = sorted(signals, key=lambda each: each.signal.start)
    halves = {
        half: [s for s in ordered if s.signal.name.startswith(f"{half}_")]
        for half in (ALARM, WARNING)
    }
    for each in ordered:
        name = each.signal.name
        if not is_alarm(each.signal):
            yield place(each.signal), name, shown(each)
        elif each == (half := halves[name.partition("_")[0]])[0]:
            yield (
                f"{place(each.signal)} to {place(half[-1].signal)}",
                f"{name.partition('_')[0]}_…",
                raised(half),
            )


def raised(half: Iterable[SignalValue]) -> str:
    """Return what a half of the alarms says: the rest counted by value."""
    names: dict[str, list[str]] = {}
    for each in half:
        value = {True: "raised", False: "not raised"}.get(each.value, each.value)
        names.setdefault(str(value), []).append(each.signal.name.partition("_")[2])
    return ", ".join(
        f"{', '.join(f'`{name}`' for name in found)} {value}"
        if value == "raised"
        else f"{len(found)} {value}"
        for value, found in sorted(names.items(), reverse=True)
    )


def place(signal: Signal) -> str:
    """Return where a signal begins, with its bit if it is less than a byte."""
    byte, bit = divmod(signal.start, 8)
    return f"@{byte}.{bit}" if signal.length < 8 else f"@{byte}"


def shown(each: SignalValue) -> str:
    """Return a value with its unit."""
    value: Value = each.value
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return f'"{value}"'
    unit = each.signal.unit or ""
    digits = len(f"{each.step:g}".partition(".")[2])
    return f"{value:.{digits}f} {unit}".strip().replace("degC", "°C").replace("-", "−")


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
