"""The text of a scan result."""

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
from custom_components.bms_gateway.engine.model import Dialect, Neighbour, RejectedValue
from custom_components.bms_gateway.flows.ports import detected
from custom_components.bms_gateway.flows.ports.detected import describe_scan
from custom_components.bms_gateway.issues.rejected_values import describe_rejected

FOLDER = Path(detected.__file__).parents[2] / "translations"
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
TWELVE_VOLTS = DetectedBattery(name="LFP12", voltage=13.2, nominal=12)


@pytest.mark.parametrize(
    ("battery", "text"),
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
def test_battery_is_described(battery: DetectedBattery, text: str) -> None:
    """By what a user recognizes it; unknown data is left out."""
    assert (
        describe_scan(ScanResult(battery=battery), TEXTS["en"])
        == f"Battery detected: {text}."
    )


def test_battery_and_inverter_are_described() -> None:
    """Both are named."""
    text = describe_scan(ScanResult(battery=PYLON, inverter=True), TEXTS["en"])
    assert "(PYLON, 5 modules, 81 %, 52.9 V) and an inverter" in text


@pytest.mark.parametrize("language", TEXTS)
def test_battery_with_rejected_values_is_described(language: str) -> None:
    """With the value and the accepted range."""
    text = describe_scan(ScanResult(battery=TOO_HIGH), TEXTS[language])
    assert "CVL 65.6 V (40–65 V)" in text
    assert "PYLON" in text


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Battery detected: LFP12, 13.2 V, 12 V battery."),
        ("de", "Batterie erkannt: LFP12, 13.2 V, 12-V-Batterie."),
    ],
)
def test_battery_of_another_voltage_is_described(language: str, text: str) -> None:
    """By its nominal voltage; 48 V goes without saying."""
    found = describe_scan(ScanResult(battery=TWELVE_VOLTS), TEXTS[language])
    assert found == text
    plain = ScanResult(battery=replace(PYLON, nominal=48))
    assert describe_scan(plain, TEXTS[language]) == describe_scan(
        ScanResult(battery=PYLON), TEXTS[language]
    )


def test_rejected_values_read_the_same_in_any_language() -> None:
    """The field's symbols, a value and its range, each with its unit."""
    assert describe_rejected(()) == ""
    refused = (
        RejectedValue("charge_current_limit", 3276.7, 0.0, 1200.0),
        RejectedValue("discharge_current_limit", 1200.1, 0.0, 1200.0),
        RejectedValue("soc", 200.0, 0.0, 100.0),
    )
    assert describe_rejected(refused) == (
        "CCL 3276.7 A (0–1200 A), DCL 1200.1 A (0–1200 A), SOC 200.0 % (0–100 %)"
    )


@pytest.mark.parametrize(("language", "cable"), [("en", "separate"), ("de", "Trenne")])
def test_battery_that_sends_0x305_gets_a_hint(language: str, cable: str) -> None:
    """There are no cables to separate."""
    own = ScanResult(battery=replace(PYLON, sends_requests=True))
    text = describe_scan(own, TEXTS[language])
    assert text.startswith(describe_scan(ScanResult(battery=PYLON), TEXTS[language]))
    assert "0x305" in text
    assert cable not in text
    assert cable in describe_scan(
        ScanResult(battery=PYLON, inverter=True), TEXTS[language]
    )


@pytest.mark.parametrize("language", TEXTS)
def test_silence_before_and_after_polling_is_described(language: str) -> None:
    """Polling is proposed once; its result is shown."""
    texts = TEXTS[language]
    plain = describe_scan(ScanResult(), texts)
    may_ask = describe_scan(ScanResult(), texts, may_ask=True)
    in_vain = describe_scan(ScanResult(), texts, may_ask=True, asked=True)
    assert may_ask == f"{plain} {texts['scan_may_ask']}"
    assert in_vain == f"{plain} {texts['scan_no_answer']}"


def test_answer_to_a_poll_is_described() -> None:
    """The field for polling a battery permanently is named."""
    battery = ScanResult(battery=PYLON)
    text = describe_scan(battery, TEXTS["en"], asked=True)
    assert text.startswith(describe_scan(battery, TEXTS["en"]))
    assert "*Poll interval*" in text
    for language, texts in ALL.items():
        rare = texts["config"]["step"]["battery"]["sections"]["advanced"]
        label = rare["data"]["poll_interval"]
        assert f"*{label}*" in TEXTS[language]["scan_answer"]


@pytest.mark.parametrize("language", TEXTS)
def test_same_frames_on_another_port_are_described(language: str) -> None:
    """All devices on that bus are named, after the result."""
    texts, battery = TEXTS[language], ScanResult(battery=PYLON)
    text = describe_scan(battery, texts, alike=["Garage", "Cellar"], own=["Roof"])
    assert text.startswith(describe_scan(battery, texts))
    assert "Garage, Cellar, Roof" in text


@pytest.mark.parametrize("language", TEXTS)
def test_own_frames_are_described(language: str) -> None:
    """The gateway's own frames are neither a battery nor two devices."""
    texts = TEXTS[language]
    for inverter in (False, True):
        text = describe_scan(
            ScanResult(battery=PYLON, inverter=inverter), texts, own=["Roof"]
        )
        assert text == texts["scan_own"].format(devices="Roof")


def test_description_is_in_german() -> None:
    """In the user's language."""
    text = describe_scan(ScanResult(battery=PYLON), TEXTS["de"])
    assert text == "Batterie erkannt: PYLON, 5 Module, 81 %, 52.9 V."


@pytest.mark.parametrize(
    ("language", "advice"),
    [("en", "plug it in again"), ("de", "stecke ihn wieder ein")],
)
def test_silent_usb_adapter_gets_advice(language: str, advice: str) -> None:
    """How to fix a hanging one is added; only to silence."""
    texts = TEXTS[language]
    plain = describe_scan(ScanResult(), texts)
    assert advice not in plain
    text = describe_scan(ScanResult(), texts, replug=True)
    assert text.startswith(plain)
    assert advice in text
    for result in everything():
        if result.finding is not Finding.SILENCE:
            assert describe_scan(result, texts, replug=True) == describe_scan(
                result, texts
            )


def everything() -> Iterator[Any]:
    """Yield every possible result of scanning an open port."""
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
def test_every_result_has_a_text(language: str) -> None:
    """With every placeholder filled, and no two alike except for their protocol."""
    results = list(everything())
    assert {result.finding for result in results} == {*Finding} - {Finding.FAULT}
    text = [describe_scan(result, TEXTS[language]) for result in results]
    assert all(text and "{" not in text for text in text)
    assert len(set(text)) == len(text) - 1  # of several neighbours one is named
