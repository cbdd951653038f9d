"""Venus: the product it guesses from captured sets, and what that does to their limits."""

import pytest

from custom_components.bms_gateway.engine.model import Alarm, Frame

from ...engine.protocol.captures import DEYE, DEYE_AS_VICTRON, STACK, frames
from . import venus
from .belief import Belief
from .venus import LG_OBJECTION, TIMEOUT, Product, State

# 0x351: CVL 51.0 V, CCL 0 A, DCL 100 A, DVL 46.9 V
STOPPED = bytes.fromhex("FE010000E803D501")
# 0x351: CVL 56.3 V, CCL 0 A, DCL 100 A, DVL 46.9 V
STOPPED_BY_CURRENT = bytes.fromhex("33020000E803D501")
# 0x351: CVL 58.0 V, CCL 50 A, DCL 100 A, DVL 46.9 V
HIGH = bytes.fromhex("4402F401E803D501")
OWN = b"BMS-GW\0\0"
# 0x35A: over-voltage (pair 1 of byte 0) raised, over-temperature (pair 3) ended
OVER_VOLTAGE = bytes.fromhex("8400000000000000")
ALL_ENDED = bytes.fromhex("AAAAAAAAAAAAAAAA")


def read(*sent: Frame) -> State:
    """Return the state after some frames."""
    state = State()
    for frame in sent:
        state = venus.on_frame(state, frame)
    return state


def belief(limits: bytes, name: bytes, *more: Frame) -> Belief:
    """Return the belief after limits, a name and more."""
    state = read(Frame(0x351, limits), Frame(0x35E, name), *more)
    return venus.believed(state, 0.0)


def test_a_pylontech_stack_is_read_as_captured() -> None:
    """Five modules, 16 cells each: above 55 V its limits are left alone."""
    believed = venus.believed(read(*frames(STACK)), 0.5)
    assert believed == Belief(
        is_alive=True,
        charge_allowed=True,
        discharge_allowed=True,
        cvl=56.3,
        ccl=922.5,
        dcl=922.5,
        dvl=46.9,
        soc=80.0,
        soh=100.0,
        voltage=52.91,
        current=-80.1,
        temperature=20.4,
        alarms=frozenset(),
        warnings=frozenset(),
        product="Pylontech",
        modules=5,
        cells=(3.288, 3.313),
    )


def test_a_deye_pack_is_taken_for_an_lg() -> None:
    """It has a name, but its 0x359 no tag: observed with a Deye SE-F."""
    believed = venus.believed(read(*frames(DEYE)), 0.0)
    assert believed.product == Product.LG
    assert believed.objections == {LG_OBJECTION}
    assert believed.alarms is None


def test_a_deye_pack_set_to_victron_is_taken_for_a_pylontech() -> None:
    """Then its name is `PYLON`."""
    assert venus.product_of(read(*frames(DEYE_AS_VICTRON))) is Product.PYLONTECH


@pytest.mark.parametrize(
    ("name", "flags", "product"),
    [
        (b"PYLON\0\0\0", None, Product.PYLONTECH),
        (b"BYD     ", None, Product.BYD),
        (b"LG RESU\0", None, Product.LG),
        (OWN, None, Product.GENERIC),
        (OWN, bytes.fromhex("0000000005504E00"), Product.GENERIC),
        (OWN, bytes(8), Product.LG),
        (b"\0" * 8, None, Product.LG),
        (b"\0" * 8, bytes.fromhex("0000000005504E00"), Product.PYLONTECH),
    ],
)
def test_product_follows_name_and_tag(
    name: bytes, flags: bytes | None, product: Product
) -> None:
    """Only a name of its own, and no 0x359 without a tag, is generic."""
    more = () if flags is None else (Frame(0x359, flags),)
    assert belief(HIGH, name, *more).product == product


def test_without_limits_there_is_no_battery() -> None:
    """Nothing is guessed from a name alone."""
    believed = venus.believed(read(Frame(0x35E, OWN)), 0.0)
    assert not believed.is_alive
    assert believed.product is None


def test_own_name_keeps_the_limits() -> None:
    """0 A stops, and the charge voltage is the one that was sent."""
    believed = belief(STOPPED, OWN)
    assert (believed.cvl, believed.ccl, believed.charge_allowed) == (51.0, 0.0, False)
    assert believed.discharge_allowed


def test_pylontech_does_not_honour_0_amperes() -> None:
    """A quarter of the capacity goes on, or 6 A; CVL is its own, even if higher."""
    believed = belief(STOPPED, b"PYLON\0\0\0")
    assert (believed.cvl, believed.ccl, believed.charge_allowed) == (52.5, 6.0, True)
    capacity = Frame(0x379, (200).to_bytes(2, "little"))
    assert belief(STOPPED, b"PYLON\0\0\0", capacity).ccl == 50.0


def test_pylontech_above_55_volts_is_left_alone() -> None:
    """16 cells: it believes the BMS."""
    believed = belief(STOPPED_BY_CURRENT, b"PYLON\0\0\0")
    assert (believed.cvl, believed.ccl, believed.charge_allowed) == (56.3, 0.0, False)


def test_pylontech_charge_voltage_falls_with_a_high_cell() -> None:
    """30 V for each volt that a cell is above 3.485 V: here 0.015 V, so 0.45 V."""
    high = bytes.fromhex("480DAC0D22012A01")  # 3.400 and 3.500 V
    assert belief(STOPPED, b"PYLON\0\0\0", Frame(0x373, high)).cvl == 52.05


def test_byd_goes_on_with_40_amperes() -> None:
    """At 0 A, and then with at most 55 V."""
    believed = belief(STOPPED_BY_CURRENT, b"BYD     ")
    assert (believed.cvl, believed.ccl, believed.charge_allowed) == (55.0, 40.0, True)


def test_lg_is_charged_to_57_3_volts() -> None:
    """Room for feeding in."""
    assert belief(HIGH, b"LG RESU\0").cvl == 57.3


def test_alarm_holds_until_an_explicit_2() -> None:
    """A 0 ends nothing."""
    raised = read(Frame(0x35A, OVER_VOLTAGE), Frame(0x35A, bytes(8)))
    assert raised.alarms == frozenset({Alarm.OVER_VOLTAGE})
    assert venus.on_frame(raised, Frame(0x35A, ALL_ENDED)).alarms == frozenset()


def test_battery_is_gone_after_3_seconds() -> None:
    """Charging and discharging stop."""
    state = read(Frame(0x351, HIGH), Frame(0x35E, OWN))
    assert venus.believed(state, TIMEOUT).charge_allowed
    gone = venus.believed(state, TIMEOUT + 0.1)
    assert not (gone.is_alive or gone.charge_allowed or gone.discharge_allowed)


def test_high_resolution_soc_is_not_read() -> None:
    """80 % with 0 in bytes 4 and 5 is 80 %."""
    assert read(Frame(0x355, bytes.fromhex("5000640000000000"))).soc == 80.0


def test_29_bit_frames_are_not_read() -> None:
    """They are other messages."""
    assert read(Frame(0x351, HIGH, extended=True)) == State()
