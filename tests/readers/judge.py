"""Judges what a reader believes through a day: belief and truth, turn by turn."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final, NamedTuple

from custom_components.bms_gateway.engine.inverter.presentation import presented
from custom_components.bms_gateway.engine.model import Alarm, Frame, Telegram
from custom_components.bms_gateway.engine.presets import FrameLength, Preset
from custom_components.bms_gateway.engine.protocol import encode

from .day import Moment
from .inverters.belief import Belief
from .readers import Reader

MINUTE: Final = 60.0
NOTHING: Final = 0.1
"""A; a limit up to this stands for zero: some inverters ignore 0 A (diyBMS issue 216)."""
_STEP: Final = 0.051
"""Half a count of 0.1, and a little for its binary form."""
_SOC: Final = 1.0
"""Percent by which the SOC may differ."""
_DUMP: Final = 0.5
"""V. A charge voltage limit further below the battery makes a Multi, a Sunny Island and a
Deye discharge it, whatever DCL is (diyBMS issue 175, esphome-yambms issue 46); where that
begins is not known: as with the simulated inverter."""
_END: Final = 0.5
"""Percent from 0 or 100 %, within which "empty" and "full" are true."""
_NEAREST: Final = {
    Alarm.CHARGE_OVER_TEMPERATURE: Alarm.OVER_TEMPERATURE,
    Alarm.CHARGE_UNDER_TEMPERATURE: Alarm.UNDER_TEMPERATURE,
}
"""What 0x359 has no bit for. Every reader is compared without the difference."""


class Finding(NamedTuple):
    """One thing that a reader gets wrong."""

    kind: str
    text: str


@dataclass(slots=True)
class Result:
    """What one reader made of one profile."""

    minutes: int = 0
    wrong: int = 0
    """Minutes in which it believed anything wrong."""
    found: Counter[str] = field(default_factory=Counter)
    """Kinds of findings, with the minutes in which each was met."""
    examples: dict[str, str] = field(default_factory=dict)
    """The first finding of each kind."""


def frames(moments: Iterable[Moment], preset: Preset) -> list[tuple[Frame, ...]]:
    """Return what an inverter with this preset is sent in each turn."""
    return [
        tuple(
            replace(frame, at=moment.at)
            for frame in encoded(
                moment.telegram, preset, moment.is_full, moment.charge_stop_voltage
            )
        )
        for moment in moments
    ]


@lru_cache(maxsize=1)
def encoded(
    telegram: Telegram | None,
    preset: Preset,
    is_full: bool = False,
    charge_stop_voltage: float | None = None,
) -> tuple[Frame, ...]:
    """Return the frames that an inverter with this preset is sent for a telegram.

    Most are sent several times in a row.
    """
    if telegram is None:
        return ()
    sent = presented(
        telegram, preset, is_full=is_full, charge_stop_voltage=charge_stop_voltage
    )
    if sent is None:
        return ()
    return encode(
        sent,
        profile=preset.profile,
        name=preset.name_prefix,
        tag=preset.tag,
        exact_dlc=preset.frame_length is FrameLength.EXACT,
    )


def judge(
    reader: Reader, moments: Iterable[Moment], sent: Iterable[tuple[Frame, ...]]
) -> Result:
    """Let a reader read a day, and compare."""
    result, state = Result(), reader.state
    last: Telegram | None = None
    last_at = 0.0
    minute, kinds = 0.0, set[str]()
    for moment, telegram in zip(moments, sent, strict=True):
        for frame in telegram:
            state = reader.on_frame(state, frame)
        if moment.telegram is not None:
            last, last_at = moment.telegram, moment.at
        silence = moment.at - last_at if last else None
        belief = reader.believed(state, moment.at)
        for kind, example in findings(reader, belief, last, silence, moment.soc):
            kinds.add(kind)
            result.examples.setdefault(kind, example)
        if moment.at >= minute + MINUTE:
            minute = moment.at
            result.minutes += 1
            result.wrong += bool(kinds)
            result.found.update(kinds)
            kinds.clear()
    return result


def findings(
    reader: Reader,
    belief: Belief,
    sent: Telegram | None,
    silence: float | None,
    soc: float,
) -> Iterator[Finding]:
    """Yield what is wrong about a belief.

    `sent`: the last telegram; `silence`: seconds since then; None: none yet. `soc`: the
    true one in %.
    """
    for text in sorted(belief.objections):
        yield Finding(text.partition(":")[0], text)
    if sent is None or silence is None or silence > reader.timeout:
        if belief.is_alive or belief.charge_allowed or belief.discharge_allowed:
            yield Finding("goes on without a battery", f"{silence} s of silence")
        return
    if not belief.is_alive:
        yield Finding("sees no battery", f"{silence} s of silence")
        return
    if belief.product != reader.product if reader.product else not belief.product:
        yield Finding("wrong product", f"{belief.product}")
    yield from _limits(belief, sent)
    yield from _permission(
        "charges",
        belief.charge_allowed and (belief.ccl or 0.0) > NOTHING,
        sent.charge_current_limit if sent.charge_enabled else 0.0,
        sent,
    )
    yield from _permission(
        "discharges",
        belief.discharge_allowed and (belief.dcl or 0.0) > NOTHING,
        sent.discharge_current_limit if sent.discharge_enabled else 0.0,
        sent,
    )
    yield from _state_of_charge(belief, sent, soc)
    yield from _measurements(belief, sent)
    yield from _raised("alarm", belief.alarms, sent.protections)
    if reader.reads_warnings:
        yield from _raised("warning", belief.warnings, sent.warnings)


def _limits(belief: Belief, sent: Telegram) -> Iterator[Finding]:
    """Compare limits: not above those sent, and DVL not below."""
    for name, believed, limit in (
        ("CVL", belief.cvl, sent.charge_voltage_limit),
        ("CCL", belief.ccl, sent.charge_current_limit),
        ("DCL", belief.dcl, sent.discharge_current_limit),
    ):
        if believed is None:
            yield Finding(f"no {name}", f"{limit} sent")
        elif believed > max(limit, NOTHING) + _STEP:
            yield Finding(f"{name} too high", f"{believed:g} for {limit:g}")
    if belief.cvl is not None and belief.cvl < sent.voltage - _DUMP:
        yield Finding("dumps the battery", f"CVL {belief.cvl:g} at {sent.voltage:g} V")
    limit = sent.discharge_voltage_limit
    if belief.dvl is not None and belief.dvl < limit - _STEP:
        yield Finding("DVL too low", f"{belief.dvl:g} for {limit:g}")


def _permission(
    verb: str, is_allowed: bool, limit: float, sent: Telegram
) -> Iterator[Finding]:
    """Compare whether it may: never against the limit, and always with it.

    An alarm may stop it, too.
    """
    if is_allowed and limit <= 0:
        yield Finding(f"{verb} when stopped", "0 A sent")
    if not is_allowed and limit > NOTHING and not sent.protections:
        yield Finding(f"never {verb}", f"{limit} A sent, no alarm")


def _state_of_charge(belief: Belief, sent: Telegram, soc: float) -> Iterator[Finding]:
    if belief.soc is None:
        yield Finding("no SOC", f"{sent.soc} sent")
        return
    if abs(belief.soc - sent.soc) > _SOC:
        yield Finding("wrong SOC", f"{belief.soc:g} % for {sent.soc:g} %")
    if belief.soc >= 100 and soc < 100 - _END:
        yield Finding("full too early", f"{soc:.1f} %")
    if belief.soc <= 0 and soc > _END:
        yield Finding("empty too early", f"{soc:.1f} %")


def _measurements(belief: Belief, sent: Telegram) -> Iterator[Finding]:
    """Compare values that it shows, as far as it reads them."""
    cells = (None, None) if belief.cells is None else belief.cells
    for name, believed, value, tolerance in (
        ("voltage", belief.voltage, sent.voltage, 0.051),
        ("current", belief.current, sent.current, _STEP),
        ("temperature", belief.temperature, _temperature(belief, sent), _STEP),
        ("SOH", belief.soh, sent.soh, 0.5),
        ("modules", belief.modules, sent.modules, 0.0),
        ("capacity", belief.capacity, sent.capacity_ah, 1.0),
        ("lowest cell", cells[0], sent.cell_voltage_min, 0.0011),
        ("highest cell", cells[1], sent.cell_voltage_max, 0.0011),
    ):
        if believed is None or value is None:
            continue
        if abs(believed - value) > tolerance:
            yield Finding(f"wrong {name}", f"{believed:g} for {value:g}")


def _temperature(belief: Belief, sent: Telegram) -> float | None:
    """Return what it may read in °C: the mean, or what the hottest cell has."""
    hottest = sent.cell_temperature_max
    return hottest if belief.temperature == hottest else sent.temperature


def _raised(
    word: str, believed: frozenset[Alarm] | None, sent: frozenset[Alarm]
) -> Iterator[Finding]:
    seen = {_NEAREST.get(alarm, alarm) for alarm in believed or ()}
    true = {_NEAREST.get(alarm, alarm) for alarm in sent}
    if missed := true - seen:
        yield Finding(f"{word} not seen", ", ".join(sorted(missed)))
    if false := seen - true:
        yield Finding(f"{word} without cause", ", ".join(sorted(false)))
