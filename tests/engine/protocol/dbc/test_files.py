"""The DBC files: complete, sound, and right about recorded traffic of real batteries."""

import re
from typing import Final

from cantools.database import Message
import pytest

from custom_components.bms_gateway.engine.model import Alarm

from ..captures import DEYE, DEYE_AS_VICTRON, STACK, STACK_AND_INVERTER, frames
from .reading import ALARM, FOLDER, WARNING, alarm_of, database, is_alarm, raised, read

PROFILES: Final = sorted(path.stem for path in FOLDER.glob("*.dbc"))
LAYOUTS: Final = [
    pytest.param(layout, id=f"{profile}-{layout.frame_id:03X}")
    for profile in PROFILES
    for layout in database(profile).messages
]
SOURCE: Final = re.compile(
    r"(PY|SMA|VIC|DY|SOL|LUX|SEP|BYD|YAM)\b"  # tags of docs/protocol.md
)
NO_ALARM: Final[frozenset[Alarm]] = frozenset()


@pytest.mark.parametrize("profile", PROFILES)
def test_a_file_names_its_profile_and_source(profile: str) -> None:
    """In the version, and in the comment of the whole file."""
    assert database(profile).version == profile
    text = (FOLDER / f"{profile}.dbc").read_text(encoding="ascii")
    assert re.search(
        r'^CM_ "[^"]{60,}Source tags: docs/protocol\.md', text, re.MULTILINE
    )


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_frame_and_value_has_a_source(layout: Message) -> None:
    """Alarms and texts are covered by the comment of their frame."""
    assert SOURCE.match(layout.comment or ""), layout.name
    for signal in layout.signals:
        if len(layout.signals) > 1:
            assert is_alarm(signal) or SOURCE.match(signal.comment or ""), signal.name


@pytest.mark.parametrize("layout", LAYOUTS)
def test_identifiers_have_11_bits_and_names_32_characters(layout: Message) -> None:
    """Longer names are cut by some tools."""
    assert not layout.is_extended_frame
    assert 0x350 <= layout.frame_id <= 0x382
    for name in (layout.name, *(signal.name for signal in layout.signals)):
        assert len(name) <= 32


@pytest.mark.parametrize("layout", LAYOUTS)
def test_ranges_lie_within_what_a_signal_can_hold(layout: Message) -> None:
    """Codes for unknown values lie outside of the range."""
    for signal in layout.signals:
        if signal.unit == "ASCII":
            continue
        sign = 1 if signal.is_signed else 0
        least = -(1 << signal.length - 1) * sign
        ends = (least, least + (1 << signal.length) - 1)
        scaled = sorted(raw * signal.scale + signal.offset for raw in ends)
        assert signal.minimum is not None and signal.maximum is not None
        assert scaled[0] <= signal.minimum < signal.maximum <= scaled[1], signal.name
        for raw, name in (signal.choices or {}).items():
            if str(name) == "unknown" and not signal.name.startswith("unused"):
                code = raw * signal.scale + signal.offset
                within = signal.minimum <= code <= signal.maximum
                assert not within or signal.name == "cycles", signal.name


@pytest.mark.parametrize("layout", LAYOUTS)
def test_alarms_are_those_of_the_model(layout: Message) -> None:
    """A detail may follow, as in `alarm_over_temperature_mos`."""
    for signal in layout.signals:
        if is_alarm(signal):
            assert alarm_of(signal.name) in Alarm
            assert signal.length in {1, 2}


def reading(profile: str, dump: str) -> dict[str, object]:
    """Return the values of recorded traffic by their names; no alarm is among them."""
    known = {layout.frame_id for layout in database(profile).messages}
    signals = read(profile, (f for f in frames(dump) if f.can_id in known))
    assert raised(signals, ALARM) == raised(signals, WARNING) == NO_ALARM
    return {s.signal.name: s.value for s in signals if not is_alarm(s.signal)}


STACK_VALUES: Final = {
    "modules": 5,
    "tag": "PN",
    "charge_voltage_limit": 56.3,
    "charge_current_limit": 922.5,
    "discharge_current_limit": 922.5,
    "discharge_voltage_limit": 46.9,
    "soc": 80,
    "soh": 100,
    "voltage": 52.91,
    "current": -80.1,
    "temperature": 20.4,
    "charge_enabled": True,
    "discharge_enabled": True,
    "force_charge": False,
    "force_charge_2": False,
    "full_charge": False,
    "name": "PYLON",
}
CELL_VALUES: Final = {
    "cell_voltage_min": 3.288,
    "cell_voltage_max": 3.313,
    "cell_temperature_min": 17,
    "cell_temperature_max": 25,
}


@pytest.mark.parametrize("profile", ["pylontech", "pylontech_plus", "sol_ark"])
def test_a_pylontech_stack_is_read(profile: str) -> None:
    """Both recordings of the stack of five modules.

    Bytes 09 24 are 0x2409 = 9225 counts of 0.1 A, DF FC are 0xFCDF = -801 counts of
    0.1 A, D8 0C are 0x0CD8 = 3288 mV, 22 01 are 0x0122 = 290 K = 17 °C.
    """
    assert reading(profile, STACK) == STACK_VALUES | CELL_VALUES
    assert reading(profile, STACK_AND_INVERTER) == STACK_VALUES | {
        "soc": 81,
        "voltage": 52.86,
        "current": -94.6,
        "temperature": 21.0,
    }


def test_a_deye_is_read() -> None:
    """An SE-F12-C that charges with 0.8 A: F8 FF is -8 counts, 0.8 A into the battery.

    44 59 30 30 31 is DY001, 1C the maker of its cells, FC 08 is 2300 counts of 0.1 Ah.
    """
    assert reading("deye", DEYE) == {
        "charge_voltage_limit": 58.4,
        "charge_current_limit": 0.0,
        "discharge_current_limit": 230.0,
        "discharge_voltage_limit": 48.0,
        "soc": 100,
        "soh": 100,
        "voltage": 53.3,
        "current": 0.8,
        "temperature": 24.0,
        "charge_enabled": True,
        "discharge_enabled": True,
        "force_charge": False,
        "force_charge_2": False,
        "full_charge": False,
        "heating": False,
        "name": "DY001",
        "cell_maker": 0x1C,
        "capacity_ah": 230.0,
        "cell_voltage_max": 3.345,
        "cell_voltage_min": 3.335,
        "cell_temperature_max": 25.0,
        "cell_temperature_min": 24.0,
        "software_version": 0x05F0,
        "hardware_version": 0x05F0,
        "modules": 1,
        "modules_online": 1,
        "modules_blocking_charge": 0,
        "modules_blocking_discharge": 0,
        "modules_offline": 0,
        "on_grid_charge_current_limit": 0.0,
        "on_grid_discharge_current_limit": 230.0,
    }


def test_a_deye_in_its_profile_for_victron_is_read() -> None:
    """The same battery charging: the wire now has +8 counts. Alarms: not supported.

    Its name has binary data behind it, and bytes 4 and 5 of 0x35F are in 0.1 Ah.
    """
    nameless = "\n".join(
        line for line in DEYE_AS_VICTRON.splitlines() if "35E#" not in line
    )
    assert reading("victron", nameless) == {
        "charge_voltage_limit": 58.4,
        "charge_current_limit": 10.0,
        "discharge_current_limit": 230.0,
        "discharge_voltage_limit": 48.0,
        "soc": 100,
        "soh": 100,
        "soc_high_resolution": 0.0,
        "voltage": 53.3,
        "current": 0.8,
        "temperature": 24.0,
        "cycles": None,
        "system_status": 0,
        "product_id": 0x1C00,
        "version_major": 0xF0,
        "version_minor": 0x05,
        "online_capacity_ah": 2300,
        "hardware_version": 0x5944,
    }
