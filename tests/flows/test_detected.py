"""What was heard, as a person reads it."""

from collections.abc import Iterator
from dataclasses import replace
import json
from pathlib import Path
from typing import Any

import pytest

from custom_components.bms_gateway.engine.detection.classify import (
    DetectedBattery,
    Finding,
    ScanResult,
)
from custom_components.bms_gateway.engine.model import Dialect, RejectedValue
from custom_components.bms_gateway.engine.protocol import Neighbour
from custom_components.bms_gateway.flows import detected
from custom_components.bms_gateway.flows.detected import tell
from custom_components.bms_gateway.issues.rejected_values import figures

FOLDER = Path(detected.__file__).parents[1] / "translations"
ALL: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in FOLDER.glob("*.json")
}
TEXTS: dict[str, dict[str, str]] = {k: texts["common"] for k, texts in ALL.items()}
PYLON = DetectedBattery(
    name="PYLON", dialect=Dialect.PYLONTECH, modules=5, soc=80.6, voltage=52.91
)
TOO_HIGH = replace(
    PYLON, rejected=(RejectedValue("charge_voltage_limit", 65.6, 40.0, 65.0),)
)
TWELVE_VOLTS = DetectedBattery(
    name="LFP12",
    rejected=(
        RejectedValue("charge_voltage_limit", 14.6, 40.0, 65.0),
        RejectedValue("voltage", 13.2, 30.0, 65.0),
    ),
    nominal=12,
)


@pytest.mark.parametrize(
    ("battery", "told"),
    [
        (PYLON, "PYLON, 5 modules, 81 %, 52.9 V"),
        (DetectedBattery(name="PYLON", modules=1), "PYLON, 1 module"),
        (DetectedBattery(soc=0.0, voltage=0.0), "unnamed, 0 %, 0.0 V"),
        (DetectedBattery(), "unnamed"),
        (
            DetectedBattery(name="SE-G5.1", dialect=Dialect.DEYE),
            "SE-G5.1, Deye protocol",
        ),
    ],
)
def test_battery(battery: DetectedBattery, told: str) -> None:
    """By what a person recognises it; what it did not tell is left out."""
    assert (
        tell(ScanResult(battery=battery), TEXTS["en"]) == f"Battery detected: {told}."
    )


def test_battery_and_inverter() -> None:
    """The battery is told, too."""
    told = tell(ScanResult(battery=PYLON, inverter=True), TEXTS["en"])
    assert "(PYLON, 5 modules, 81 %, 52.9 V) and an inverter" in told


@pytest.mark.parametrize("language", TEXTS)
def test_battery_whose_values_are_refused(language: str) -> None:
    """The value is told, and what would be accepted."""
    told = tell(ScanResult(battery=TOO_HIGH), TEXTS[language])
    assert "CVL 65.6 V (40–65 V)" in told
    assert "PYLON" in told


@pytest.mark.parametrize(("language", "kind"), [("en", "12 V"), ("de", "12-V")])
def test_battery_of_another_voltage(language: str, kind: str) -> None:
    """It is named as what it is."""
    told = tell(ScanResult(battery=TWELVE_VOLTS), TEXTS[language])
    assert kind in told
    assert "CVL 14.6 V (40–65 V), Vbat 13.2 V (30–65 V)" in told


def test_figures() -> None:
    """In any language: the field's symbols, a value and its window, each with its unit."""
    assert figures(()) == ""
    rejected = (
        RejectedValue("charge_current_limit", 3276.7, 0.0, 1200.0),
        RejectedValue("discharge_current_limit", 1200.1, 0.0, 1200.0),
        RejectedValue("soc", 200.0, 0.0, 100.0),
    )
    assert figures(rejected) == (
        "CCL 3276.7 A (0–1200 A), DCL 1200.1 A (0–1200 A), SOC 200.0 % (0–100 %)"
    )


@pytest.mark.parametrize(("language", "cable"), [("en", "separate"), ("de", "Trenne")])
def test_battery_that_sends_0x305_itself(language: str, cable: str) -> None:
    """It is told as a hint; there are no cables to separate."""
    own = ScanResult(battery=replace(PYLON, sends_requests=True))
    told = tell(own, TEXTS[language])
    assert told.startswith(tell(ScanResult(battery=PYLON), TEXTS[language]))
    assert "0x305" in told
    assert cable not in told
    assert cable in tell(ScanResult(battery=PYLON, inverter=True), TEXTS[language])


@pytest.mark.parametrize("language", TEXTS)
def test_silence_before_and_after_it_was_asked(language: str) -> None:
    """Asking is proposed, once; what came of it is told."""
    texts = TEXTS[language]
    plain = tell(ScanResult(), texts)
    may_ask = tell(ScanResult(), texts, may_ask=True)
    in_vain = tell(ScanResult(), texts, may_ask=True, asked=True)
    assert may_ask == f"{plain} {texts['scan_may_ask']}"
    assert in_vain == f"{plain} {texts['scan_no_answer']}"


def test_answer() -> None:
    """Of a battery that may have to be polled, the field for that is named."""
    battery = ScanResult(battery=PYLON)
    told = tell(battery, TEXTS["en"], asked=True)
    assert told.startswith(tell(battery, TEXTS["en"]))
    assert "*Poll interval*" in told
    for language, texts in ALL.items():
        rare = texts["config"]["step"]["battery"]["sections"]["advanced"]
        label = rare["data"]["poll_interval"]
        assert f"*{label}*" in TEXTS[language]["scan_answer"]


@pytest.mark.parametrize("language", TEXTS)
def test_the_same_on_another_port(language: str) -> None:
    """All who are on that bus are named, after what was heard."""
    texts, battery = TEXTS[language], ScanResult(battery=PYLON)
    told = tell(battery, texts, alike=["Garage", "Cellar"], own=["Roof"])
    assert told.startswith(tell(battery, texts))
    assert "Garage, Cellar, Roof" in told


@pytest.mark.parametrize("language", TEXTS)
def test_own_words(language: str) -> None:
    """What the gateway itself sends is told as no battery, and as no pair of devices."""
    texts = TEXTS[language]
    for inverter in (False, True):
        told = tell(ScanResult(battery=PYLON, inverter=inverter), texts, own=["Roof"])
        assert told == texts["scan_own"].format(devices="Roof")


def test_german() -> None:
    """In the user's language."""
    told = tell(ScanResult(battery=PYLON), TEXTS["de"])
    assert told == "Batterie erkannt: PYLON, 5 Module, 81 %, 52.9 V."


@pytest.mark.parametrize(
    ("language", "advice"),
    [("en", "plug it in again"), ("de", "stecke ihn wieder ein")],
)
def test_silence_of_an_adapter_on_usb(language: str, advice: str) -> None:
    """What cures one that hangs is told besides all else; of nothing but a silence."""
    texts = TEXTS[language]
    plain = tell(ScanResult(), texts)
    assert advice not in plain
    told = tell(ScanResult(), texts, replug=True)
    assert told.startswith(plain)
    assert advice in told
    for heard in everything():
        if heard.finding is not Finding.SILENCE:
            assert tell(heard, texts, replug=True) == tell(heard, texts)


def everything() -> Iterator[Any]:
    """Yield whatever can be heard on a port that was open."""
    for neighbour in Neighbour:
        yield ScanResult(neighbours=frozenset({neighbour}))
    yield ScanResult(neighbours=frozenset(Neighbour))
    yield ScanResult(battery=PYLON)
    yield ScanResult(battery=TOO_HIGH)
    yield ScanResult(battery=TWELVE_VOLTS)
    yield ScanResult(battery=PYLON, inverter=True)
    yield ScanResult(inverter=True)
    yield ScanResult(other=True)
    yield ScanResult(errors=True)
    yield ScanResult()


@pytest.mark.parametrize("language", TEXTS)
def test_everything_can_be_told(language: str) -> None:
    """With nothing left open, and no two alike but for their protocol."""
    all_heard = list(everything())
    assert {heard.finding for heard in all_heard} == {*Finding} - {Finding.FAULT}
    told = [tell(heard, TEXTS[language]) for heard in all_heard]
    assert all(text and "{" not in text for text in told)
    assert len(set(told)) == len(told) - 1  # of several neighbours one is told
