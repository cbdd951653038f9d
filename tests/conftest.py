"""Fixtures of all tests."""

from collections.abc import AsyncGenerator, Iterator
import threading
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, settings
import pytest

# Before Home Assistant's test helpers import their package of the same name
import custom_components  # noqa: F401

if TYPE_CHECKING:
    from pytest_homeassistant_custom_component.common import MockConfigEntry

    from homeassistant.core import HomeAssistant

    from .bench import Bench
    from .connected import Machine

# The time of an example depends on the machine and its load
settings.register_profile(
    "default", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests that start a gateway in Home Assistant as slow: there are many."""
    for item in items:
        if "bench" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)


THREADS_END = 20.0
"""Seconds within which the thread of a closed adapter has to end."""


@pytest.fixture(autouse=True)
def adapters_threads_end() -> Iterator[None]:
    """Wait for threads that are about to end."""
    yield
    for thread in threading.enumerate():
        if thread.name.startswith("CAN "):
            thread.join(THREADS_END)
            assert not thread.is_alive()


@pytest.fixture(autouse=True)
def load_this_integration(request: pytest.FixtureRequest) -> None:
    """Make Home Assistant load the integration, in tests that use Home Assistant."""
    if "hass" in request.fixturenames:
        request.getfixturevalue("enable_custom_integrations")


@pytest.fixture
async def bench(hass: HomeAssistant) -> AsyncGenerator[Bench]:
    """Return a gateway to set up, with peers on its buses."""
    from .bench import Bench  # noqa: PLC0415 - the engine's tests do without it

    bench = Bench(hass)
    yield bench
    await bench.stop()


@pytest.fixture
async def machine(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[Machine]:
    """Return the connections that the flows find; scans take only an instant."""
    from .connected import Machine  # noqa: PLC0415 - the engine's tests do without it

    machine = Machine(hass, monkeypatch)
    yield machine
    await machine.end()


@pytest.fixture
def bank(hass: HomeAssistant, machine: Machine) -> MockConfigEntry:
    """Return an existing gateway with a battery and an inverter."""
    from .form_user import add_bank  # noqa: PLC0415 - as above

    return add_bank(hass)
