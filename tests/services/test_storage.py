"""Temporary limits over a restart, a crash, a jump of the clock, an unreadable store."""

from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest

from custom_components.bms_gateway.setpoints.limit_list import shown_temporary_limits
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

from ..bench import Bench
from .calls import KEY, later, limit, ready, temporary_limits


async def test_temporary_limit_survives_a_restart_and_ends(
    hass: HomeAssistant, bench: Bench, hass_storage: dict[str, Any]
) -> None:
    """The remaining time counts from the restart, however long that took."""
    await ready(bench)
    await limit(bench, charge_current=20, duration=600)
    assert hass_storage[KEY]["data"]["temporary_limits"][0]["until"] == pytest.approx(
        600, abs=5
    )
    await later(bench, 200)
    assert await hass.config_entries.async_unload("gw")
    assert hass_storage[KEY]["data"]["temporary_limits"][0]["until"] == pytest.approx(
        400, abs=5
    )
    bench.ahead += 100_000
    await bench.setup()
    await bench.online("b1")
    await bench.receives("i1", 10.0, 25.0)
    await later(bench, 390)
    assert len(temporary_limits(bench)) == 1
    await later(bench, 15)
    assert temporary_limits(bench) == []
    assert hass_storage[KEY]["data"]["temporary_limits"] == []


async def test_limit_lasts_longer_after_a_crash_never_shorter(
    bench: Bench, hass_storage: dict[str, Any]
) -> None:
    """The remaining time is stored anew once it is half of that on disk."""
    await ready(bench)
    await limit(bench, charge_current=20, duration=600)
    for passed, stored in (61, 600), (290, 600), (310, 290), (440, 290), (470, 130):
        [temporary_limit] = temporary_limits(bench)
        assert temporary_limit.until is not None
        await later(bench, passed - (600 - (temporary_limit.until - bench.clock())))
        left = hass_storage[KEY]["data"]["temporary_limits"][0]["until"]
        assert left == pytest.approx(stored, abs=5)


async def test_wall_clock_ends_no_limit(bench: Bench) -> None:
    """It may jump by a year; only the displayed end moves along, at once."""
    await ready(bench)
    before = (await limit(bench, charge_current=20))["temporary_limits"][0]["ends_at"]
    await bench.runtime.setpoint_manager.async_save_periodically()
    assert (
        shown_temporary_limits(bench.runtime.setpoint_manager, None)[0]["ends_at"]
        == before
    )
    next_year = dt_util.utcnow() + timedelta(days=365)
    for _ in range(2):
        with patch("homeassistant.util.dt.utcnow", return_value=next_year):
            [temporary_limit] = temporary_limits(bench)
            end = bench.runtime.setpoint_manager.ends_at(temporary_limit)
            assert end is not None
            assert timedelta(minutes=59) < end - next_year <= timedelta(hours=1)
            await bench.runtime.setpoint_manager.async_save_periodically()


async def test_temporary_limit_does_not_lift_an_unreadable_store(
    bench: Bench, hass_storage: dict[str, Any]
) -> None:
    """0 A until the user confirms; a temporary limit can only lower."""
    hass_storage[KEY] = {"version": 1, "minor_version": 1, "key": KEY, "data": "?"}
    await ready(bench)
    await limit(bench, charge_current=20)
    await bench.online("b1")
    await bench.receives("i1", 0.0, 0.0)
    assert "setpoints_unreadable_gw" in bench.issues()
