"""Simulated inverters of each make: what they read, ignore and send."""

from dataclasses import replace

import pytest

from custom_components.bms_gateway.engine.model import Frame, SeenMake
from custom_components.bms_gateway.engine.presets import PRESETS, Make
from custom_components.bms_gateway.engine.protocol import SeenMakes, encode, proposed
from custom_components.bms_gateway.engine.simulator.inverters import (
    Inverter,
    ReceivedLimits,
    SimulatedInverter,
    on_frame,
    wanted_current,
)
from custom_components.bms_gateway.engine.simulator.makes import behaving_like

from ..telegrams import HEALTHY

PLAIN = Inverter(rated_charge=60, rated_discharge=80)
# CVL 56.0 V = 560 = 0x0230; 30.0 A = 300 = 0x012C; 0 A; DVL 46.0 V = 460 = 0x01CC
NO_DISCHARGE = bytes.fromhex("30022C010000CC01")
LOW_VOLTAGE = bytes.fromhex("F4012C012C01CC01")  # CVL 50.0 V = 500 = 0x01F4
RECEIVED = ReceivedLimits(charge_voltage_limit=56.0, charge=20, discharge=40, at=0.0)


def like(make: Make) -> Inverter:
    """Return a plain inverter that behaves like this make."""
    return behaving_like(make, PLAIN)


def after(make: Make, can_id: int, data: bytes) -> ReceivedLimits:
    """Return the limits after one more frame, at 52.0 V."""
    return on_frame(like(make), RECEIVED, Frame(can_id, data), 1.0, voltage=52.0)


@pytest.mark.parametrize("make", Make)
def test_telegram_of_its_own_preset_is_understood(make: Make) -> None:
    """100 A both ways, and 50 %."""
    preset, inverter = PRESETS[make], like(make)
    received = ReceivedLimits()
    for frame in encode(
        HEALTHY, profile=preset.profile, name=preset.name_prefix, tag=preset.tag
    ):
        received = on_frame(inverter, received, frame, 1.0, voltage=52.0)
    assert (received.charge, received.discharge) == (100, 100)
    assert received.soc == 50
    assert not received.alarm
    assert wanted_current(inverter, received, 5200, 52.0, 1.0) == 60


def test_sofar_ignores_zero() -> None:
    """That is why 0.1 A stands for it."""
    assert after(Make.SOFAR, 0x351, NO_DISCHARGE).discharge == 40
    assert after(Make.DEYE, 0x351, NO_DISCHARGE).discharge == 0


def test_deye_keeps_its_currents_if_the_voltage_limit_is_far_below() -> None:
    """W31: it goes on with the last currents."""
    assert after(Make.DEYE, 0x351, LOW_VOLTAGE).charge == 20
    assert after(Make.GROWATT_SPF, 0x351, LOW_VOLTAGE).charge == 30


def test_sol_ark_reads_frames_of_8_bytes_only() -> None:
    """Shorter ones might as well not come."""
    assert after(Make.SOL_ARK, 0x351, NO_DISCHARGE[:6]) == RECEIVED
    assert after(Make.SOL_ARK, 0x351, NO_DISCHARGE).charge == 30


@pytest.mark.parametrize("make", [Make.SMA, Make.VICTRON])
def test_neither_sma_nor_victron_reads_enables(make: Make) -> None:
    """A direction that is not enabled has to be 0 A."""
    assert after(make, 0x35C, bytes(1)).charge_enabled
    assert not after(Make.DEYE, 0x35C, bytes(1)).charge_enabled


def test_sma_takes_padding_for_an_empty_battery() -> None:
    """80 %, 100 %, and 0 in the place of hundredths."""
    padded = bytes.fromhex("5000640000000000")
    assert after(Make.SMA, 0x355, padded).soc == 0
    assert after(Make.VICTRON, 0x355, padded).soc == 80
    assert after(Make.SMA, 0x355, padded[:4]).soc == 80


@pytest.mark.parametrize(
    ("make", "current"), [(Make.MIDNITE, 0), (Make.SOFAR, 0), (Make.DEYE, 20)]
)
def test_some_stop_charging_at_100_percent(make: Make, current: float) -> None:
    """Before the cells are balanced."""
    full = replace(RECEIVED, soc=100.0)
    assert wanted_current(like(make), full, 5200, 52.0, 1.0) == current


@pytest.mark.parametrize(("make", "seconds"), [(Make.VICTRON, 3), (Make.SMA, 60)])
def test_silence_stops_it_after_its_own_time(make: Make, seconds: float) -> None:
    """A GX after 3 s, a Sunny Island after 60 s."""
    inverter = like(make)
    assert wanted_current(inverter, RECEIVED, 5200, 52.0, seconds) == 20
    assert wanted_current(inverter, RECEIVED, 5200, 52.0, seconds + 0.1) == 0


@pytest.mark.parametrize(("make", "stops"), [(Make.SMA, True), (Make.VICTRON, False)])
def test_sma_alone_stops_at_an_alarm(make: Make, stops: bool) -> None:
    """Until it is cleared."""
    raised = replace(RECEIVED, alarm=True)
    current = wanted_current(like(make), raised, 5200, 52.0, 1.0)
    assert current == (0 if stops else 20)


@pytest.mark.parametrize("seen", SeenMake)
def test_make_is_recognized_by_what_it_sends(seen: SeenMake) -> None:
    """So that the demo shows that, too."""
    make = proposed({seen})
    assert make is not None
    inverter = SimulatedInverter("one", like(make), lambda _: 0.0)
    found = SeenMakes()
    for second in range(4):
        for frame in inverter.due(float(second)):
            found.on_frame(frame)
    assert found.found == {seen}
