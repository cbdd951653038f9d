"""Setpoints are saved: a failed save is reported, and repeated until it succeeds."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from custom_components.bms_gateway.const import DOMAIN
from homeassistant.core import HomeAssistant

from ..bench import Bench
from ..test_number import ask, shown

type Retry = Callable[[Bench], Awaitable[Any]]

SETPOINT = "gw_charge_current_setpoint"


@pytest.fixture
def hass_storage() -> dict[str, Any]:
    """Write real files: this is about a disk that cannot be written."""
    return {}


@pytest.fixture
def hass_config_dir(hass_tmp_config_dir: str) -> str:
    """Write them where each test is alone."""
    return hass_tmp_config_dir


@pytest.fixture
async def path(hass: HomeAssistant, bench: Bench) -> Path:
    """Start a gateway whose setpoints are saved; return their file."""
    await bench.battery("b1").inverter("i1").start()
    await ask(bench, SETPOINT, 20.0)
    return Path(hass.config.path(".storage", f"{DOMAIN}.gw.setpoints"))


def spoil(path: Path) -> None:
    """Make the folder unwritable."""
    path.unlink()
    path.mkdir()


def make_writable(path: Path) -> None:
    """Make it writable again."""
    path.rmdir()


async def keep(bench: Bench) -> None:
    """Advance the time by a minute."""
    await bench.tick(61)


async def change(bench: Bench) -> None:
    """Change a setpoint."""
    await ask(bench, "gw_discharge_current_setpoint", 7.0)


async def unload(bench: Bench) -> None:
    """Stop the gateway."""
    assert await bench.hass.config_entries.async_unload("gw")


@pytest.mark.parametrize("retry", [keep, change, unload])
async def test_failed_save_is_repeated(bench: Bench, path: Path, retry: Retry) -> None:
    """Each minute, at each change and at the end; until then there is a repair."""
    spoil(path)
    await ask(bench, SETPOINT, 0.0)
    assert bench.issues() == {"setpoints_unsaved_gw": "setpoints_unsaved"}
    await keep(bench)
    assert bench.issues() == {"setpoints_unsaved_gw": "setpoints_unsaved"}
    make_writable(path)
    await retry(bench)
    await bench.until(lambda: bench.issues() == {})
    await unload(bench)
    await bench.setup()
    assert shown(bench, SETPOINT) == 0.0


async def test_failed_save_does_not_block_setpoints(bench: Bench, path: Path) -> None:
    """Inverters are sent them at once, whatever the disk does."""
    spoil(path)
    await bench.online("b1")
    await ask(bench, SETPOINT, 5.0)
    await bench.receives("i1", 5.0, 50.0)
    make_writable(path)
