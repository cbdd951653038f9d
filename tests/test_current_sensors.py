"""Sensors of inverters' DC currents: what the gateway gets from them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest.mock import MagicMock

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bms_gateway.const import DOMAIN
from custom_components.bms_gateway.current_sensors import CurrentSensors, amperes
from homeassistant.core import HomeAssistant, State

SENSOR = "sensor.roof_dc"
AMPERES = {"unit_of_measurement": "A"}

type Sensed = list[tuple[Any, ...]]


@pytest.mark.parametrize(
    ("state", "unit", "amps"),
    [
        ("-12.5", "A", -12.5),
        ("0", "A", 0.0),
        ("1500", "mA", 1.5),
        ("12", "W", None),
        ("12", None, None),
        ("unavailable", "A", None),
        ("unknown", "A", None),
        ("", "A", None),
        ("nan", "A", None),
        ("inf", "A", None),
    ],
)
def test_current_of_a_sensor_is_converted_to_amps(
    state: str, unit: str | None, amps: float | None
) -> None:
    """A current, or none."""
    shown = State(SENSOR, state, {"unit_of_measurement": unit} if unit else {})
    assert amperes(shown) == amps


def test_missing_sensor_has_no_current() -> None:
    """Nor is that 0 A."""
    assert amperes(None) is None


class Followed:
    """The sensors of an entry's inverters, and a gateway that records their values."""

    def __init__(self, hass: HomeAssistant, sensors: dict[str, str | None]) -> None:
        """Choose a sensor for each inverter, or none."""
        self._hass = hass
        self.entry = MockConfigEntry(
            domain=DOMAIN,
            subentries_data=[
                {
                    "subentry_id": key,
                    "subentry_type": "inverter",
                    "title": key,
                    "unique_id": None,
                    "data": _data(chosen),
                }
                for key, chosen in sensors.items()
            ],
        )
        self.entry.add_to_hass(hass)
        self.gateway = MagicMock()
        self.gateway.now = 1000.0
        self.sensors = CurrentSensors(hass, self.entry, self.gateway)
        self.sensors.async_apply()

    def sensed(self) -> Sensed:
        """Return the values that the gateway got since the last call."""
        calls = self.gateway.sense.call_args_list
        values = [(*call.args, None)[:3] for call in calls]
        self.gateway.sense.reset_mock()
        return values

    def choose(self, key: str, chosen: str | None) -> None:
        """Choose another sensor for an inverter."""
        self._hass.config_entries.async_update_subentry(
            self.entry, self.entry.subentries[key], data=_data(chosen)
        )
        self.sensors.async_apply()


def _data(chosen: str | None) -> dict[str, Any]:
    return {"current_sensor": chosen} if chosen else {}


async def _set(hass: HomeAssistant, state: str) -> None:
    hass.states.async_set(SENSOR, state, AMPERES)
    await hass.async_block_till_done()


@pytest.fixture
def follow(hass: HomeAssistant) -> Callable[..., Followed]:
    """Return a factory that follows sensors."""

    def begin(**sensors: str | None) -> Followed:
        return Followed(hass, sensors)

    return begin


async def test_each_value_is_passed_on(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    follow: Callable[..., Followed],
) -> None:
    """Also an unchanged one: its age counts from the last report."""
    await _set(hass, "5")
    freezer.tick(timedelta(seconds=40))
    followed = follow(i1=SENSOR, i2=None)
    assert followed.sensed() == [("i1", 5.0, pytest.approx(960.0))]
    await _set(hass, "-20")
    await _set(hass, "-20")
    assert followed.sensed() == [("i1", -20.0, pytest.approx(1000.0))] * 2
    await _set(hass, "unavailable")
    assert followed.sensed() == [("i1", None, pytest.approx(1000.0))]
    hass.states.async_remove(SENSOR)
    await hass.async_block_till_done()
    assert followed.sensed() == [("i1", None, 1000.0)]


async def test_sensor_that_appears_later_is_followed(
    hass: HomeAssistant, follow: Callable[..., Followed]
) -> None:
    """As after a restart."""
    followed = follow(i1=SENSOR)
    assert followed.sensed() == [("i1", None, 1000.0)]
    await _set(hass, "7")
    assert followed.sensed() == [("i1", 7.0, pytest.approx(1000.0))]


async def test_new_choice_replaces_the_old_one(
    hass: HomeAssistant, follow: Callable[..., Followed]
) -> None:
    """The earlier sensor no longer counts."""
    await _set(hass, "5")
    followed = follow(i1=SENSOR)
    followed.sensed()
    followed.choose("i1", None)
    assert followed.sensed() == [("i1", None, None)]
    await _set(hass, "6")
    assert followed.sensed() == []
    followed.choose("i1", SENSOR)
    assert followed.sensed() == [("i1", 6.0, pytest.approx(1000.0, abs=1.0))]


async def test_nothing_is_passed_on_after_the_end(
    hass: HomeAssistant, follow: Callable[..., Followed]
) -> None:
    """All sensors are dropped."""
    await _set(hass, "5")
    followed = follow(i1=SENSOR)
    followed.sensors.async_end()
    followed.sensed()
    await _set(hass, "6")
    assert followed.sensed() == []
