"""The contract of every profile: tests that a class for each profile inherits.

A new profile needs a subclass with its reference bytes, see docs/adding-a-profile.md.
"""

from collections.abc import Mapping
from dataclasses import fields, replace
from math import inf, nan
from typing import Any, ClassVar, Final

from hypothesis import HealthCheck, given, settings, strategies as st
import pytest

from custom_components.bms_gateway.engine.model import Alarm, Dialect, Telegram
from custom_components.bms_gateway.engine.presets import Profile
from custom_components.bms_gateway.engine.protocol import (
    NO_PAIRS,
    Pairs,
    decode,
    encode,
)

from ...telegrams import RECORDED

# The values of a captured Pylontech stack (see ../captures.py), with a capacity:
# 56.3 V = 563 = 0x0233; 922.5 A = 9225 = 0x2409; 46.9 V = 469 = 0x01D5; 80 % = 0x50;
# 100 % = 0x64; 52.91 V = 5291 = 0x14AB; -80.1 A = -801 = 0xFCDF; 20.4 °C = 204 = 0xCC;
# cells 3.288 V = 3288 = 0x0CD8 and 3.313 V = 3313 = 0x0CF1; 290 K = 0x0122 and
# 298 K = 0x012A, or 17 °C = 170 = 0xAA and 25 °C = 250 = 0xFA; 560 Ah = 0x0230.
EXAMPLE: Final = replace(RECORDED, capacity_ah=560.0)

REQUIRED_VALUES: Final = (
    "charge_voltage_limit",
    "charge_current_limit",
    "discharge_current_limit",
    "discharge_voltage_limit",
    "soc",
    "voltage",
)
OPTIONAL_VALUES: Final = (
    "soh",
    "current",
    "temperature",
    "modules",
    "name",
    "cell_voltage_min",
    "cell_voltage_max",
    "cell_temperature_min",
    "cell_temperature_max",
    "capacity_ah",
)

anywhere = settings(suppress_health_check=[HealthCheck.differing_executors])
"""The same property is tried in each subclass: none of them has a state."""
amps = st.floats(0, 4000)
volts = st.floats(41, 65)


class ProfileContract:
    """What holds for every profile."""

    profile: ClassVar[Profile]
    dialect: ClassVar[Dialect]
    """The dialect in which a battery with these frames is read."""
    name: ClassVar[str] = "PYLON"
    """What a name has to begin with, as the preset has it."""
    reference: ClassVar[Mapping[int, str]]
    """Every frame of EXAMPLE as hexadecimal digits, in the order of sending."""
    required: ClassVar[frozenset[int]]
    """The frames that come even if nothing optional is known."""
    lengths: ClassVar[Mapping[int, int]] = {}
    """Exact lengths by the document, where they are not 8."""
    raised: ClassVar[Mapping[int, str]]
    """The frames with alarms of OVER_VOLTAGE, and a warning of CHARGE_CURRENT."""
    most_amps: ClassVar[float] = 3276.7
    most_volts: ClassVar[float] = 65.0
    """The highest limits that are sent."""
    has_enables: ClassVar[bool] = True

    def sent(self, telegram: Telegram, **options: Any) -> dict[int, bytes]:
        """Return the contents of the frames by ID, in the order of sending."""
        frames = encode(telegram, profile=self.profile, name=self.name, **options)
        assert len({frame.can_id for frame in frames}) == len(frames)
        assert all(frame.standard for frame in frames)
        return {frame.can_id: frame.data for frame in frames}

    def read(self, telegram: Telegram) -> dict[str, object]:
        """Return the values that a receiver decodes."""
        values: dict[str, object] = {}
        pairs: Pairs = NO_PAIRS
        for frame in encode(telegram, profile=self.profile, name=self.name):
            decoded = decode(frame, self.dialect, settled=True)
            assert not decoded.rejected
            values |= decoded.values
            if decoded.pairs:
                pairs = pairs.after(decoded.pairs)
                values |= pairs.flags._asdict()
        return values

    def test_reference_bytes_are_sent_in_their_order(self) -> None:
        """Padded to 8 bytes; the name comes first."""
        found = {can_id: data.hex() for can_id, data in self.sent(EXAMPLE).items()}
        assert found == {i: text.lower() for i, text in self.reference.items()}
        assert list(found) == list(self.reference)
        assert next(iter(found)) == 0x35E

    def test_exact_lengths(self) -> None:
        """A frame is cut to its document's length, and the rest was padding."""
        padded = self.sent(EXAMPLE)
        for can_id, data in self.sent(EXAMPLE, exact_dlc=True).items():
            assert len(data) == self.lengths.get(can_id, 8)
            assert padded[can_id] == data.ljust(8, b"\0")

    def test_only_the_name_opens_a_telegram(self) -> None:
        """It may wait in a queue for hours: it holds no limit and no measurement."""
        assert list(self.sent(EXAMPLE, opening=True)) == [0x35E]

    def test_required_frames_come_without_any_optional_value(self) -> None:
        """And whatever else is sent then is no value."""
        unknown: dict[str, Any] = dict.fromkeys(OPTIONAL_VALUES)
        assert self.sent(replace(EXAMPLE, **unknown)).keys() == self.required

    @pytest.mark.parametrize("name", OPTIONAL_VALUES)
    def test_unknown_value_is_never_read_as_another(self, name: str) -> None:
        """The others stay; it is unknown, or a harmless substitute."""
        unknown: dict[str, Any] = {name: None}
        read = self.read(replace(EXAMPLE, **unknown))
        for key, value in self.read(EXAMPLE).items():
            if key == name or read.get(key, value) == value:
                continue
            # What is made of several values, or stands for the unknown one
            assert key in {
                *("cell_temperature_max", "cell_temperature_min", "installed_ah"),
                *("identity_ah", "candidate_ah", "modules", "modules_online"),
                *("modules_offline", "temperature", "name"),
                *("modules_blocking_charge", "modules_blocking_discharge"),
            }
        if name == "current":
            assert read["current"] in (None, 0.0)
        if name == "temperature":
            assert read["temperature"] in (None, 20.0, 25.0)
        if name == "soh":
            assert read["soh"] in (None, 100.0)

    @pytest.mark.parametrize("value", [nan, inf, -inf])
    @pytest.mark.parametrize("name", REQUIRED_VALUES)
    def test_nothing_is_sent_without_a_required_value(
        self, name: str, value: float
    ) -> None:
        """No telegram is better than a wrong one."""
        change: dict[str, Any] = {name: value}
        assert self.sent(replace(EXAMPLE, **change)) == {}

    @anywhere
    @given(volts, amps, amps)
    def test_no_limit_is_raised(self, cvl: float, ccl: float, dcl: float) -> None:
        """The decoded limit is at most the given one, and hardly below it."""
        values = self.read(
            replace(
                EXAMPLE,
                charge_voltage_limit=cvl,
                charge_current_limit=ccl,
                discharge_current_limit=dcl,
            )
        )
        for key, limit, most in (
            ("charge_voltage_limit", cvl, self.most_volts),
            ("charge_current_limit", ccl, self.most_amps),
            ("discharge_current_limit", dcl, self.most_amps),
        ):
            decoded = values[key]
            assert isinstance(decoded, float)
            assert min(limit, most) - 0.1 < decoded <= limit + 1e-6

    @pytest.mark.parametrize("cvl", [0.0, 12.0, 28.8, 40.9])
    def test_low_voltage_limit_is_not_moved_into_a_window(self, cvl: float) -> None:
        """Windows are for reading; a bank of 24 V must not become one of 41 V."""
        data = self.sent(replace(EXAMPLE, charge_voltage_limit=cvl))[0x351]
        assert int.from_bytes(data[0:2], "little") <= 10 * cvl + 1e-6

    @anywhere
    @given(st.floats(0, 100))
    def test_full_and_empty_are_sent_only_when_reached(self, soc: float) -> None:
        """Inverters act on both."""
        data = self.sent(replace(EXAMPLE, soc=soc))[0x355]
        percent = int.from_bytes(data[0:2], "little")
        assert percent == pytest.approx(soc, abs=1.0)
        assert (percent == 100) == (soc >= 100 - 1e-6)
        assert (percent == 0) == (soc <= 1e-6)

    def test_zero_is_zero(self) -> None:
        """A limit of 0 A is no padding and no code."""
        none = replace(EXAMPLE, charge_current_limit=0.0, discharge_current_limit=0.0)
        assert self.sent(none)[0x351][2:6] == bytes(4)
        read = self.read(none)
        assert (read["charge_current_limit"], read["discharge_current_limit"]) == (0, 0)

    def test_block_reaches_a_receiver(self) -> None:
        """Nothing enabled is 0 A for one that knows no enables."""
        blocked = replace(EXAMPLE, charge_enabled=False, discharge_enabled=False)
        read = self.read(blocked)
        if self.has_enables:
            assert (read["charge_enabled"], read["discharge_enabled"]) == (False, False)
        else:
            assert self.sent(blocked)[0x351][2:6] == bytes(4)

    def test_alarm_is_raised_and_ended(self) -> None:
        """With the reference bytes; afterwards the frames are as they were."""
        raised = self.sent(
            replace(
                EXAMPLE,
                protections=frozenset({Alarm.OVER_VOLTAGE}),
                warnings=frozenset({Alarm.CHARGE_CURRENT}),
            )
        )
        changed = {
            i: data.hex() for i, data in raised.items() if data != self.sent(EXAMPLE)[i]
        }
        assert changed == {i: text.lower() for i, text in self.raised.items()}

    @pytest.mark.parametrize("alarm", Alarm)
    @pytest.mark.parametrize("half", ["protections", "warnings"])
    def test_every_alarm_reaches_a_receiver(self, alarm: Alarm, half: str) -> None:
        """One without a bit goes out as the nearest; an ended one is cleared."""
        change: dict[str, Any] = {half: frozenset({alarm})}
        assert self.read(replace(EXAMPLE, **change))[half]
        assert self.read(EXAMPLE)[half] == frozenset()

    @anywhere
    @given(st.data())
    def test_anything_within_a_telegram_can_be_sent(self, data: st.DataObject) -> None:
        """Values at and beyond every edge give frames of 8 bytes, or none."""
        numbers = st.floats(-1e9, 1e9) | st.sampled_from([nan, inf, -inf, 65.5, 0.05])
        change: dict[str, Any] = {
            field.name: data.draw(numbers)
            for field in fields(Telegram)
            if field.type in (float, "float") or field.type == float | None
        }
        assert {
            len(each) for each in self.sent(replace(EXAMPLE, **change)).values()
        } <= {8}
