"""Reduces the steps of a dialog to what a client sees: fields, selectors, choices."""

from typing import Any, override

import voluptuous as vol

from homeassistant.data_entry_flow import FlowResultType, section

from ..form_user import Flow, Result
from .outline import compact, merged, names, without_ids


def step(result: Result) -> dict[str, Any]:
    """Return a step with its fields or choices, or how the dialog ends."""
    found: dict[str, Any] = {"type": str(result["type"])}
    if placeholders := result.get("description_placeholders"):
        found["placeholders"] = names(placeholders)
    match result["type"]:
        case FlowResultType.MENU:
            found["choices"] = list(result["menu_options"])
        case FlowResultType.FORM:
            found["fields"] = _fields(result["data_schema"])
            found["errors"] = result["errors"] or None
        case FlowResultType.SHOW_PROGRESS:
            found["action"] = result["progress_action"]
    return {key: value for key, value in found.items() if value is not None}


class Recorded(Flow):
    """A person at a dialog whose steps are recorded by their names."""

    steps: list[tuple[str, dict[str, Any]]]

    def __init__(self, steps: list[tuple[str, dict[str, Any]]], flow: Flow) -> None:
        """Go on with a dialog that has begun."""
        self.steps = steps
        super().__init__(flow._manager, flow.result)
        self._record()

    @override
    async def submit(self, typed: dict[str, Any] | None = None) -> Result:
        """Record what comes, progress included."""
        result = await super().submit(typed)
        self._record()
        return result

    def _record(self) -> None:
        result = self.result
        name = result.get("step_id") or result.get("reason") or "created"
        self.steps.append((name, step(result)))


def recorded(steps: list[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    """Return the recorded steps by name, each variant once."""
    return merged(steps)


def _fields(schema: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for marker, field in (schema.schema if schema else {}).items():
        if isinstance(field, section):
            state = "folded" if field.options["collapsed"] else "open"
            found[f"{marker} ({state})"] = _fields(field.schema)
        else:
            found[str(marker)] = _field(marker, field)
    return found


def _field(marker: vol.Marker, field: Any) -> str:
    need = "required" if isinstance(marker, vol.Required) else "optional"
    [(kind, config)] = field.serialize()["selector"].items()
    config = {key: value for key, value in config.items() if value not in ([], False)}
    if options := config.get("options"):
        values = [each["value"] if isinstance(each, dict) else each for each in options]
        config["options"] = list(dict.fromkeys(map(without_ids, values)))
    default = getattr(marker, "default", None)
    if callable(default):
        need += f", default {default()}"
    return f"{need}: {kind} {compact(config)}"
