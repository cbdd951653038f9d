"""Renew the tables and the dashboard of the manual from the code and its texts.

A page holds a table between two comments: `<!-- rules begin … -->`, `<!-- rules end -->`.
Texts that only people can write are in docs/tables/, by the row's key.
"""

from collections.abc import Iterable, Iterator
from dataclasses import fields
import json
from pathlib import Path
import re
from typing import Any, Final

from custom_components.bms_gateway import binary_sensor, event, number, sensor, switch
from custom_components.bms_gateway.energy import sensors as energy_sensors
from custom_components.bms_gateway.engine.presets import PRESETS, Evidence, Preset
from custom_components.bms_gateway.flows.forms.form import Field, Form, fields_of
from custom_components.bms_gateway.flows.forms.schemas import (
    DEVICE_FORMS,
    GATEWAY_FORM,
    MANUAL_FORM,
    OPTIONS_FORM,
    connection_form,
)
from homeassistant.helpers.entity import EntityDescription
from homeassistant.util.yaml import parse_yaml

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"
DASHBOARD: Final = ROOT / "scripts/lib/demo/dashboard.yaml"
TEXTS: Final[dict[str, Any]] = json.loads(
    (ROOT / "custom_components/bms_gateway/translations/en.json").read_text()
)
STEPS: Final = TEXTS["config"]["step"]
MARKS: Final = re.compile(
    r"(?P<begin><!-- (?P<name>\w+) begin .*? -->).*?(?P<end><!-- (?P=name) end -->)",
    re.DOTALL,
)

type Row = tuple[str, ...]


def meanings(name: str) -> dict[str, Any]:
    """Return the texts of docs/tables/<name>.yaml."""
    texts = parse_yaml((DOCS / f"tables/{name}.yaml").read_text(encoding="utf-8"))
    assert isinstance(texts, dict)
    return texts


ENTITIES: Final = meanings("entities")
RULES: Final = meanings("rules")
EVENTS: Final = meanings("events")
REPAIRS: Final = meanings("repairs")

KNOWN: Final = {
    Evidence.CAPTURE: "recorded traffic",
    Evidence.DOCUMENT: "manufacturer's document",
    Evidence.REPORT: "reports",
    Evidence.ASSUMPTION: "no report yet",
}

_EXAMPLES: Final = dict.fromkeys(
    ("name", "other", "makes", "battery", "inverters", "high", "low"), "…"
) | {
    "channel": "can0",
    "apparent": "24",
}

DEVICES: Final = {
    "gateway": "The gateway (the battery bank)",
    "battery": "Each battery",
    "inverter": "Each inverter",
}
PLATFORMS: Final = {
    "sensor": sensor.TABLES,
    "binary_sensor": binary_sensor.TABLES,
}
ENERGIES: Final = dict.fromkeys(("gateway", "battery"), energy_sensors.ENERGIES)
ASKED: Final = {
    ("gateway", "number"): number.BANK,
    ("gateway", "switch"): switch.ALLOWED,
    ("gateway", "event"): (event.EVENTS,),
    ("battery", "switch"): (switch.IN_SERVICE,),
    ("battery", "event"): (event.EVENTS,),
    ("inverter", "number"): number.INVERTER,
    ("inverter", "switch"): (switch.IN_SERVICE, *switch.ALLOWED),
}
"""Entities that are more than a value, by device and platform."""


def tables() -> dict[str, str]:
    """Return every table by its name."""
    lines: dict[str, Iterable[str]] = {
        "settings": settings(),
        "entities": entities(),
        "rules": rules(),
        "events": events(),
        "repairs": repairs(),
        "inverters": inverters(),
        "dashboard": ("```yaml", DASHBOARD.read_text().rstrip(), "```"),
    }
    return {name: "\n".join(each).strip() for name, each in lines.items()}


def renewed(text: str) -> str:
    """Return the text of a page with the tables in it renewed."""
    made = tables()
    return MARKS.sub(
        lambda found: f"{found['begin']}\n\n{made[found['name']]}\n\n{found['end']}",
        text,
    )


def inverters() -> Iterator[str]:
    """Return the table of the makes of inverter and what each is sent."""
    labels = TEXTS["selector"]["make"]["options"]
    rows = (
        (
            labels[make],
            f"`{preset.profile}`",
            special(preset),
            KNOWN[preset.evidence],
            preset.source,
        )
        for make, preset in PRESETS.items()
        if not make.startswith("other_")
    )
    columns = ("Inverter", "Profile", "Peculiarities", "Known from", "Source")
    yield from table(columns, sorted(rows))


def special(preset: Preset) -> str:
    """Return how a preset differs from a plain one, in words."""
    plain = Preset(
        profile=preset.profile, evidence=preset.evidence, source=preset.source
    )
    words = {
        "name_prefix": f"name `{preset.name_prefix}`",
        "tag": f"tag `{preset.tag.decode()}` in 359",
        "min_send_interval": f"at least {preset.min_send_interval:g} s between telegrams",
        "timeout": f"BMS time-out {preset.timeout:g} s",
        "zero": f"{preset.zero:g} A instead of 0 A",
        "charge_stop": "charging also stopped by voltage",
        "hold_soc": f"at most {preset.hold_soc or 0:g} % until the bank is full",
        "sends_warnings": "no warnings",
        "charge_voltage_min": f"CVL not below {preset.charge_voltage_min:g} V",
        "charge_voltage_max": f"CVL not above {preset.charge_voltage_max:g} V",
        "mode": "sent as a reply",
        "frame_length": "frames not padded",
    }
    differs = (
        words[field.name]
        for field in fields(Preset)
        if getattr(preset, field.name) != getattr(plain, field.name)
    )
    return ", ".join(differs) or "–"


def settings() -> Iterator[str]:
    """Return the tables of everything that can be set."""
    forms = {
        "Gateway": (STEPS["gateway"], GATEWAY_FORM),
        "Connection of a battery or inverter": (STEPS["port"], connection_form({})),
        "Connection entered manually": (STEPS["manual"], MANUAL_FORM),
        "Battery": (STEPS["battery"], DEVICE_FORMS["battery"]),
        "Inverter": (STEPS["inverter"], DEVICE_FORMS["inverter"]),
        "Options of the gateway": (TEXTS["options"]["step"]["init"], OPTIONS_FORM),
    }
    for title, (texts, form) in forms.items():
        yield f"### {title}\n"
        yield from table(("Field", "Default", "What it is"), setting_rows(texts, form))
        yield ""


def setting_rows(texts: dict[str, Any], form: Form) -> Iterator[Row]:
    """Return a row for each field, those that are folded up last."""
    for field in fields_of(form):
        part, section = texts, ""
        if field.section:
            part = texts["sections"][field.section]
            section = f"{part['name']}: "
        yield (
            section + part["data"][field.key],
            default(field),
            part["data_description"][field.key],
        )


def default(field: Field) -> str:
    """Return what a field holds before anything is typed."""
    if not callable(filled := getattr(field.marker, "default", None)):
        return ""
    value = filled()
    if isinstance(value, bool):
        return "yes" if value else "no"
    choices = TEXTS["selector"].get(field.key, {}).get("options", {})
    if value in choices:
        return str(choices[value]).partition(":")[0].partition(" (")[0]
    unit = field.selector.config.get("unit_of_measurement", "")
    return f"{value:g} {unit}".strip()


def entities() -> Iterator[str]:
    """Return a table of entities for each kind of device."""
    for device, title in DEVICES.items():
        yield f"### {title}\n"
        yield from table(("Entity", "Kind", "Unit", "Meaning"), entity_rows(device))
        yield ""


def entity_rows(device: str) -> Iterator[Row]:
    """Return a row for each entity of a kind of device, and of its port."""
    for platform, row in descriptions(device):
        yield entity(platform, row)


def descriptions(device: str) -> Iterator[tuple[str, EntityDescription]]:
    """Return the entities of a kind of device and of its port, with their platform."""
    for (whose, platform), rows in ASKED.items():
        for row in rows if whose == device else ():
            yield platform, row
    for platform, tables in PLATFORMS.items():
        for row in getattr(tables, device):
            yield platform, row
        for row in ENERGIES.get(device, ()) if platform == "sensor" else ():
            yield platform, row
        for row in tables.port if device != "gateway" else ():
            yield platform, row


def entity(platform: str, row: EntityDescription) -> Row:
    """Return an entity's row.

    A star marks what is off by default, a circle what only some batteries report.
    """
    name: str = TEXTS["entity"][platform][row.key]["name"]
    star = "" if row.entity_registry_enabled_default else " *"
    star += " °" if getattr(row, "if_reported", False) else ""
    units = ("suggested_unit_of_measurement", "native_unit_of_measurement")
    unit = next((unit for each in units if (unit := getattr(row, each, None))), "")
    return name + star, platform.replace("_", " "), unit, ENTITIES.get(row.key, "")


def rules() -> Iterator[str]:
    """Return the table of what limits."""
    states = TEXTS["entity"]["sensor"]["charge_limited_by"]["state"]
    rows = ((states[rule], f"`{rule}`", text) for rule, text in RULES.items())
    return table(("Limited by", "State", "Meaning"), rows)


def events() -> Iterator[str]:
    """Return the table of the types of events."""
    types = TEXTS["entity"]["event"]["events"]["state_attributes"]["event_type"]
    names = types["state"]
    rows = ((names[kind], f"`{kind}`", text) for kind, text in EVENTS.items())
    return table(("Event", "`event_type`", "Meaning"), rows)


def repairs() -> Iterator[str]:
    """Return a table of repairs for each group of them."""
    for title, group in REPAIRS.items():
        yield f"### {title}\n"
        rows = (
            (TEXTS["issues"][key]["title"].format_map(_EXAMPLES), text)
            for key, text in group.items()
        )
        yield from table(("Repair", "What to do"), rows)
        yield ""


def table(head: Row, rows: Iterable[Row]) -> Iterator[str]:
    """Return a table in Markdown."""
    for row in (head, ("---",) * len(head), *rows):
        yield f"| {' | '.join(row)} |".replace("  ", " ")


def main() -> None:
    """Renew every page."""
    for page in DOCS.rglob("*.md"):
        page.write_text(renewed(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
