"""What was heard, as a person reads it."""

from collections.abc import Iterator
import json
from pathlib import Path
from typing import Any

import pytest

from custom_components.bms_gateway import hearsay
from custom_components.bms_gateway.engine.heard import Finding, Heard, HeardBattery
from custom_components.bms_gateway.engine.model import Dialect
from custom_components.bms_gateway.engine.protocol import Neighbour
from custom_components.bms_gateway.hearsay import tell

FOLDER = Path(hearsay.__file__).parent / "translations"
TEXTS: dict[str, dict[str, str]] = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))["common"]
    for path in FOLDER.glob("*.json")
}
PYLON = HeardBattery(
    name="PYLON", dialect=Dialect.PYLONTECH, modules=5, soc=80.6, voltage=52.91
)


@pytest.mark.parametrize(
    ("battery", "told"),
    [
        (PYLON, "PYLON, 5 modules, 81 %, 52.9 V"),
        (HeardBattery(name="PYLON", modules=1), "PYLON, 1 module"),
        (HeardBattery(soc=0.0, voltage=0.0), "without a name, 0 %, 0.0 V"),
        (HeardBattery(), "without a name"),
        (
            HeardBattery(name="SE-G5.1", dialect=Dialect.DEYE),
            "SE-G5.1, dialect Deye",
        ),
    ],
)
def test_battery(battery: HeardBattery, told: str) -> None:
    """By what a person recognises it; what it did not tell is left out."""
    assert tell(Heard(battery=battery), TEXTS["en"]) == f"Heard a battery: {told}."


def test_battery_and_inverter() -> None:
    """The battery is told, too."""
    told = tell(Heard(battery=PYLON, inverter=True), TEXTS["en"])
    assert "(PYLON, 5 modules, 81 %, 52.9 V) and an inverter" in told


def test_german() -> None:
    """In the user's language."""
    told = tell(Heard(battery=PYLON), TEXTS["de"])
    assert told == "Eine Batterie ist zu hören: PYLON, 5 Module, 81 %, 52.9 V."


@pytest.mark.parametrize(
    ("language", "advice"),
    [("en", "plug it in again"), ("de", "stecke ihn wieder ein")],
)
def test_silence_of_an_adapter_on_usb(language: str, advice: str) -> None:
    """What cures one that hangs is told besides all else; of nothing but a silence."""
    texts = TEXTS[language]
    plain = tell(Heard(), texts)
    assert advice not in plain
    told = tell(Heard(), texts, replug=True)
    assert told.startswith(plain)
    assert advice in told
    for heard in everything():
        if heard.finding is not Finding.SILENCE:
            assert tell(heard, texts, replug=True) == tell(heard, texts)


def everything() -> Iterator[Any]:
    """Yield whatever can be heard on a port that was open."""
    for neighbour in Neighbour:
        yield Heard(neighbours=frozenset({neighbour}))
    yield Heard(neighbours=frozenset(Neighbour))
    yield Heard(battery=PYLON)
    yield Heard(battery=PYLON, inverter=True)
    yield Heard(inverter=True)
    yield Heard(other=True)
    yield Heard(errors=True)
    yield Heard()


@pytest.mark.parametrize("language", TEXTS)
def test_everything_can_be_told(language: str) -> None:
    """With nothing left open, and no two alike but for their protocol."""
    all_heard = list(everything())
    assert {heard.finding for heard in all_heard} == {*Finding} - {Finding.FAULT}
    told = [tell(heard, TEXTS[language]) for heard in all_heard]
    assert all(text and "{" not in text for text in told)
    assert len(set(told)) == len(told) - 1  # of several neighbours one is told
