"""A gateway that listens to commands over MQTT, and actions that only record calls."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

from pytest_homeassistant_custom_component.common import (
    async_fire_mqtt_message,
    async_mock_service,
)

from custom_components.bms_gateway.const import DOMAIN
from homeassistant.components.mqtt.models import ReceiveMessage
from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
)
from homeassistant.helpers import device_registry as dr

from ...bench import Bench

LIMIT = "bms_gateway/bank/set/limit"
CLEAR = "bms_gateway/bank/set/clear"
RESULT = "bms_gateway/bank/set/result"
STATUS = "bms_gateway/bank/status"

type Answers = Callable[[], list[dict[str, Any]]]


def message(payload: bytes, *, retain: bool = False) -> ReceiveMessage:
    """Return a message as Home Assistant passes it on."""
    return ReceiveMessage(LIMIT, payload, 0, retain, LIMIT, 0.0)


async def listening(bench: Bench, **options: Any) -> Bench:
    """Start a gateway with two inverters that accepts commands."""
    bench.battery("b1").inverter("i1").inverter("i2")
    return await bench.start(options={"mqtt_commands": True} | options)


def device_id(hass: HomeAssistant, key: str) -> str:
    """Return a device id of the registry."""
    return dr.async_get_device_id_by_identifier(
        hass, (DOMAIN, key), config_entry_id="gw"
    )


async def command(
    hass: HomeAssistant, topic: str, payload: str | bytes, *, retain: bool = False
) -> None:
    """Send a command and wait until it was executed or rejected."""
    async_fire_mqtt_message(hass, topic, payload, retain=retain)
    await hass.async_block_till_done(wait_background_tasks=True)


def mocked(hass: HomeAssistant, action: str, **how: Any) -> list[ServiceCall]:
    """Replace an action; return its calls."""
    return async_mock_service(
        hass,
        DOMAIN,
        action,
        response={"temporary_limits": []},
        supports_response=SupportsResponse.OPTIONAL,
        **how,
    )


class Slow:
    """A slow action that records its calls."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Replace the limit action."""
        self.called = asyncio.Event()
        self.go_on = asyncio.Event()
        self.data: list[dict[str, Any]] = []
        hass.services.async_register(
            DOMAIN,
            "limit_current",
            self._execute,
            supports_response=SupportsResponse.ONLY,
        )

    async def _execute(self, call: ServiceCall) -> ServiceResponse:
        self.data.append(dict(call.data))
        self.called.set()
        await self.go_on.wait()
        return {"temporary_limits": []}

    @property
    def last(self) -> dict[str, float]:
        """Return the final value of each owner."""
        return {each["owner"]: each["charge_current"] for each in self.data}


def errors(answers: list[dict[str, Any]]) -> Counter[str | None]:
    """Return the number of answers by error; None: accepted."""
    return Counter(answer.get("error") for answer in answers)
