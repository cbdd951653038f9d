"""LuxPower's layouts: recognised by what the bytes hold, never by a guess."""

from collections.abc import Iterator
from dataclasses import replace

from hypothesis import given, strategies as st
import pytest

from custom_components.bms_gateway.engine.model import Dialect, Frame
from custom_components.bms_gateway.engine.protocol import (
    NO_MARKS,
    Marks,
    RecognisedDialect,
    marks_after,
    recognise,
)

from .captures import DEYE, DEYE_AS_VICTRON, STACK, frames
from .decoding import NO_ALARM, values

# Sleeper85/esphome-yambms with its protocol "LuxPower" and 16 cells, 280 Ah:
# CVL 56.0 V, CCL 100 A, DCL 100 A, DVL 48.0 V; 82 %, 99 %, cells 3.312 V and 3.296 V;
# 52.86 V, -20.0 A, 25.1 and 23.0 °C; no alarm, 2 modules, 280 Ah; both enabled,
# 48 cycles; its name
LUXPOWER = """
(0.00) can0 35E#59616D424D530000
(0.10) can0 351#3002E803E803E001
(0.20) can0 355#52006300F00CE00C
(0.30) can0 356#A61438FFFB00E600
(0.40) can0 359#0000000002180100
(0.50) can0 35C#C000300000000000
"""
# The same source with its protocol "Pylon V2": 82.00 %, 229.6 Ah in 0.1 Ah; 24.0 °C, 48
# cycles. At 33 % the finer state of charge is within the voltages of a cell
PYLON_V2 = LUXPOWER.replace("52006300F00CE00C", "520063000820F808").replace(
    "FB00E600", "F0003000"
)
AT_33_PERCENT = PYLON_V2.replace("520063000820F808", "21006300E40CE40C")
# At 3.312 V and 33 %, LuxPower's highest cell could be 33.12 %
LUXPOWER_AT_33_PERCENT = LUXPOWER.replace("52006300", "21006300")
TAGGED = LUXPOWER.replace("0000000002180100", "0000000002504E00")
PAIRS = LUXPOWER + "(0.60) can0 35A#0000000000000000\n"
NAMED = LUXPOWER.replace("59616D424D530000", "50594C4F4E202020")


def received(capture: str, times: int, marks: Marks = NO_MARKS) -> Marks:
    """Return the marks after some telegrams, one each second."""
    start = 0.0 if marks.first is None else marks.first + 100.0
    for n in range(times):
        for frame in frames(capture, start=start + n):
            marks = marks_after(marks, frame)
    return marks


def test_values_of_luxpower_are_decoded() -> None:
    """All of them, each at LuxPower's place."""
    read: dict[int, dict[str, object]] = {
        frame.can_id: dict(values(frame.can_id, frame.data, Dialect.LUXPOWER))
        for frame in frames(LUXPOWER)
    }
    assert read[0x355] == {
        "soc": 82.0,
        "soh": 99.0,
        "cell_voltage_max": 3.312,
        "cell_voltage_min": 3.296,
    }
    assert read[0x356] == {
        "voltage": 52.86,
        "current": -20.0,
        "temperature": 25.1,
        "cell_temperature_max": 25.1,
        "cell_temperature_min": 23.0,
    }
    assert read[0x359] == {
        "protections": NO_ALARM,
        "warnings": NO_ALARM,
        "flag_bytes": bytes(4),
        "candidate_ah": 280.0,
    }
    assert read[0x35C]["cycles"] == 48


def test_luxpower_is_recognised_after_three_telegrams() -> None:
    """The first 0x355 comes before any voltage, so it takes a fourth."""
    assert recognise(received(LUXPOWER, 3), 10.0).dialect is Dialect.UNKNOWN
    assert recognise(received(LUXPOWER, 4), 10.0).dialect is Dialect.LUXPOWER


def test_luxpower_settles_no_sign() -> None:
    """The current stays unknown for as long as without any mark: it may be a Deye."""
    marks = received(LUXPOWER, 4)
    assert recognise(marks, 4.9) == RecognisedDialect(Dialect.LUXPOWER, settled=False)
    assert recognise(marks, 5.0) == RecognisedDialect(Dialect.LUXPOWER, settled=True)
    for at in (5.0, 5.1):
        marks = marks_after(marks, Frame(0x361, bytes(8), at))
    assert recognise(marks, 5.1) == (Dialect.DEYE, True)


@pytest.mark.parametrize(
    ("capture", "dialect"),
    [
        (PYLON_V2, Dialect.UNKNOWN),
        (AT_33_PERCENT, Dialect.UNKNOWN),
        (LUXPOWER_AT_33_PERCENT, Dialect.UNKNOWN),
        (TAGGED, Dialect.PYLONTECH),
        (PAIRS, Dialect.VICTRON),
        (NAMED, Dialect.LUXPOWER),
        (STACK, Dialect.PYLONTECH),
        (DEYE, Dialect.DEYE),
        (DEYE_AS_VICTRON, Dialect.VICTRON),
    ],
)
def test_only_certain_layouts_are_luxpowers(capture: str, dialect: Dialect) -> None:
    """A tag or pairs exclude it; a name does not, because bridges borrow PYLON."""
    assert recognise(received(capture, 10), 10.0).dialect is dialect


def test_luxpower_stays_recognised_where_its_cells_look_like_a_state_of_charge() -> (
    None
):
    """Hours at 33 % and 3.31 V add no proof, but contradict nothing."""
    marks = received(LUXPOWER_AT_33_PERCENT, 300, received(LUXPOWER, 4))
    assert recognise(marks, 400.0).dialect is Dialect.LUXPOWER


@pytest.mark.parametrize(
    "other",
    [
        Frame(0x355, bytes.fromhex("5200630000000000")),  # padding
        Frame(0x355, bytes.fromhex("52006300")),
        Frame(0x355, bytes.fromhex("52006300E00CF00C")),  # the lower one first
        Frame(0x355, bytes.fromhex("52006300480D420D")),  # 16 x 3.394 V are 54.3 V
        Frame(0x356, bytes.fromhex("A61438FFE600FB00")),  # the colder one first
        Frame(0x356, bytes.fromhex("A61438FFFB00")),
        Frame(0x359, b"\0\0\0\0\x02PN\0"),
    ],
    ids=str,
)
def test_one_frame_that_does_not_fit_starts_the_proof_again(other: Frame) -> None:
    """Three in a row have to agree."""
    marks = received(LUXPOWER, 3)
    marks = marks_after(marks, replace(other, at=3.0))
    for frame in frames(LUXPOWER, start=4.0):
        marks = marks_after(marks, frame)
    assert recognise(marks, 10.0).dialect is not Dialect.LUXPOWER


@given(st.data())
def test_finer_charge_and_remaining_charge_are_never_cells(data: st.DataObject) -> None:
    """YamBMS in any other protocol, at any state of charge, voltage and capacity."""
    soc = data.draw(st.floats(0, 100))
    remaining = data.draw(st.integers(0, 0xFFFE))
    volts = data.draw(st.integers(4000, 5840))

    def telegrams() -> Iterator[Frame]:
        for n in range(10):
            counts = int(soc), 99, int(100 * soc), remaining
            words = b"".join(each.to_bytes(2, "little") for each in counts)
            measured = volts.to_bytes(2, "little") + bytes.fromhex("38FFF0003000")
            yield Frame(0x356, measured, n)
            yield Frame(0x355, words, n + 0.1)

    marks = NO_MARKS
    for frame in telegrams():
        marks = marks_after(marks, frame)
    assert recognise(marks, 20.0) == (Dialect.UNKNOWN, True)
