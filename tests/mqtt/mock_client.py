"""What the tests must know of Home Assistant's mock of an MQTT client."""

import pytest

# Home Assistant's mock of an MQTT client leaves a timer behind
LINGERS = pytest.mark.parametrize("expected_lingering_timers", [True])
