"""Issues of inverters that send what does not suit the make chosen for them."""

from dataclasses import replace

import pytest

from custom_components.bms_gateway.engine.model import Neighbour, SeenMake
from custom_components.bms_gateway.engine.presets import Make

from .contexts import CONFIG, WELL, keys, seen, the_one, with_i1


def chosen(make: Make, *found: SeenMake, battery: bool = False) -> dict[str, str]:
    """Return the issues of an inverter of this make that sends like these."""
    now = with_i1(seen_makes=frozenset(found), battery_detected=battery)
    inverter = replace(CONFIG.inverters[0], make=make)
    return keys(replace(now, config=replace(CONFIG, inverters=(inverter,))))


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (Make.DEYE, SeenMake.VICTRON),
        (Make.DEYE, SeenMake.SMA),
        (Make.VICTRON, SeenMake.DEYE),
        (Make.SMA, SeenMake.VICTRON),
    ],
)
def test_other_make_is_reported(make: Make, found: SeenMake) -> None:
    """It may misread what it is sent."""
    assert chosen(make, found) == {"inverter_other_make_i1": "inverter_other_make"}


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (Make.DEYE, SeenMake.DEYE),
        (Make.SUNSYNK, SeenMake.DEYE),
        (Make.SOL_ARK, SeenMake.DEYE),
        (Make.OTHER_VICTRON, SeenMake.VICTRON),
        (Make.SOLIS_AOBO, SeenMake.SMA),
    ],
)
def test_fitting_make_is_no_issue(make: Make, found: SeenMake) -> None:
    """Whatever it is called in the list."""
    assert chosen(make, found) == {}
    assert chosen(make) == {}


def test_two_makes_on_one_bus_are_reported() -> None:
    """Even if one of them is the right one."""
    issues = chosen(Make.VICTRON, SeenMake.VICTRON, SeenMake.SMA)
    assert issues == {"inverter_two_makes_i1": "inverter_two_makes"}
    now = with_i1(seen_makes=frozenset({SeenMake.VICTRON, SeenMake.SMA}))
    assert the_one(now).placeholders == {
        "name": "Roof",
        "makes": "SMA Sunny Island, Victron GX",
    }


def test_bus_of_a_battery_tells_nothing_of_an_inverter() -> None:
    """The wrong port has an issue of its own."""
    issues = chosen(Make.DEYE, SeenMake.VICTRON, battery=True)
    assert issues == {"wrong_port_i1": "battery_on_inverter_port"}


@pytest.mark.parametrize(
    ("neighbour", "key"),
    [
        (Neighbour.PYLONTECH_HV, "inverter_high_voltage"),
        (Neighbour.GROWATT, "inverter_growatt_protocol"),
    ],
)
def test_other_protocol_is_named(neighbour: Neighbour, key: str) -> None:
    """Nothing that is sent would be followed."""
    now = with_i1(neighbours=frozenset({neighbour}))
    assert keys(now) == {f"{key}_i1": key}
    assert the_one(now).placeholders == {"name": "Roof"}


def test_inverter_without_a_state_is_no_issue() -> None:
    """It was added this moment."""
    assert keys(seen(WELL, inverters={})) == {}
