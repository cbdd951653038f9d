"""The makes of inverter that have a preset: one row each.

A column that is not given has the usual value, see `Preset`. Whatever a source leaves
open stays as usual. docs/compatibility.md is made from this table.
"""

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Final

from .preset import ChargeStop, Evidence, Preset, Profile

OWN_NAME: Final = "BMS-GW"
"""Towards receivers that treat some names specially, as a GX does PYLON, BYD and LG."""


class Make(StrEnum):
    """The inverters that can be chosen. The values are stored."""

    DEYE = "deye"
    EG4_6000XP = "eg4_6000xp"
    EG4_12000XP = "eg4_12000xp"
    EG4_18KPV = "eg4_18kpv"
    GOODWE = "goodwe"
    GROWATT_SPF = "growatt_spf"
    IMEON = "imeon"
    LUXPOWER = "luxpower"
    MIDNITE = "midnite"
    SCHNEIDER = "schneider"
    SMA = "sma"
    SOFAR = "sofar"
    SOL_ARK = "sol_ark"
    SOLIS = "solis"
    SOLIS_AOBO = "solis_aobo"
    SRNE = "srne"
    STUDER = "studer"
    SUNSYNK = "sunsynk"
    VICTRON = "victron"
    VOLTRONIC = "voltronic"
    OTHER_PYLONTECH = "other_pylontech"
    OTHER_PYLONTECH_PLUS = "other_pylontech_plus"
    OTHER_SMA = "other_sma"
    OTHER_VICTRON = "other_victron"
    OTHER_DEYE = "other_deye"
    OTHER_SOL_ARK = "other_sol_ark"
    OTHER_SOL_ARK_COARSE = "other_sol_ark_coarse"
    OTHER_LUXPOWER = "other_luxpower"


_DEYE: Final = Preset(
    profile=Profile.PYLONTECH,  # a charge voltage below the pack's would discharge it
    evidence=Evidence.REPORT,
    source="esphome-yambms, Supported_devices.md; diyBMS issue 216",
)
_SMA: Final = Preset(
    profile=Profile.SMA,
    name_prefix=OWN_NAME,
    min_send_interval=0.2,
    charge_voltage_min=41.0,
    charge_voltage_max=63.0,
    evidence=Evidence.DOCUMENT,
    source="SMA, FSS-ConnectingBat-TI-en-10",
)
_VICTRON: Final = Preset(
    profile=Profile.VICTRON,
    name_prefix=OWN_NAME,
    timeout=10.0,  # 3 s until a GX misses 0x351, 3 s until it applies that, in doubt more
    charge_stop=ChargeStop.VOLTAGE,  # Victron: rather lower the voltage than send 0 A
    evidence=Evidence.DOCUMENT,
    source="Victron, CAN-bus BMS; victronenergy/dbus-systemcalc-py, dvcc.py",
)
_LUXPOWER: Final = Preset(
    profile=Profile.LUXPOWER,
    evidence=Evidence.DOCUMENT,
    source='LuxPower, CAN protocol V04.2 ("Lithium 6")',
)
_SOL_ARK: Final = Preset(
    profile=Profile.SOL_ARK,
    evidence=Evidence.DOCUMENT,
    source="Sol-Ark, CAN protocol V1.3; the scale of the voltage as a Deye reads it",
)
_PYLONTECH_PLUS: Final = Preset(
    profile=Profile.PYLONTECH_PLUS,
    evidence=Evidence.REPORT,
    source='esphome-yambms, Supported_devices.md ("Pylon V2")',
)


def _other(profile: Profile, name: str = "PYLON") -> Preset:
    """Return the preset of an inverter of which only the profile is known."""
    return Preset(
        profile=profile,
        name_prefix=name,
        evidence=Evidence.ASSUMPTION,
        source="the choice of the user",
    )


PRESETS: Final[Mapping[Make, Preset]] = {
    Make.DEYE: _DEYE,
    Make.SUNSYNK: _DEYE,
    Make.SOL_ARK: _SOL_ARK,
    Make.VICTRON: _VICTRON,
    Make.SMA: _SMA,
    Make.GROWATT_SPF: Preset(
        profile=Profile.PYLONTECH,
        sends_warnings=False,  # every bit of 0x359 is shown as a fault
        evidence=Evidence.REPORT,
        source="diyBMS issue 266",
    ),
    Make.GOODWE: _PYLONTECH_PLUS,
    Make.SOLIS: Preset(
        profile=Profile.PYLONTECH,
        sends_warnings=False,  # every bit of 0x359 is shown as "BMS error"
        evidence=Evidence.CAPTURE,
        source="traffic of a Solis S6-EH1P8K set to PYLON_LV",
    ),
    Make.SOLIS_AOBO: replace(
        _SMA,
        evidence=Evidence.REPORT,
        source='reports on RHI-3.6K, RHI-3K and S5-EH1P6K set to "AoBo"',
    ),
    Make.SOFAR: Preset(
        profile=Profile.PYLONTECH,
        zero=0.1,  # zeros in 0x351 are ignored
        charge_stop=ChargeStop.VOLTAGE,
        hold_soc=99.0,
        evidence=Evidence.REPORT,
        source="diyBMS issue 196 and pylon_canbus.cpp; Battery-Emulator, SOFAR",
    ),
    Make.LUXPOWER: _LUXPOWER,
    Make.EG4_6000XP: Preset(
        profile=Profile.PYLONTECH,
        evidence=Evidence.REPORT,
        source='reports on a 6000XP set to "Lithium 2"',
    ),
    Make.EG4_12000XP: _LUXPOWER,
    Make.EG4_18KPV: _LUXPOWER,
    Make.MIDNITE: Preset(
        profile=Profile.PYLONTECH,
        hold_soc=99.0,  # it stops charging at 100 %
        evidence=Evidence.REPORT,
        source="esphome-yambms, YamBMS_behavior.md; reports on an MN15",
    ),
    Make.IMEON: Preset(
        profile=Profile.PYLONTECH,
        evidence=Evidence.REPORT,
        source="diyBMS issue 196, on an Imeon 9.12",
    ),
    Make.STUDER: _PYLONTECH_PLUS,
    Make.SCHNEIDER: _PYLONTECH_PLUS,
    Make.SRNE: Preset(
        profile=Profile.PYLONTECH_PLUS,
        tag=b"UZ",
        evidence=Evidence.REPORT,
        source='esphome-yambms, Supported_devices.md ("UZE")',
    ),
    Make.VOLTRONIC: Preset(
        profile=Profile.PYLONTECH,
        evidence=Evidence.ASSUMPTION,
        source="the menu of models with CAN",
    ),
    Make.OTHER_PYLONTECH: _other(Profile.PYLONTECH),
    Make.OTHER_PYLONTECH_PLUS: _other(Profile.PYLONTECH_PLUS),
    Make.OTHER_SMA: replace(
        _SMA, evidence=Evidence.ASSUMPTION, source="the choice of the user"
    ),
    Make.OTHER_VICTRON: _other(Profile.VICTRON, OWN_NAME),
    Make.OTHER_DEYE: _other(Profile.DEYE, "DY001"),
    Make.OTHER_SOL_ARK: _other(Profile.SOL_ARK),
    Make.OTHER_SOL_ARK_COARSE: _other(Profile.SOL_ARK_COARSE),
    Make.OTHER_LUXPOWER: _other(Profile.LUXPOWER),
}
"""The preset of each make."""
