"""Invariants that hold at any time, whatever batteries, inverters and users do."""

from hypothesis import HealthCheck, settings
import pytest

from ..reference_model.events import InstallationEvents

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

TestInstallation = InstallationEvents.TestCase
TestInstallation.settings = settings(
    max_examples=150,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
