"""Makes of inverters, told apart by what they send."""

from dataclasses import replace

from hypothesis import given, strategies as st
import pytest

from custom_components.bms_gateway.engine.model import Frame, Neighbour, SeenMake
from custom_components.bms_gateway.engine.presets import PRESETS, Make, Profile
from custom_components.bms_gateway.engine.protocol.makes import (
    CERTAIN,
    COUNTS_FOR,
    SeenMakes,
    fits,
    proposed,
)

# 12 34 56 78 `VIC` 00: the constant of Venus OS
VICTRON = Frame(0x307, bytes.fromhex("1234567856494300"))
# A Sunny Island's relays, u16 (FSS-ConnectingBat-TI-en-10)
SMA = Frame(0x307, bytes.fromhex("0100"))
# 2026-11-28 23:59:58 as a Deye sends it
DEYE = Frame(0x305, bytes([58, 59, 23, 28, 11, 26, 0, 0]))
# A Deye wakes its battery
WAKES = Frame(0x18A2FF80, b"\x01", extended=True)
# A plain request (Pylontech 1.2), and a GX with a shunt: 52.0 V, -10.0 A, 25.0 °C, 80.0 %
REQUEST = Frame(0x305, bytes(8))
SHUNT = Frame(0x305, bytes.fromhex("08029CFFFA002003"))


def found(*frames: Frame) -> frozenset[SeenMake]:
    """Return the makes that these frames show."""
    makes = SeenMakes()
    for frame in frames:
        makes.on_frame(frame)
    return makes.found


@pytest.mark.parametrize(
    ("frame", "make"),
    [
        (VICTRON, SeenMake.VICTRON),
        (SMA, SeenMake.SMA),
        (DEYE, SeenMake.DEYE),
        (WAKES, SeenMake.DEYE),
    ],
)
def test_make_is_recognized_by_repeated_frames(frame: Frame, make: SeenMake) -> None:
    """One false frame proves nothing."""
    assert found(*[frame] * CERTAIN) == {make}
    assert found(*[frame] * (CERTAIN - 1)) == set()


@pytest.mark.parametrize(
    "frame",
    [
        REQUEST,
        SHUNT,
        Frame(0x305, b""),
        Frame(0x305, DEYE.data[:5]),
        Frame(0x307, b""),
        Frame(0x307, VICTRON.data, extended=True),
        Frame(0x307, VICTRON.data, error=True),
        Frame(0x307, b"", remote=True),
    ],
)
def test_other_frames_show_no_make(frame: Frame) -> None:
    """A plain request, a measurement, a frame of another kind."""
    assert found(*[frame] * 10) == set()


def test_two_makes_share_a_bus() -> None:
    """Both are named."""
    assert found(*[VICTRON, DEYE] * CERTAIN) == {SeenMake.VICTRON, SeenMake.DEYE}


def test_make_that_ceased_is_forgotten() -> None:
    """A cable was moved to another inverter."""
    assert found(*[SMA] * 5, *[VICTRON] * 60) == {SeenMake.VICTRON}


def test_make_that_ceased_is_forgotten_beside_plain_requests() -> None:
    """An inverter that shows no make pushes no older mark out, but time does.

    So does an inverter that asks for a high-voltage protocol only while it starts.
    """
    makes = SeenMakes()
    searches = Frame(0x4200, bytes(8), extended=True)
    for second in range(CERTAIN):
        makes.on_frame(replace(SMA, at=float(second)))
        makes.on_frame(replace(searches, at=float(second)))
    makes.on_frame(replace(REQUEST, at=COUNTS_FOR))
    assert makes.found == {SeenMake.SMA}
    assert makes.neighbours == {Neighbour.PYLONTECH_HV}
    makes.on_frame(replace(REQUEST, at=COUNTS_FOR + 1.0))
    assert makes.found == set()
    assert makes.neighbours == set()


def test_false_frames_days_apart_show_no_make() -> None:
    """However many come in a year."""
    day = 86_400.0
    assert found(*[replace(SMA, at=n * day) for n in range(100)]) == set()


@given(st.integers(-3276, 3276), st.integers(-400, 1000), st.integers(410, 630))
def test_measurement_is_never_a_clock(amps: int, celsius: int, volts: int) -> None:
    """A Sunny Island's 0x305: V, A, °C and %, 0.1 each."""
    data = b"".join(
        value.to_bytes(2, "little", signed=True)
        for value in (volts, amps, celsius, 800)
    )
    assert found(*[Frame(0x305, data)] * 3) == set()


def test_proposed_make_fits_what_was_seen() -> None:
    """And a GX and a Sunny Island read nothing else."""
    for seen in SeenMake:
        make = proposed({seen})
        assert make is not None
        assert fits(seen, PRESETS[make].profile)
    assert proposed(set()) is None
    assert proposed({SeenMake.SMA, SeenMake.DEYE}) is None
    for profile in Profile:
        assert fits(SeenMake.VICTRON, profile) is (profile is Profile.VICTRON)
        assert fits(SeenMake.SMA, profile) is (profile is Profile.SMA)
    for make in (Make.SUNSYNK, Make.SOL_ARK, Make.OTHER_DEYE):
        assert fits(SeenMake.DEYE, PRESETS[make].profile)
    assert not fits(SeenMake.DEYE, Profile.VICTRON)
