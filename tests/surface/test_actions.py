"""Actions: their fields as registered and as described, and their responses."""

from pathlib import Path
from typing import Any

from custom_components.bms_gateway.const import DOMAIN
from homeassistant.core import HomeAssistant, Service
from homeassistant.util.yaml import parse_yaml

from ..bench import Bench
from .house import answer, limit, start
from .outline import compact, key_and_type, outline
from .snapshot import check
from .test_texts import INTEGRATION


def registered(service: Service) -> dict[str, Any]:
    """Return the fields that an action accepts, and whether it responds."""
    schema: Any = service.schema
    return {
        "response": service.supports_response.value,
        "fields": {
            str(marker): type(marker).__name__.lower() for marker in schema.schema
        },
    }


def described(action: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of an action as its dialog shows them."""
    return {
        name: ("required " if field.get("required") else "optional ")
        + compact(field["selector"])
        for name, field in action["fields"].items()
    }


async def test_actions_match_the_snapshot(
    hass: HomeAssistant, bench: Bench, tmp_path: Path
) -> None:
    """Each with fields, selectors and the keys of its response."""
    hass.config.config_dir = str(tmp_path)
    await start(bench)
    text = (INTEGRATION / "services.yaml").read_text(encoding="utf-8")
    actions: Any = parse_yaml(text)
    responses = {
        "limit_current": await limit(bench, "i1"),
        "clear_limit": await answer(bench, "clear_limit", "gw"),
        "record_traffic": await answer(bench, "record_traffic", "b1", file="a.log"),
    }
    services = hass.services.async_services_for_domain(DOMAIN)
    check(
        "actions",
        {
            "registered": {name: registered(each) for name, each in services.items()},
            "described": {name: described(each) for name, each in actions.items()},
            "responses": outline(responses, key_and_type),
        },
    )
