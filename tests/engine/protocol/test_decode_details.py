"""Decoding of texts, cells, modules and energies: 0x370 to 0x382."""

import pytest

from custom_components.bms_gateway.engine.model import Dialect, Frame
from custom_components.bms_gateway.engine.protocol import agreed_remaining, joined

from .decoding import decoded_by, values

# --- 0x370 to 0x382 ------------------------------------------------------------------

TEXT = b"BYD Batt"

NUMBERS = "FA00E600110D070D"  # 25.0 °C, 23.0 °C, 3345 mV, 3335 mV


def test_0x370_is_text_or_numbers() -> None:
    """Victron's name, Pylon V2's cells; nothing from a Deye, nor while unsettled."""
    for dialect in (Dialect.PYLONTECH, Dialect.VICTRON, Dialect.UNKNOWN):
        assert values(0x370, TEXT, dialect) == {"product_1": "BYD Batt"}
        assert values(0x370, NUMBERS, dialect) == {
            "cell_temperature_max": 25.0,
            "cell_temperature_min": 23.0,
            "cell_voltage_max": 3.345,
            "cell_voltage_min": 3.335,
        }
    assert values(0x370, NUMBERS, None) == {}
    assert values(0x370, NUMBERS, Dialect.DEYE) == {}
    assert values(0x370, NUMBERS[:12]) == {}


def test_0x370_is_read_in_the_other_order_too() -> None:
    """Cells first, then temperatures in 0.1 K, as a bridge for EPEver sends them."""
    # 3345 mV, 3335 mV, 298.0 K, 296.0 K
    assert values(0x370, "110D070DA40B900B") == {
        "cell_voltage_max": 3.345,
        "cell_voltage_min": 3.335,
        "cell_temperature_max": 25.0,
        "cell_temperature_min": 23.0,
    }
    # 60.0 °C, 55.0 °C, 3345 mV: neither order may be taken for the other
    assert values(0x370, "58022602110D070D")["cell_temperature_max"] == 60.0


@pytest.mark.parametrize("data", [bytes(8), b"A" + bytes(7), b"\xff" * 8])
def test_0x370_without_cells_is_ignored(data: bytes) -> None:
    """Padding is not 0.0 °C."""
    assert values(0x370, data) == {}


def test_0x371_is_text_limits_or_ids() -> None:
    """By the dialect first: a Deye's limits may happen to be printable."""
    assert values(0x371, b"ery\0\0\0\0\0", Dialect.VICTRON) == {"product_2": "ery"}
    # Seplos V1.0: hottest 1, coldest 2, highest cell 3, lowest cell 4
    assert values(0x371, "0100020003000400") == {
        "cell_temperature_max_number": 1,
        "cell_temperature_min_number": 2,
        "cell_voltage_max_number": 3,
        "cell_voltage_min_number": 4,
    }
    assert values(0x371, "0100020003000400", None) == {}
    # The end of a text of nine letters, and of none
    assert values(0x371, "7900000000000000", Dialect.VICTRON) == {}
    assert values(0x371, "0000000000000000", Dialect.VICTRON) == {}
    assert values(0x371, b"ABCDEFGH", Dialect.DEYE) == {
        "on_grid_charge_current_limit": 1696.1,
        "on_grid_discharge_current_limit": 1747.5,
    }


@pytest.mark.parametrize(
    ("first", "second", "text"),
    [
        ("BYD Batt", "ery", "BYD Battery"),
        ("My bank ", "of two", "My bank of two"),
        ("PYLON   ", None, "PYLON"),
        (None, "ery", None),
        (None, None, None),
    ],
)
def test_texts_in_two_frames_are_joined(
    first: str | None, second: str | None, text: str | None
) -> None:
    """Blanks between the halves stay."""
    assert joined(first, second) == text


def test_frames_with_another_meaning_when_shorter_are_no_counts_or_cells() -> None:
    """Of a Discover (AES), four bytes: firmware 2.1.0.0, and protocol version 1."""
    assert values(0x372, "00000102", Dialect.VICTRON) == {"firmware": "2.1.0.0"}
    assert values(0x373, "01000000", Dialect.VICTRON) == {}
    for can_id in 0x372, 0x373:
        assert values(can_id, "D80CF10C220129") == {}


def test_module_counts_are_decoded() -> None:
    """Pytes (AndreasBoehm/PytesCANProtocol): 2 on line, 1 and 1 block, 2 off line."""
    assert values(0x372, "0200010001000200", Dialect.VICTRON) == {
        "modules_online": 2,
        "modules_blocking_charge": 1,
        "modules_blocking_discharge": 1,
        "modules_offline": 2,
    }


def test_cells_without_a_sensor_are_unknown() -> None:
    """0 K and 0 mV mean that they are not sent."""
    decoded = decoded_by(
        Frame(0x373, bytes.fromhex("D80CF10C00000000")), Dialect.VICTRON
    )
    assert decoded.values["cell_temperature_min"] is None
    assert decoded.values["cell_voltage_min"] == 3.288
    assert not decoded.invalid
    # 0.1 °C, as some readers have it, is not taken for kelvin
    assert values(0x373, "D80CF10CCC00CC00")["cell_temperature_min"] is None


@pytest.mark.parametrize(
    ("can_id", "name"),
    [
        (0x374, "cell_voltage_min_id"),
        (0x375, "cell_voltage_max_id"),
        (0x376, "cell_temperature_min_id"),
        (0x377, "cell_temperature_max_id"),
        (0x380, "serial_1"),
        (0x381, "serial_2"),
        (0x382, "family"),
    ],
)
def test_texts_are_decoded(can_id: int, name: str) -> None:
    """Pytes sends `0800` as the id of its lowest cell."""
    assert values(can_id, "3038303000000000", Dialect.VICTRON) == {name: "0800"}


def test_energy_and_capacity_are_decoded() -> None:
    """Pytes: 211.2 kWh charged, 183.5 kWh discharged, 100 Ah in a frame of two bytes."""
    assert values(0x378, "400800002B070000", Dialect.VICTRON) == {
        "charged_kwh": 211.2,
        "discharged_kwh": 183.5,
    }
    assert values(0x379, "6400", Dialect.VICTRON) == {"installed_ah": 100.0}
    assert values(0x379, "0000", Dialect.VICTRON) == {"installed_ah": None}


def test_events_are_battery_frames_without_a_value() -> None:
    """0x35B shows that the battery sends, no more."""
    assert values(0x35B, b"\x55" * 8, Dialect.DEYE) == {}


def test_the_capacity_of_a_discover_is_decoded() -> None:
    """AES: 300 Ah, of which 231 are left. LG, without any mark, means something else."""
    data = "2C01E70000000000"
    assert values(0x354, data, Dialect.VICTRON) == {
        "installed_ah": 300.0,
        "remaining_ah": 231.0,
    }
    assert values(0x354, data, Dialect.UNKNOWN) == {}


@pytest.mark.parametrize(
    ("can_id", "data", "expected"),
    [
        # 6.190 kWh and 0.565 kWh; the vendor's app had 120.90 Ah, x 51.2 V = 6.190 kWh
        (0x550, "2E18000035020000", {"charged_kwh": 6.19, "discharged_kwh": 0.565}),
        (0x600, "4445594531323334", {"serial_1": "DEYE1234"}),
        (0x650, "3536373841424344", {"serial_2": "5678ABCD"}),
        (0x400, "0000300000001200", {"cycles": 48}),
    ],
)
def test_diagnostics_of_a_deye_are_decoded(
    can_id: int, data: str, expected: dict[str, object]
) -> None:
    """Only of a known Deye: other nodes have these IDs, too (CANopen, Pytes)."""
    assert values(can_id, data, Dialect.DEYE) == expected
    for dialect in (None, *set(Dialect) - {Dialect.DEYE}):
        assert values(can_id, data, dialect) == {}
    assert values(can_id, data[:14], Dialect.DEYE) == {}  # a Deye's are of 8 bytes


def test_the_version_of_a_deye_is_shown_raw() -> None:
    """SE-G5.1 Pro-B by YamBMS: software 20 08, hardware 21 02."""
    assert values(0x363, "2008210200000000", Dialect.DEYE) == {"firmware": "20.08"}
    assert values(0x363, "20", Dialect.DEYE) == {}
    assert values(0x363, "2008210200000000", Dialect.VICTRON) == {}


@pytest.mark.parametrize(
    ("byte", "expected"), [("C1", True), ("C0", False), ("C6", False)]
)
def test_a_deye_requests_heating_by_the_lowest_bit(byte: str, expected: bool) -> None:
    """In 0x35C; in other dialects that bit has no meaning."""
    assert values(0x35C, byte, Dialect.DEYE)["heating_request"] is expected
    assert "heating_request" not in values(0x35C, byte)


def test_the_addresses_online_are_decoded() -> None:
    """Seplos: byte 7 of a tagged 0x359, here the addresses of bits 0, 1 and 4."""
    assert values(0x359, "0000000003504E13")["module_map"] == "00010011"
    assert "module_map" not in values(0x359, "0000000003504E00")
    assert "module_map" not in values(0x359, "0000000003000013")


@pytest.mark.parametrize(
    ("raw", "soc", "expected"),
    [
        (75, 80.0, 75.0),  # Ah, of 100 Ah
        (750, 80.0, 75.0),  # 0.1 Ah, as YamBMS has it
        (65, 80.0, 65.0),  # an aged battery
        (3312, 80.0, None),  # a cell's mV
        (12, 80.0, None),
        (0, 0.0, 0.0),
        (3, 5.0, 3.0),
        (30, 5.0, 3.0),
        (None, 80.0, None),
        (75, None, None),
    ],
)
def test_remaining_charge_counts_if_it_agrees(
    raw: float | None, soc: float | None, expected: float | None
) -> None:
    """With SOC x capacity, in either scale: others have something else there."""
    assert agreed_remaining(raw, soc, 100.0) == expected
    assert agreed_remaining(raw, soc, float("nan")) is None


def test_remaining_charge_is_read_where_no_cell_voltage_can_be() -> None:
    """Sofar, YamBMS: 80 %, 75 Ah at bytes 6 and 7. LuxPower has a cell's mV there."""
    for dialect in Dialect:
        found = values(0x355, "500064001F404B00", dialect)
        reads = dialect in {Dialect.PYLONTECH, Dialect.VICTRON}
        assert found.get("remaining_count") == (75 if reads else None)
