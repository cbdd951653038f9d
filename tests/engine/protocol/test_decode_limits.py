"""Decoding of limits, state, measurements and capacities: 0x351 to 0x356, 0x35C to 0x35F."""

import pytest

from custom_components.bms_gateway.engine.model import Dialect, Frame, RejectedValue
from custom_components.bms_gateway.engine.protocol import agreed_capacity

from .decoding import decoded_by, values


def test_short_limit_frames_leave_the_rest_unknown() -> None:
    """Six bytes have no DVL, two only CVL."""
    assert values(0x351, "330209240924").keys() == {
        "charge_voltage_limit",
        "charge_current_limit",
        "discharge_current_limit",
    }
    assert values(0x351, "3302") == {"charge_voltage_limit": 56.3}
    assert values(0x351, "33020924D5") == {
        "charge_voltage_limit": 56.3,
        "charge_current_limit": 922.5,
    }


def test_a_negative_discharge_limit_is_a_magnitude() -> None:
    """Some emulators send DCL negative: 0xFF9C is -10.0 A. Less than 1 A is noise."""
    assert values(0x351, "330264009CFF")["discharge_current_limit"] == 10.0
    assert values(0x351, "33026400F6FF")["discharge_current_limit"] == 1.0
    assert values(0x351, "33026400F7FF")["discharge_current_limit"] == 0.0


@pytest.mark.parametrize(
    ("data", "invalid"),
    [
        ("FFFF00800080FFFF", False),  # SMA's codes
        ("FFFFFFFFFFFFFFFF", False),
        ("63000080FFFF0000", True),  # 9.9 V: no pack, not even of 12 V
        ("00000080FFFF0000", True),  # CVL 0 makes some inverters dump the pack
    ],
)
def test_unavailable_limits_are_none(data: str, invalid: bool) -> None:
    """Received but unknown is None; it is invalid only if it is not a code."""
    decoded = decoded_by(Frame(0x351, bytes.fromhex(data)), Dialect.PYLONTECH)
    assert set(decoded.values.values()) == {None}
    assert len(decoded.values) == 4
    assert decoded.invalid is invalid


def test_a_rejected_value_comes_with_its_window() -> None:
    """65.6 V is 0x0290: it does not count, as if unknown, but it can be shown."""
    decoded = decoded_by(Frame(0x351, bytes.fromhex("9002C800F401")), Dialect.PYLONTECH)
    assert decoded.values == {
        "charge_voltage_limit": None,
        "charge_current_limit": 20.0,
        "discharge_current_limit": 50.0,
    }
    assert decoded.rejected == (
        RejectedValue("charge_voltage_limit", 65.6, 10.0, 65.0),
    )


@pytest.mark.parametrize(
    ("data", "soc"),
    [
        ("5000640040 1F", 80.0),
        ("500064004A1F", 80.1),
        ("50006400A41F", 81.0),  # 1.00 away
        ("50006400A51F", 80.0),  # 1.01 away
        ("500064000000", 80.0),  # padding
        ("5000640001", 80.0),
        ("50006400E80C", 80.0),  # LuxPower: 3304 mV
        ("50006400FFFF", 80.0),
        ("000064003200", 0.5),
        ("000064000000", 0.0),
        ("010064000000", 1.0),  # 0 is within 1 of it, and still padding
        ("640064001A27", 100.0),  # 100.10 does not exist
        ("64006400AC26", 99.0),
    ],
)
def test_hundredths_of_soc_count_only_if_they_refine(data: str, soc: float) -> None:
    """Packs put 0, cell voltages and other values there."""
    assert values(0x355, data)["soc"] == soc


@pytest.mark.parametrize(("raw", "soc"), [(101, 100.0), (140, 100.0), (150, 100.0)])
def test_a_soc_above_100_reads_as_full(raw: int, soc: float) -> None:
    """101 and 140 % come from the field: a battery's limits count, not its counter."""
    data = raw.to_bytes(2, "little") + b"\x64\0"
    decoded = decoded_by(Frame(0x355, data), Dialect.PYLONTECH)
    assert decoded.values == {"soc": soc, "soh": 100.0}
    assert not decoded.invalid


def test_soc_and_soh_outside_their_window_are_rejected() -> None:
    """More than 150 % is implausible; 0xFFFF is a code."""
    decoded = decoded_by(Frame(0x355, bytes.fromhex("9700FFFF")), Dialect.PYLONTECH)
    assert decoded.values == {"soc": None, "soh": None}
    assert decoded.invalid
    assert values(0x355, "50") == {}
    assert values(0x355, "500064") == {"soc": 80.0}


@pytest.mark.parametrize(
    ("raw", "voltage", "invalid"),
    [
        (5291, 52.91, False),
        (529, 52.9, False),  # in 0.1 V
        (300, 30.0, False),
        (3000, 30.0, False),
        (6500, 65.0, False),
        (650, 65.0, False),
        # Packs of 24 and 12 V: 264 V and 132 V are no pack, nor are 2.64 V and 1.32 V
        (2640, 26.4, False),
        (264, 26.4, False),
        (1320, 13.2, False),
        (132, 13.2, False),
        (800, 8.0, False),
        (80, 8.0, False),
        (799, None, True),
        (79, None, True),
        (6501, None, True),
        (651, None, True),
        (0, None, True),
        (-5291, None, True),
        (-32768, None, False),
    ],
)
def test_the_voltage_scale_is_chosen_by_plausibility(
    raw: int, voltage: float | None, invalid: bool
) -> None:
    """0.01 V; 0.1 V only if nothing else is plausible."""
    data = raw.to_bytes(2, "little", signed=True) + bytes(4)
    decoded = decoded_by(Frame(0x356, data), Dialect.PYLONTECH)
    assert decoded.values["voltage"] == voltage
    assert decoded.invalid is invalid


@pytest.mark.parametrize(
    ("raw", "rejected"),
    [
        (79, 7.9),  # in 0.1 V
        (799, 79.9),  # no pack has 7.99 V
        (6600, 66.0),
        (0, 0.0),
    ],
)
def test_a_rejected_voltage_is_scaled_to_a_possible_pack(
    raw: int, rejected: float
) -> None:
    """The user is shown a voltage that a pack can have, if there is one."""
    data = raw.to_bytes(2, "little", signed=True) + bytes(4)
    decoded = decoded_by(Frame(0x356, data), Dialect.PYLONTECH)
    assert decoded.rejected == (RejectedValue("voltage", rejected, 8.0, 65.0),)


@pytest.mark.parametrize(
    ("dialect", "current"),
    [
        (Dialect.PYLONTECH, -80.1),
        (Dialect.VICTRON, -80.1),
        (Dialect.UNKNOWN, -80.1),
        (Dialect.DEYE, 80.1),
        (None, None),
    ],
)
def test_the_current_sign_follows_the_dialect(
    dialect: Dialect | None, current: float | None
) -> None:
    """Charge is positive, except in Deye's own dialect; unsettled it is unknown."""
    assert values(0x356, "AB14DFFCCC00", dialect)["current"] == current
    assert values(0x356, "AB14", dialect) == {"voltage": 52.91}
    assert values(0x356, "AB140080", dialect)["current"] is None


def test_a_deye_at_rest_has_no_negative_zero() -> None:
    """It would be shown as -0.0 A."""
    assert str(values(0x356, "AB140000CC00", Dialect.DEYE)["current"]) == "0.0"


@pytest.mark.parametrize(
    ("raw", "temperature"),
    [("0080", None), ("24FA", None), ("70FE", -40.0), ("6FFE", None), ("E803", 100.0)],
)
def test_temperatures_of_missing_sensors_are_unknown(
    raw: str, temperature: float | None
) -> None:
    """-150 °C is a missing sensor, like SMA's code."""
    assert values(0x356, "AB140000" + raw)["temperature"] == temperature


@pytest.mark.parametrize("dialect", Dialect)
def test_cycles_are_read_where_no_temperature_can_be(dialect: Dialect) -> None:
    """Seplos, YamBMS: 48 in bytes 6 and 7. LuxPower has a temperature there."""
    found = values(0x356, "AB140000CC003000", dialect).get("cycles")
    reads = dialect in {Dialect.PYLONTECH, Dialect.VICTRON}
    assert found == (48 if reads else None)


@pytest.mark.parametrize("raw", ["0000", "FFFF", "214E"])
def test_impossible_cycles_are_unknown(raw: str) -> None:
    """Padding, the code for unknown, and 20,001: no frame counts as invalid for it."""
    decoded = decoded_by(
        Frame(0x356, bytes.fromhex("AB140000CC00" + raw)), Dialect.PYLONTECH
    )
    assert decoded.values["cycles"] is None
    assert not decoded.invalid


@pytest.mark.parametrize(
    ("byte", "names"),
    [
        ("80", {"charge_enabled"}),
        ("40", {"discharge_enabled"}),
        ("20", {"force_charge"}),
        ("10", {"force_charge_2"}),
        ("08", {"full_charge"}),
        ("07", set()),
    ],
)
def test_requests_and_enables_are_decoded(byte: str, names: set[str]) -> None:
    """One bit each; the lower ones are heating (Deye), or nothing."""
    decoded = values(0x35C, byte)
    assert {name for name, value in decoded.items() if value} == names
    assert len(decoded) == 5


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"PYTES", "PYTES"),
        (b"BYD     ", "BYD"),
        (b"PYLON\xff\xfe\x80", "PYLON"),
        (b"DY0012\x00\x10", "DY001"),  # cell maker 0x32 would be a "2"
        (b"DYNESS  ", "DYNESS"),
        (bytes(8), None),
    ],
)
def test_names_end_at_the_first_unprintable_byte(data: bytes, name: str | None) -> None:
    """Byte by byte."""
    assert values(0x35E, data)["name"] == name


def test_0x354_is_a_capacity_only_with_a_known_dialect() -> None:
    """Discover's; LG's 0x354 is something else, and LG shows no mark at all."""
    data = "6400320000000000"
    for dialect in (Dialect.PYLONTECH, Dialect.VICTRON):
        assert values(0x354, data, dialect) == {
            "installed_ah": 100.0,
            "remaining_ah": 50.0,
        }
    for other in (Dialect.UNKNOWN, Dialect.DEYE, None):
        assert values(0x354, data, other) == {}


@pytest.mark.parametrize(
    ("candidate", "known", "agreed"),
    [
        (230.0, 230.0, 230.0),
        (115.0, 230.0, 115.0),
        (460.0, 230.0, 460.0),
        (2300.0, 230.0, None),
        (114.0, 230.0, None),
        (None, 230.0, None),
        (230.0, None, None),
    ],
)
def test_a_capacity_counts_if_it_agrees(
    candidate: float | None, known: float | None, agreed: float | None
) -> None:
    """Within a factor of 2 of a known one: some batteries send 0.1 Ah."""
    assert agreed_capacity(candidate, known) == agreed


def test_a_charge_request_is_decoded() -> None:
    """0xFF requests, 0 does not, anything else is unknown."""
    assert values(0x360, "FF") == {"charge_request": True}
    assert values(0x360, "0000000000000000") == {"charge_request": False}
    assert values(0x360, "01") == {"charge_request": None}
