"""The setpoints of a gateway in a real file."""

from pathlib import Path
from typing import Any

import pytest

from custom_components.bms_gateway.const import DOMAIN
from homeassistant.core import HomeAssistant


@pytest.fixture
def hass_storage() -> dict[str, Any]:
    """Write real files: this is about a damaged one."""
    return {}


@pytest.fixture
def hass_config_dir(hass_tmp_config_dir: str) -> str:
    """Write them where each test is alone."""
    return hass_tmp_config_dir


@pytest.fixture
def path(hass: HomeAssistant) -> Path:
    """Return the file of the stored gateway."""
    path = Path(hass.config.path(".storage", f"{DOMAIN}.e1.setpoints"))
    path.parent.mkdir(exist_ok=True)
    return path
