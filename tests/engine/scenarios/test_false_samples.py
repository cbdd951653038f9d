"""One false sample of any field raises nothing, and lowers nothing for long.

How long each effect lasts is shown by `pytest -n 0 -rP` (`-s`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
import sys
from typing import Any, Final

import pytest

from custom_components.bms_gateway.engine.model import Alarm, Direction, Frame, Telegram
from custom_components.bms_gateway.engine.ramp import HOLD, RAMP_TIME

from ..plant import PERIOD, TICK, Plant, battery
from ..telegrams import telegram

LONGEST: Final = PERIOD + HOLD + RAMP_TIME + TICK
"""Seconds until all is as it was: the next telegram is right, what rises holds, then
ramps; the plant looks each TICK."""

EXTREMES: Final[Mapping[str, tuple[Any, ...]]] = {
    "charge_voltage_limit": (40.0, 65.0),
    "charge_current_limit": (0.0, 0.5, 1100.0, 3000.0),
    "discharge_current_limit": (0.0, 0.5, 1100.0, 3000.0),
    "discharge_voltage_limit": (32.0, 54.4, None),
    "soc": (0.0, 1.0, 99.0, 100.0),
    "soh": (0.0, 100.0),
    "voltage": (30.0, 45.0, 58.0, 62.0, 65.0),
    "current": (-3276.7, -1000.0, -90.0, 90.0, 1000.0, 3276.7, None),
    "temperature": (-40.0, 100.0, None),
    "charge_enabled": (False, True),
    "discharge_enabled": (False, True),
    "force_charge": (True,),
    "force_charge_2": (True,),
    "full_charge": (True,),
    "protections": (frozenset[Alarm](), *(frozenset({alarm}) for alarm in Alarm)),
    "warnings": (frozenset(Alarm),),
    "modules": (0, 255),
    "name": ("DY001", ""),
}
"""Values that a garbled frame, or one of another sender, may carry once, by attribute."""

ONCE: Final = (
    Frame(0x35A, bytes.fromhex("5555555555555555")),  # every pair raised
    Frame(0x35A, bytes.fromhex("aaaaaaaaaaaaaaaa")),
    Frame(0x35A),
    Frame(0x361, bytes.fromhex("110D070DFA00F000")),  # a Deye's
    Frame(0x364, bytes.fromhex("0000000500000000")),
    Frame(0x370, bytes.fromhex("FA00E600110D070D")),
    Frame(0x372, bytes.fromhex("0000010001000300")),
    Frame(0x373, bytes.fromhex("F401881390012C01")),
    Frame(0x379, bytes.fromhex("0100")),
    Frame(0x305, bytes(8)),
)
"""Frames that the battery does not send, and that come once."""

MEASURED: Final = frozenset(
    {"voltage", "current", "temperature", "soh", "modules", "name"}
    | {
        f"cell_{kind}_{end}"
        for kind in ("voltage", "temperature")
        for end in ("min", "max")
    }
)
"""Values that are sent as measured, and limit nothing."""

HEALTHY: Final = {"current": -20.0}
HELD: Final = {
    "charge_current_limit": 20.0,
    "discharge_current_limit": 30.0,
    "charge_voltage_limit": 54.0,
    "current": -20.0,
}
STOPPED: Final = {
    "charge_enabled": False,
    "discharge_enabled": False,
    "protections": frozenset({Alarm.OVER_VOLTAGE, Alarm.UNDER_VOLTAGE}),
}
BATTERIES: Final = {"one": 1, "two": 2, "three": 3}
SITUATIONS: Final = {"healthy": HEALTHY, "held": HELD, "stopped": STOPPED}


@dataclass(frozen=True)
class Effect:
    """How a false sample changed what inverters are sent."""

    raised: frozenset[str]
    lowered: float
    """Seconds for which a limit was lower, or another one was sent."""


def _installation(batteries: int, reports: Mapping[str, Any]) -> Plant:
    configs = [battery(f"b{n + 1}") for n in range(batteries)]
    plant = Plant(configs, reports={each.id: reports for each in configs})
    plant.apply(forward_requests=True)
    return plant.started(20.0)


def _last_sent(plant: Plant) -> Telegram:
    sent = plant.inverter().confirmed
    assert sent is not None
    return sent


def _raises(sent: Telegram, before: Telegram) -> Iterable[str]:
    """Name what is permitted or asked for now and was not before."""
    for direction in Direction:
        if sent.limit(direction) > before.limit(direction):
            yield f"{direction} current"
    if sent.charge_voltage_limit > before.charge_voltage_limit:
        yield "charge voltage"
    if sent.discharge_voltage_limit < before.discharge_voltage_limit:
        yield "discharge voltage"
    for name in (
        *("charge_enabled", "discharge_enabled"),
        *("force_charge", "force_charge_2", "full_charge"),
    ):
        if getattr(sent, name) and not getattr(before, name):
            yield name
    if before.protections - sent.protections:
        yield "protections"
    if abs(sent.soc - before.soc) > 1.0:
        yield "state of charge"


def _differs(sent: Telegram, before: Telegram) -> bool:
    """Return whether something that limits is not as it was."""
    return any(
        getattr(sent, name) != getattr(before, name)
        for name in (each.name for each in fields(Telegram))
        if name not in MEASURED
    )


def _effect(plant: Plant, frames: Sequence[Frame], *, seconds: float = 40.0) -> Effect:
    """Send these once from b1, between two telegrams; return the effect."""
    before = _last_sent(plant)
    plant.clock.now += PERIOD / 2
    plant.port("b1").push(*(replace(frame, at=plant.now) for frame in frames))
    plant.step()
    began = until = plant.now
    raised: set[str] = set()
    while plant.now < began + seconds:
        sent = _last_sent(plant)
        raised.update(_raises(sent, before))
        if _differs(sent, before):
            until = plant.now
        plant.run(TICK)
    return Effect(frozenset(raised), until - began)


def _shown(value: Any) -> str:
    return "+".join(sorted(value)) if isinstance(value, frozenset) else str(value)


CASES: Final = [
    pytest.param(name, value, id=f"{name}={_shown(value)}")
    for name, values in EXTREMES.items()
    for value in values
]


@pytest.mark.parametrize("batteries", BATTERIES.values(), ids=BATTERIES)
@pytest.mark.parametrize("reports", SITUATIONS.values(), ids=SITUATIONS)
@pytest.mark.parametrize(("name", "value"), CASES)
def test_one_false_value_has_a_bounded_effect(
    batteries: int, reports: Mapping[str, Any], name: str, value: Any
) -> None:
    """For each attribute; shown with -s: for how long it has an effect."""
    plant = _installation(batteries, reports)
    reported = plant.packs["b1"].reported
    effect = _effect(plant, telegram(reported=reported, **{name: value}))
    sys.stdout.write(f"{name} = {_shown(value)}: {effect.lowered:.2f} s\n")
    assert effect.raised == frozenset()
    assert effect.lowered <= LONGEST


@pytest.mark.parametrize("current", [-1000.0, -90.0, 5.0, 90.0, 1000.0, None])
def test_one_false_current_of_an_excluded_battery_has_a_bounded_effect(
    current: float | None,
) -> None:
    """It is full, and b2 is charged with 80 A."""
    plant = Plant(
        [battery("b1"), battery("b2")],
        reports={"b1": {"charge_current_limit": 0.0}, "b2": {"current": 80.0}},
    ).started(40.0)
    assert plant.state("b1").excluded == {Direction.CHARGE}
    reported = plant.packs["b1"].reported
    effect = _effect(plant, telegram(reported=reported, current=current))
    assert effect.raised == frozenset()
    assert effect.lowered <= LONGEST
    assert plant.state("b1").excluded == {Direction.CHARGE}


@pytest.mark.parametrize("batteries", BATTERIES.values(), ids=BATTERIES)
@pytest.mark.parametrize("frame", ONCE, ids=str)
def test_frame_received_once_has_no_effect(batteries: int, frame: Frame) -> None:
    """From a battery that never sends it; it is not lost later either."""
    plant = _installation(batteries, HEALTHY)
    effect = _effect(plant, [frame], seconds=60.0)
    sys.stdout.write(f"{frame.can_id:03X}: {effect.lowered:.2f} s\n")
    assert effect.raised == frozenset()
    assert effect.lowered <= LONGEST
    assert plant.state("b1").losses == 0
