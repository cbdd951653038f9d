"""Decoding of texts, cells, modules and energies: 0x370 to 0x382."""

import pytest

from custom_components.bms_gateway.engine.model import Dialect, Frame
from custom_components.bms_gateway.engine.protocol import joined

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
    assert values(0x371, "0100020003000400") == {}
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


@pytest.mark.parametrize("can_id", [0x372, 0x373])
def test_frames_with_another_meaning_when_shorter_are_ignored(can_id: int) -> None:
    """Discover's 0x372 of four bytes is its firmware."""
    assert values(can_id, "D80CF10C") == {}
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


@pytest.mark.parametrize("can_id", [0x35B, 0x363])
def test_frames_without_usable_values_are_battery_frames(can_id: int) -> None:
    """They show that the battery sends, no more."""
    assert values(can_id, b"\x55" * 8, Dialect.DEYE) == {}
