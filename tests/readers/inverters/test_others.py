"""Deye, LuxPower, Sol-Ark and the others: captured and composed sets, and what each refuses."""

from types import ModuleType

import pytest

from custom_components.bms_gateway.engine.model import Alarm, Frame

from ...engine.protocol.captures import DEYE, STACK, frames
from . import deye, luxpower, pylontech, sol_ark
from .belief import Belief
from .deye import REFUSED, W31
from .luxpower import FROST, NO_CELLS

# 0x351: CVL 56.3 V, CCL 50 A, DCL 100 A, DVL 46.9 V
LIMITS = Frame(0x351, bytes.fromhex("3302F401E803D501"))
# 0x351: CVL 0.1 V, CCL 0 A, DCL 0 A, DVL 46.9 V, as diyBMS sent it to stop
TENTH_OF_A_VOLT = Frame(0x351, bytes.fromhex("010000000000D501"))
# 0x351: CVL 52.9 V, CCL 0 A, DCL 0 A, DVL 46.9 V
STOPPED = Frame(0x351, bytes.fromhex("110200000000D501"))
PYLON = Frame(0x35E, b"PYLON\0\0\0")


def read_deye(*sent: Frame) -> deye.State:
    """Return a Deye's state after some frames."""
    state = deye.State()
    for frame in sent:
        state = deye.on_frame(state, frame)
    return state


def read_luxpower(*sent: Frame) -> luxpower.State:
    """Return a LuxPower's state after some frames."""
    state = luxpower.State()
    for frame in sent:
        state = luxpower.on_frame(state, frame)
    return state


def read_sol_ark(*sent: Frame, per_volt: int = 100) -> sol_ark.State:
    """Return a Sol-Ark's state after some frames."""
    state = sol_ark.State(per_volt=per_volt)
    for frame in sent:
        state = sol_ark.on_frame(state, frame)
    return state


def read_pylontech(*sent: Frame, state: pylontech.State | None = None) -> Belief:
    """Return what a reader of Pylontech's set believes after some frames."""
    state = state or pylontech.State()
    for frame in sent:
        state = pylontech.on_frame(state, frame)
    return pylontech.believed(state, 0.5)


def test_deye_reads_a_pylontech_stack() -> None:
    """Charge positive, five modules, no alarm."""
    believed = deye.believed(read_deye(*frames(STACK)), 0.5)
    assert believed.is_alive and believed.charge_allowed and believed.discharge_allowed
    assert (believed.cvl, believed.ccl, believed.dcl) == (56.3, 922.5, 922.5)
    assert (believed.soc, believed.voltage, believed.current) == (80.0, 52.91, -80.1)
    assert (believed.modules, believed.alarms) == (5, frozenset())
    assert believed.product == "PYLON"


def test_deye_reads_its_own_pack() -> None:
    """-0.8 A there charges it; the grid's CCL is 0 A, the other one, too."""
    believed = deye.believed(read_deye(*frames(DEYE)), 0.1)
    assert believed.is_alive
    assert (believed.current, believed.modules) == (0.8, 1)
    assert (believed.ccl, believed.dcl, believed.charge_allowed) == (0.0, 230.0, False)
    assert believed.cells == (3.335, 3.345)
    assert (believed.alarms, believed.warnings) == (frozenset(), frozenset())


@pytest.mark.parametrize(
    ("flags", "alarms", "warnings"),
    [
        ("0100000000000000", "over_voltage", ""),
        ("0001000800000000", "contactor over_temperature", ""),
        ("0000000002000000", "", "under_voltage"),
    ],
)
def test_deye_reads_the_tables_of_its_own_pack(
    flags: str, alarms: str, warnings: str
) -> None:
    """Byte n is table n + 1."""
    own = Frame(0x35E, b"DY001\x1c\xfc\x08")
    state = read_deye(own, LIMITS, Frame(0x359, bytes.fromhex(flags)))
    believed = deye.believed(state, 0.0)
    assert " ".join(sorted(believed.alarms or ())) == alarms
    assert " ".join(sorted(believed.warnings or ())) == warnings


@pytest.mark.parametrize(
    ("name", "is_taken"),
    [
        (b"PYLON\0\0\0", True),
        (b"PYLONDIY", True),
        (b"SHEnergy", True),
        (b"BYD\0\0\0\0\0", True),
        (b"DIYPYLON", False),
        (b"BMS-GW\0\0", False),
    ],
)
def test_deye_goes_by_the_name(name: bytes, is_taken: bool) -> None:
    """With another one it has no battery at all."""
    believed = deye.believed(read_deye(Frame(0x35E, name), LIMITS), 0.0)
    assert believed.is_alive is is_taken
    assert (REFUSED in believed.objections) is not is_taken


def test_deye_keeps_the_last_currents_at_a_tenth_of_a_volt() -> None:
    """W31: it goes on charging although it is sent 0 A."""
    believed = deye.believed(read_deye(PYLON, LIMITS, TENTH_OF_A_VOLT), 0.0)
    assert (believed.ccl, believed.dcl) == (50.0, 100.0)
    assert believed.charge_allowed
    assert believed.objections == {W31}


def test_deye_stops_at_0_amperes_with_a_possible_voltage() -> None:
    """The cure of diyBMS issue 216."""
    believed = deye.believed(read_deye(PYLON, LIMITS, STOPPED), 0.0)
    assert not (believed.charge_allowed or believed.discharge_allowed)
    assert not believed.objections


def test_deye_heeds_the_enables() -> None:
    """0x35C, byte 0: bit 7 charges, bit 6 discharges."""
    state = read_deye(PYLON, LIMITS, Frame(0x35C, b"\x40\0"))
    believed = deye.believed(state, 0.0)
    assert (believed.charge_allowed, believed.discharge_allowed) == (False, True)


@pytest.mark.parametrize(
    ("reader", "state"),
    [
        (deye, read_deye(PYLON, LIMITS)),
        (luxpower, read_luxpower(PYLON, LIMITS)),
        (sol_ark, read_sol_ark(PYLON, LIMITS)),
        (pylontech, pylontech.on_frame(pylontech.State(), LIMITS)),
    ],
)
def test_silence_ends_the_battery(reader: ModuleType, state: object) -> None:
    """After the time-out, where documented or not."""
    assert reader.believed(state, reader.TIMEOUT).charge_allowed
    gone = reader.believed(state, reader.TIMEOUT + 0.1)
    assert not (gone.is_alive or gone.charge_allowed or gone.discharge_allowed)


# 0x355: 80 %, 100 %, cells 3.313 and 3.288 V; 0x356: 52.91 V, -80.1 A, 25.0 and 17.0 °C;
# 0x359: over-temperature, warning of high voltage, 200 Ah @5
LUX_SET = (
    LIMITS,
    Frame(0x355, bytes.fromhex("50006400F10CD80C")),
    Frame(0x356, bytes.fromhex("AB14DFFCFA00AA00")),
    Frame(0x359, bytes.fromhex("0800020000C80000")),
    PYLON,
)


def test_luxpower_reads_cells_and_capacity() -> None:
    """Where others pad and tag."""
    believed = luxpower.believed(read_luxpower(*LUX_SET), 0.0)
    assert believed.cells == (3.288, 3.313)
    assert (believed.capacity, believed.temperature) == (200.0, 25.0)
    assert believed.alarms == frozenset({Alarm.OVER_TEMPERATURE})
    assert believed.warnings == frozenset({Alarm.OVER_VOLTAGE})
    assert not believed.objections


def test_luxpower_reads_a_pylontech_stack_wrongly() -> None:
    """The tag is 20,048 Ah, the padding cells of 0 V and frost."""
    believed = luxpower.believed(read_luxpower(*frames(STACK)), 0.5)
    assert believed.capacity == int.from_bytes(b"PN", "little") == 20048
    assert believed.cells is None
    assert believed.objections == {FROST, NO_CELLS}


def test_luxpower_takes_the_capacity_from_0x379_where_0x359_has_none() -> None:
    """As an SNA does."""
    state = read_luxpower(LIMITS, Frame(0x359, bytes(8)), Frame(0x379, b"\xc8\0"))
    assert luxpower.believed(state, 0.0).capacity == 200.0


def test_sol_ark_reads_a_padded_stack() -> None:
    """In 0.01 V."""
    believed = sol_ark.believed(read_sol_ark(*frames(STACK)), 0.5)
    assert believed.is_alive and believed.charge_allowed
    assert (believed.voltage, believed.current, believed.modules) == (52.91, -80.1, 5)
    assert not believed.objections


def test_sol_ark_by_its_document_reads_tenths_of_a_volt() -> None:
    """Then a usual set has ten times the voltage."""
    state = read_sol_ark(*frames(STACK), per_volt=10)
    assert sol_ark.believed(state, 0.5).voltage == 529.1


def test_sol_ark_drops_short_frames() -> None:
    """0x351 of 6 bytes: no battery."""
    believed = sol_ark.believed(read_sol_ark(Frame(0x351, LIMITS.data[:6])), 0.0)
    assert not believed.is_alive
    assert believed.objections == {"drops what is not 8 bytes long: 0x351"}


def test_pylontech_stack_is_read_as_documented() -> None:
    """Every value of it."""
    believed = read_pylontech(*frames(STACK))
    assert (believed.cvl, believed.ccl, believed.dcl) == (56.3, 922.5, 922.5)
    assert (believed.soc, believed.soh, believed.modules) == (80.0, 100.0, 5)
    assert believed.charge_allowed and believed.discharge_allowed
    assert believed.alarms == believed.warnings == frozenset()


def test_warning_is_a_fault_to_a_solis() -> None:
    """0x359, byte 2, bit 1: voltage high."""
    warning = Frame(0x359, bytes.fromhex("0000020005504E00"))
    solis = pylontech.State(warnings_are_faults=True)
    assert read_pylontech(warning).alarms == frozenset()
    assert read_pylontech(warning, state=solis).alarms == frozenset(
        {Alarm.OVER_VOLTAGE}
    )


def test_zeros_are_ignored_by_a_sofar() -> None:
    """It goes on with the currents before, and stops at 0.1 A."""
    sofar = pylontech.State(ignores_zeros=True)
    believed = read_pylontech(LIMITS, STOPPED, state=sofar)
    assert (believed.ccl, believed.dcl, believed.cvl) == (50.0, 100.0, 52.9)
    tenths = Frame(0x351, bytes.fromhex("110201000100D501"))
    believed = read_pylontech(LIMITS, tenths, state=sofar)
    assert (believed.ccl, believed.dcl) == (0.1, 0.1)
