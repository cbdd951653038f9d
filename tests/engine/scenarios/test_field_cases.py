"""Behaviour of batteries in the field: reports of others, frame by frame, with right values.

Each input is as `candump` writes it: what a battery sends each second.
"""

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import pytest

from custom_components.bms_gateway.engine.model import (
    Alarm,
    BatteryStatus,
    Dialect,
    Status,
)
from custom_components.bms_gateway.engine.protocol import (
    NO_MARKS,
    decode,
    marks_after,
    recognise,
)

from ..plant import Plant, battery
from ..protocol.captures import frames


class Field(Plant):
    """A gateway with one battery, whose frames are played to it, and one inverter."""

    def __init__(self, sends: str, capacity: float = 100.0, **options: Any) -> None:
        """Take what the battery sends each second."""
        super().__init__([battery("b1", capacity)], **options)
        self.sends = sends

    def play(
        self,
        seconds: int,
        *,
        without: Collection[int] = (),
        instead: str = "",
    ) -> Field:
        """Send for so long; `instead`: frames in the place of those of their ID."""
        other = {frame.can_id: frame.data for frame in frames(instead)}
        for _ in range(seconds):
            began = self.now
            for frame in frames(self.sends):
                if frame.can_id in without:
                    continue
                self.clock.now = began + frame.at % 1
                data = other.get(frame.can_id, frame.data)
                self.port("b1").push(replace(frame, data=data, at=self.now))
                self.step()
            self.rest(began + 1 - self.now)
        return self

    def rest(self, seconds: float) -> None:
        """Run the gateway for so long without frames."""
        until = self.now + seconds
        while self.now < until:
            self.clock.now = min(until, self.now + 0.25)
            self.step()

    def decoded(self) -> dict[str, object]:
        """Return the last telegram sent to the inverter, decoded."""
        values: dict[str, object] = {}
        marks = NO_MARKS
        for can_id in (0x35E, 0x351, 0x355, 0x356, 0x35C, 0x359):
            frame = next(f for f in reversed(self.port().sent) if f.can_id == can_id)
            marks = marks_after(marks, frame)
            dialect, settled = recognise(marks, frame.at)
            values |= decode(frame, dialect, settled).values
        return values


MODULES_WITHOUT_TAG = """
(1000.000) can0 351#2F020807080FDC01
(1000.050) can0 355#4200640000000000
(1000.100) can0 356#5014DCFEC800
(1000.150) can0 359#0000000003000000
(1000.200) can0 35A#0000000000000000
(1000.250) can0 35C#C000000000000000
(1000.300) can0 35E#44594E4553532D4C
(1000.350) can0 35F#11220102C6000000
"""
"""Three modules of 100 Ah, 66 % full: a count without `PN`, and 198 Ah that remain."""


def test_untagged_modules_are_counted() -> None:
    """Three of them, sent as 3; the installed capacity never shrinks."""
    field = Field(MODULES_WITHOUT_TAG, 300.0).play(10)
    reported = field.state().readings
    limits = (reported.charge_voltage_limit, reported.charge_current_limit)
    assert limits == (55.9, 180.0)
    assert (reported.discharge_current_limit, reported.discharge_voltage_limit) == (
        384.8,
        47.6,
    )
    assert (reported.soc, reported.voltage, reported.current) == (66.0, 52.0, -29.2)
    assert (reported.modules, reported.temperature) == (3, 20.0)
    assert reported.installed_ah is None
    assert field.decoded()["modules"] == 3
    for soc in range(65, 40, -1):
        field.play(
            2,
            instead=f"(0) can0 355#{soc:02X}006400\n(0) can0 35F#11220102{3 * soc:02X}00",
        )
        assert field.state().readings.installed_ah is None


NO_TEMPERATURE = """
(1000.00) can0 351#3A02E8030807D001
(1000.05) can0 355#5500630000000000
(1000.10) can0 356#C41464000CFE0000
(1000.15) can0 35A#AAAAAAAAAAAAAAAA
(1000.20) can0 373#E40CF10C20012301
"""
"""-50.0 °C is this maker's "no sensor"; the cells have 288 to 291 K."""


@pytest.mark.parametrize(
    ("without", "sent"), [((), 16.5), ((0x373,), 20.0)], ids=["cells", "nothing"]
)
def test_unknown_temperature_is_sent_as_a_mild_one(
    without: Collection[int], sent: float
) -> None:
    """It is unknown, and the inverter must not assume frost."""
    field = Field(NO_TEMPERATURE).play(10, without=without)
    assert field.state().readings.temperature is None
    assert field.decoded()["temperature"] == sent
    assert (field.inverter().confirmed.temperature is None) is bool(without)  # type: ignore[union-attr]


def test_last_known_temperature_is_sent() -> None:
    """It is closer to the truth than 20 °C."""
    field = Field(NO_TEMPERATURE).play(10).play(60, without=(0x373,))
    assert field.state().readings.cell_temperature_max is None
    assert field.decoded()["temperature"] == 16.5


NAMELESS = """
(1000.00) can0 359#0000000002000000
(1000.02) can0 351#2602E803E803B801
(1000.04) can0 355#3100640000000000
(1000.06) can0 356#B4146AFFD200
(1000.08) can0 35C#C000
"""
"""Neither a name nor `PN`: a home-made battery end; it discharges with 15 A."""


def test_battery_without_a_name_keeps_its_current_sign() -> None:
    """Its two modules are no warning."""
    field = Field(NAMELESS)
    currents = set()
    for _ in range(20):
        field.play(1)
        currents.add(field.state().readings.current)
    assert currents <= {None, -15.0}
    state = field.state()
    assert (state.dialect, state.readings.modules) == (Dialect.UNKNOWN, 2)
    assert state.readings.warnings == frozenset()


MISCOUNTED = """
(1000.00) can0 359#0000000001504E
(1000.02) can0 351#3002E803E803C201
(1000.04) can0 355#63006400
(1000.06) can0 356#1815C800D200
(1000.08) can0 35C#C000
(1000.10) can0 35E#50594C4F4E202020
"""
MORE_THAN_FULL = "(0) can0 355#65006400"
MUCH_MORE_THAN_FULL = "(0) can0 355#8C006400"


def test_soc_above_100_counts_as_100() -> None:
    """101 % and 140 %; the battery's own limits continue."""
    field = Field(MISCOUNTED).play(10)
    for reported in (MORE_THAN_FULL, MUCH_MORE_THAN_FULL):
        for _ in range(90):
            field.play(1, instead=reported)
            assert field.sent() == (56.0, 100.0, 100.0)
        assert (field.snapshot.bank.soc, field.decoded()["soc"]) == (100.0, 100.0)
        assert field.raised().protections == frozenset()
    started = Field(MISCOUNTED).play(5, instead=MORE_THAN_FULL)
    assert started.sent() == (56.0, 100.0, 100.0)
    assert started.decoded()["soc"] == 100.0


CONTRADICTED = """
(1000.00) can0 359#0001000102504E
(1000.02) can0 351#38020000E8030000
(1000.04) can0 355#64006300
(1000.06) can0 356#8C1438FFDA00
(1000.08) can0 35C#4000
(1000.10) can0 35E#50594C4F4E202020
"""
"""Full, and discharged with 20 A; it raises charge over-current for ever."""


@pytest.mark.parametrize("instead", ["", "(0) can0 356#8C140000DA00"], ids=str)
def test_protection_that_the_current_contradicts_is_a_warning(instead: str) -> None:
    """Also at rest; some inverters stop at any alarm."""
    field = Field(CONTRADICTED).play(60, instead=instead)
    assert field.sent()[1:] == (0.0, 100.0)
    assert field.raised().protections == frozenset()
    assert field.raised().warnings == frozenset({Alarm.CHARGE_CURRENT})


ENDS_WITH_0 = """
(1000.00) can0 351#1402E803E803C201
(1000.02) can0 355#5F0064000000
(1000.04) can0 356#B4146400D200
(1000.06) can0 35A#0000000000000000
(1000.08) can0 35E#50594C4F4E202020
(1000.10) can0 35F#4C4901033C02AA00
"""
HIGH_VOLTAGE = "(0) can0 35A#0400000004000000"


def test_alarm_ends_with_a_pair_of_0() -> None:
    """This battery never sends a 2."""
    field = Field(ENDS_WITH_0).play(10)
    assert field.sent() == (53.2, 100.0, 100.0)
    field.play(10, instead=HIGH_VOLTAGE)
    assert field.sent()[1:] == (0.0, 100.0)
    field.play(20)
    assert field.sent() == (53.2, 100.0, 100.0)
    assert field.raised().protections == frozenset()


LONE = """
(1000.00) can0 359#0000000002504E
(1000.02) can0 351#3802E803E803C201
(1000.04) can0 355#46006300
(1000.06) can0 356#8C14D4FEDA00
(1000.08) can0 35C#C000
(1000.10) can0 35E#50594C4F4E202020
"""


@pytest.mark.parametrize("missing", [0x355, 0x35C, 0x359])
def test_frame_missing_for_a_short_time_changes_nothing(missing: int) -> None:
    """Limits are fresh, and every required value is known."""
    field = Field(LONE).play(20)
    for _ in range(4):
        field.play(1, without=(missing,))
        assert field.sent() == (56.8, 100.0, 100.0)
        assert field.raised().protections == frozenset()
    assert (field.state().status, field.snapshot.status) == (
        BatteryStatus.ONLINE,
        Status.RUNNING,
    )


def test_gap_of_a_single_battery_is_bridged() -> None:
    """Discharging continues without an alarm; all is back at once."""
    field = Field(LONE).play(20)
    began = field.now
    field.rest(4)
    field.play(1)
    assert field.sent() == (56.8, 100.0, 100.0)
    for _, ccl, dcl in field.sent_since(began):
        assert ccl in (0.0, 100.0)
        assert dcl >= 50.0
    alarms = [f.data[:4] for f in field.port().since(began) if f.can_id == 0x359]
    assert set(alarms) == {bytes(4)}
    assert field.state().losses == 1


FIVE_MODULES = """
(1000.00) can0 359#0000000005504E
(1000.02) can0 351#1402740E740EC201
(1000.04) can0 355#3C006400
(1000.06) can0 356#5014A8FDD200
(1000.08) can0 35C#C000
(1000.10) can0 35E#50594C4F4E202020
"""
THREE_LEFT = """
(0) can0 359#0000000003504E
(0) can0 351#1402AC08AC08C201
"""


def test_dropped_modules_lower_the_capacity() -> None:
    """500 Ah with five of them; 300 Ah and 222.0 A with three."""
    field = Field(FIVE_MODULES, capacity=500.0).play(20)
    assert field.sent()[1:] == (370.0, 370.0)
    assert int.from_bytes(field.port().last(0x379)[:2], "little") == 500
    stored = field.snapshot.bank.stored_kwh or 0.0
    field.play(1, instead=THREE_LEFT)
    assert field.sent()[1:] == (222.0, 222.0)
    field.play(5, instead=THREE_LEFT)
    state, bank = field.state(), field.snapshot.bank
    assert (state.modules_most, state.modules_missing) == (5, 2)
    assert (bank.capacity_ah, bank.modules) == (300.0, 3)
    assert bank.stored_kwh == pytest.approx(stored * 3 / 5)
    assert int.from_bytes(field.port().last(0x379)[:2], "little") == 300
    field.play(5)
    assert field.snapshot.bank.capacity_ah == 500.0
