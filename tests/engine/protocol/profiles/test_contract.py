"""Every profile keeps the contract, with its reference bytes.

The bytes were worked out by hand from the documents named in each profile's module, for
the values of `contract.EXAMPLE`.
"""

from dataclasses import replace
from typing import Any

import pytest

from custom_components.bms_gateway.engine.model import Dialect
from custom_components.bms_gateway.engine.presets import Profile

from .contract import EXAMPLE, ProfileContract

NOT_RAISED = "AAAAAA02AAAAAA02"
"""0x35A: 13 pairs of each half are 2, three are reserved."""
RAISED_PAIRS = "A6AAAA02AAAAA902"
"""0x35A: pair 1 of the alarms, and pair 8 of the warnings, are 1."""
RAISED_BITS = "0200000105504E00"
"""0x359: bit 1 of the protections, bit 8 of the warnings, 5 modules, `PN`."""
LIMITS = "330209240924D501"


class TestPylontech(ProfileContract):
    """Pylontech 1.2, as the captured stack sends it."""

    profile = Profile.PYLONTECH
    dialect = Dialect.PYLONTECH
    reference = {
        0x35E: "50594C4F4E000000",
        0x351: LIMITS,
        0x355: "5000640000000000",
        0x356: "AB14DFFCCC000000",
        0x35C: "C000000000000000",
        0x359: "0000000005504E00",
        0x373: "D80CF10C22012A01",
        0x379: "3002000000000000",
    }
    required = frozenset({0x35E, 0x351, 0x355, 0x356, 0x35C, 0x359})
    lengths = {0x355: 4, 0x356: 6, 0x35C: 2, 0x359: 7}
    raised = {0x359: RAISED_BITS}


class TestPylontechPlus(ProfileContract):
    """The same, followed by the frames of "Pylon V2"."""

    profile = Profile.PYLONTECH_PLUS
    dialect = Dialect.PYLONTECH
    reference = TestPylontech.reference | {
        0x35A: NOT_RAISED,
        0x35F: "0000000030020000",
        0x370: "FA00AA00F10CD80C",
        0x372: "0500000000000000",
    }
    required = TestPylontech.required | {0x35A, 0x35F}
    lengths = TestPylontech.lengths
    raised = {0x359: RAISED_BITS, 0x35A: RAISED_PAIRS}


class TestSma(ProfileContract):
    """Six frames and no other; 0xFFFF where nothing is defined."""

    profile = Profile.SMA
    dialect = Dialect.VICTRON
    name = "BMS-GW"
    reference = {
        0x35E: "424D532D47570000",
        0x351: LIMITS,
        0x355: "50006400401FFFFF",  # 80.00 % = 8000 = 0x1F40
        0x356: "AB14DFFCCC00FFFF",
        0x35A: NOT_RAISED,
        0x35F: "0000000030020000",
    }
    required = frozenset(reference)
    raised = {0x35A: RAISED_PAIRS}
    most_amps = 1200.0
    most_volts = 63.0
    has_enables = False


class TestVictron(ProfileContract):
    """A GX shows our own name and product, and never sees a 0x359."""

    profile = Profile.VICTRON
    dialect = Dialect.VICTRON
    name = "BMS-GW"
    reference = {
        0x35E: "424D532D47570000",
        0x351: LIMITS,
        0x355: "50006400401F0000",
        0x356: "AB14DFFCCC000000",
        0x35A: NOT_RAISED,
        0x35F: "0000000030020000",
        0x370: "424D532043414E20",  # "BMS CAN "
        0x371: "4761746577617900",  # "Gateway"
        0x372: "0500000000000000",
        0x373: "D80CF10C22012A01",
        0x379: "3002000000000000",
    }
    required = frozenset({0x35E, 0x351, 0x355, 0x356, 0x35A, 0x35F, 0x370, 0x371})
    raised = {0x35A: RAISED_PAIRS}
    has_enables = False


class TestDeye(ProfileContract):
    """Discharge is positive, 80.1 A = 801 = 0x0321; 560.0 Ah = 5600 = 0x15E0."""

    profile = Profile.DEYE
    dialect = Dialect.DEYE
    name = "DY001"
    reference = {
        0x35E: "445930303100E015",
        0x351: LIMITS,
        0x355: "5000640000000000",
        0x356: "AB142103CC000000",
        0x35C: "C000000000000000",
        0x359: "0000000000000000",
        0x371: "0924092400000000",
        0x361: "F10CD80CFA00AA00",
        0x364: "0500000005000000",
    }
    required = frozenset({0x35E, 0x351, 0x355, 0x356, 0x35C, 0x359, 0x371})
    # Table 1 bit 0 is a cell's over-voltage, table 5 bit 4 too much charge current
    raised = {0x359: "0100000010000000"}


class TestSolArk(ProfileContract):
    """Pylontech's frames, 8 bytes each, with the capacity."""

    profile = Profile.SOL_ARK
    dialect = Dialect.PYLONTECH
    reference = {
        can_id: text
        for can_id, text in TestPylontech.reference.items()
        if can_id != 0x373
    }
    required = TestPylontech.required
    raised = {0x359: RAISED_BITS}


class TestSolArkCoarse(TestSolArk):
    """52.9 V = 529 = 0x0211 in 0.1 V."""

    profile = Profile.SOL_ARK_COARSE
    reference = TestSolArk.reference | {0x356: "1102DFFCCC000000"}


class TestLuxpower(ProfileContract):
    """Extremes behind SOC and current, the capacity in place of the tag."""

    profile = Profile.LUXPOWER
    dialect = Dialect.LUXPOWER
    reference = {
        0x35E: "50594C4F4E000000",
        0x351: LIMITS,
        0x355: "50006400F10CD80C",
        0x356: "AB14DFFCFA00AA00",
        0x35C: "C000000000000000",
        0x359: "0000000000300200",
        0x373: "D80CF10C22012A01",
        0x379: "3002000000000000",
    }
    required = TestPylontech.required
    raised = {0x359: "0200000100300200"}

    @pytest.mark.parametrize("end", ["min", "max"])
    @pytest.mark.parametrize(
        ("kind", "can_id"), [("voltage", 0x355), ("temperature", 0x356)]
    )
    def test_one_unknown_extreme_is_not_beyond_the_other(
        self, kind: str, end: str, can_id: int
    ) -> None:
        """A sensor of a few cells is missing: the substitute is no value beyond theirs.

        The mean of 15 cells at 52.91 V is 3.527 V, the bank has 20.4 °C.
        """
        low: dict[str, Any] = {"cell_voltage_max": 3.313, "cell_temperature_max": 19.0}
        high: dict[str, Any] = {"cell_voltage_min": 3.6, "cell_temperature_min": 25.0}
        unknown: dict[str, Any] = {f"cell_{kind}_{end}": None}
        known = low if end == "min" else high
        data = self.sent(replace(EXAMPLE, **(known | unknown)))[can_id]
        highest, lowest = data[4:6], data[6:8]
        assert lowest == highest


def test_every_profile_has_a_class() -> None:
    """A new profile cannot be forgotten here."""
    tested = [
        each.profile
        for each in globals().values()
        if isinstance(each, type)
        and issubclass(each, ProfileContract)
        and each is not ProfileContract
    ]
    assert sorted(tested) == sorted(Profile)
