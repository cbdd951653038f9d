"""What all tests share."""

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

import pytest

# Before Home Assistant's test helpers import theirs, a package of the same name
import custom_components  # noqa: F401

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant

    from .bench import Bench


@pytest.fixture(autouse=True)
def load_this_integration(request: pytest.FixtureRequest) -> None:
    """Let Home Assistant load it, in tests that have a Home Assistant."""
    if "hass" in request.fixturenames:
        request.getfixturevalue("enable_custom_integrations")


@pytest.fixture
async def bench(hass: HomeAssistant) -> AsyncGenerator[Bench]:
    """Return a gateway to be set up, with peers on its buses."""
    from .bench import Bench  # noqa: PLC0415 - the engine's tests do without it

    bench = Bench(hass)
    yield bench
    await bench.stop()
