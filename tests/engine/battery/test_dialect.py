"""The dialect of a battery that is received: chosen, contradicted, changed, LuxPower's."""

from dataclasses import replace
import logging

import pytest

from custom_components.bms_gateway.engine.battery.dialect_in_use import (
    CONTRADICTED_AFTER,
)
from custom_components.bms_gateway.engine.model import (
    Alarm,
    BatteryStatus,
    Dialect,
    Frame,
)

from ..plant import battery
from ..protocol.captures import (
    DEYE,
    DEYE_AS_VICTRON,
    DEYE_TO_VICTRON,
    STACK,
    VICTRON_TO_DEYE,
)
from ..protocol.test_luxpower import LUXPOWER
from .bench import BatteryBench

ONLY_DEYES = (" 361#", " 363#", " 364#", " 371#", " 35E#", " 35C#")
"""Frames of DEYE that need not come."""
# A bridge without a name, tag or other mark; it charges with 15.0 A, and 0x359 means
# over-voltage in Pylontech's bits and under-voltage in a Deye's table
UNMARKED = """
(0.00) can0 351#2602E803E803B801
(0.02) can0 355#3100640000000000
(0.04) can0 356#B4149600D200
(0.06) can0 359#0200000000000000
(0.08) can0 35C#C000
"""


@pytest.mark.parametrize("chosen", [Dialect.PYLONTECH, Dialect.DEYE])
def test_a_chosen_dialect_decides_at_once(chosen: Dialect) -> None:
    """Sign and layouts of the first telegram; without it, they take 5 s."""
    bench = BatteryBench(dialect=chosen).capture(UNMARKED)
    state = bench.after(0)
    assert state.dialect is chosen
    assert state.status is BatteryStatus.ONLINE
    is_deye = chosen is Dialect.DEYE
    assert state.readings.current == (-15.0 if is_deye else 15.0)
    alarm = Alarm.UNDER_VOLTAGE if is_deye else Alarm.OVER_VOLTAGE
    assert state.readings.protections == frozenset({alarm})
    assert BatteryBench().capture(UNMARKED).readings.current is None


def test_a_chosen_dialect_outranks_every_mark() -> None:
    """A Deye that is read as Victron's: the user decides, and is told."""
    bench = BatteryBench(dialect=Dialect.VICTRON).capture(DEYE, times=5)
    assert bench.after(0).dialect is Dialect.VICTRON
    assert bench.readings.current == -0.8


def test_a_changed_choice_counts_at_once() -> None:
    """The current is unknown until the next 0x356: its sign may have been wrong."""
    bench = BatteryBench().capture(DEYE, times=5)
    assert bench.readings.current == 0.8
    bench.battery.config = battery("b1", dialect=Dialect.VICTRON)
    state = bench.after(0)
    assert (state.dialect, state.readings.current) == (Dialect.VICTRON, None)
    assert bench.capture(DEYE).readings.current == -0.8
    bench.battery.config = battery("b1")
    state = bench.after(0)
    assert (state.dialect, state.readings.current) == (Dialect.DEYE, None)
    assert bench.capture(DEYE).readings.current == 0.8


def test_a_choice_for_a_battery_that_was_never_received_is_kept() -> None:
    """It is known before the first frame."""
    bench = BatteryBench()
    bench.battery.config = battery("b1", dialect=Dialect.DEYE)
    assert bench.capture(UNMARKED).readings.current == -15.0


@pytest.mark.parametrize(
    ("chosen", "capture", "shown"),
    [
        (Dialect.VICTRON, DEYE, Dialect.DEYE),
        (Dialect.DEYE, DEYE_AS_VICTRON, Dialect.VICTRON),
        (Dialect.DEYE, STACK, Dialect.PYLONTECH),
        (Dialect.LUXPOWER, STACK, Dialect.PYLONTECH),
        (Dialect.PYLONTECH, LUXPOWER, Dialect.LUXPOWER),
        (Dialect.DEYE, DEYE, None),
        (Dialect.PYLONTECH, DEYE_AS_VICTRON, None),  # the same sign and layouts
        (Dialect.VICTRON, STACK, None),
        (Dialect.DEYE, UNMARKED, None),
        (None, DEYE, None),
    ],
)
def test_a_contradiction_is_reported_after_a_minute(
    chosen: Dialect | None, capture: str, shown: Dialect | None
) -> None:
    """Only of dialects that would be read differently."""
    bench = BatteryBench(dialect=chosen)
    begun = bench.now
    while bench.now < begun + CONTRADICTED_AFTER - 5:
        bench.capture(capture)
        assert bench.after(0).contradicting is None
    while bench.now < begun + CONTRADICTED_AFTER + 15:  # a name settles after 1.5 s
        bench.capture(capture)
    assert bench.after(0).contradicting is shown


def test_a_contradiction_ends() -> None:
    """When the battery is set to the chosen protocol, or the choice is changed."""
    bench = BatteryBench(dialect=Dialect.VICTRON).capture(DEYE, times=70)
    assert bench.after(0).contradicting is Dialect.DEYE
    bench.capture(DEYE_AS_VICTRON, times=5)
    assert bench.after(0).contradicting is None
    bench.capture(DEYE, times=70)
    assert bench.after(0).contradicting is Dialect.DEYE
    bench.battery.config = battery("b1", dialect=Dialect.DEYE)
    assert bench.after(0).contradicting is None


@pytest.mark.parametrize("after", [LUXPOWER, UNMARKED])
def test_a_deye_that_shows_no_mark_any_more_is_none(after: str) -> None:
    """A BMS of many protocols is set to one without marks, while it runs.

    The first current is read before anything could show it and stays until the second
    telegram, the next ones are unknown, and after some telegrams the sign is right.
    """
    right = BatteryBench().capture(after, times=10).readings
    bench = BatteryBench().capture(DEYE, times=5)
    bench.currents.clear()
    bench.capture(after, times=2)
    assert right.current is not None
    assert set(bench.currents) <= {0.8, -right.current}
    bench.currents.clear()
    bench.capture(after, times=10)
    assert set(bench.currents) == {right.current}
    assert bench.after(0).dialect is not Dialect.DEYE
    assert bench.readings.protections == right.protections
    assert bench.after(0).losses == 0


def test_a_gap_of_the_bus_is_no_change_of_protocol() -> None:
    """After six seconds without any frame the first ones are a Deye's."""
    bench = BatteryBench().capture(DEYE, times=5)
    bench.currents.clear()
    for gap in (1.5, 6.0, 60.0):
        bench.now += gap
        bench.capture(DEYE, times=3)
    assert set(bench.currents) == {0.8}
    assert bench.after(0).dialect is Dialect.DEYE


def test_a_deye_with_a_rare_name_as_its_only_mark_stays_one() -> None:
    """As often as it came before, it may come again."""
    rare = "\n".join(
        line for line in DEYE.splitlines() if not any(i in line for i in ONLY_DEYES)
    )
    bench = BatteryBench()
    for _ in range(3):
        bench.on_frame(Frame(0x35E, b"DY001"))
        bench.capture(rare, times=60)
    bench.currents.clear()
    bench.capture(rare, times=1)
    assert set(bench.currents) == {0.8}
    assert bench.after(0).dialect is Dialect.DEYE


def test_each_change_of_protocol_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One line each way, although both are received for half a second."""
    caplog.set_level(logging.INFO)
    bench = BatteryBench().capture(DEYE, times=5).capture(DEYE_TO_VICTRON)
    bench.capture(DEYE_AS_VICTRON, times=5).capture(VICTRON_TO_DEYE)
    bench.capture(DEYE, times=5)
    assert caplog.messages == [
        "b1 is online",
        "b1 changed from the protocol of Deye to that of Victron",
        "b1 changed from the protocol of Victron to that of Deye",
    ]


def test_the_dialect_stays_until_another_one_is_settled() -> None:
    """While both are received, it does not alternate."""
    bench = BatteryBench().capture(DEYE, times=5)
    for n in range(6):
        bench.now += 0.1
        frame = Frame(0x35A, bytes(8)) if n % 2 else Frame(0x361, bytes(8))
        bench.on_frame(frame)
        assert bench.after(0).dialect is Dialect.DEYE
        assert (bench.readings.current is None) is (n > 0)


def test_values_of_luxpower_count_once_it_is_recognised() -> None:
    """Cells, capacity and cycles; the current as without any mark, after 5 s."""
    bench = BatteryBench(capacity=280.0).capture(LUXPOWER, times=3)
    assert bench.readings.cell_voltage_max is None
    bench.capture(LUXPOWER, times=5)
    readings = bench.readings
    assert bench.after(0).dialect is Dialect.LUXPOWER
    assert (readings.cell_voltage_min, readings.cell_voltage_max) == (3.296, 3.312)
    assert (readings.cell_temperature_min, readings.temperature) == (23.0, 25.1)
    assert (readings.installed_ah, readings.cycles) == (280.0, 48)
    assert readings.current == -20.0
    assert readings.modules is None


def test_diagnostics_of_a_deye_count_once_it_is_known() -> None:
    """Its serial number and its energies; other nodes may use these IDs."""
    more = [
        Frame(0x550, bytes.fromhex("2E18000035020000")),
        Frame(0x600, b"DEYE1234"),
        Frame(0x650, b"5678ABCD"),
        Frame(0x400, bytes.fromhex("0000300000001200")),
    ]
    bench = BatteryBench().capture(STACK, times=3)
    for frame in more:
        bench.on_frame(frame)
    readings = bench.readings
    assert (readings.serial, readings.charged_kwh, readings.cycles) == (None,) * 3
    bench = BatteryBench().capture(DEYE, times=3)
    for frame in more:
        bench.on_frame(frame)
    readings = bench.readings
    assert readings.serial == "DEYE12345678ABCD"
    assert (readings.charged_kwh, readings.discharged_kwh) == (6.19, 0.565)
    assert readings.cycles == 48
    assert readings.version == "F0.05"


def test_frames_of_other_nodes_do_not_keep_a_deye_fresh() -> None:
    """29 bits, or an ID that is none of its own."""
    bench = BatteryBench().capture(DEYE, times=3)
    last = bench.after(0).last_frame_at
    for frame in Frame(0x550, bytes(8), extended=True), Frame(0x551, bytes(8)):
        bench.on_frame(replace(frame, at=bench.now))
    assert bench.after(0).last_frame_at == last


def test_numbers_of_cells_are_shown_where_no_names_are() -> None:
    """Seplos: lowest cell 4, highest 3; a name in 0x374 outranks the number."""
    bench = BatteryBench().telegrams(3)
    bench.on_frame(Frame(0x371, bytes.fromhex("0100020003000400")))
    readings = bench.readings
    assert (readings.cell_voltage_min_id, readings.cell_voltage_max_id) == ("4", "3")
    assert readings.cell_temperature_min_id == "2"
    bench.on_frame(Frame(0x374, b"M2C07"))
    assert bench.readings.cell_voltage_min_id == "M2C07"


def test_remaining_charge_counts_once_it_agrees() -> None:
    """50 % of 280 Ah are 140 Ah: 138 Ah, as YamBMS sends it in 0.1 Ah."""
    bench = BatteryBench(capacity=280.0).telegrams(3)
    assert bench.readings.remaining_ah is None
    bench.telegrams(instead={0x355: bytes.fromhex("3200630000006405")})
    assert bench.readings.remaining_ah == 138.0
