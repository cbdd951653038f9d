"""Makes README.md's tables and its dashboard out of the code and its texts."""

from collections.abc import Iterable, Iterator
import json
from pathlib import Path
import re
from typing import Any, Final

from custom_components.bms_gateway import (
    binary_sensor,
    energy_sensor,
    event,
    number,
    sensor,
    switch,
)
from custom_components.bms_gateway.engine.model import Rule
from custom_components.bms_gateway.event_detector import Happening
from custom_components.bms_gateway.flows.forms import Field, Form
from custom_components.bms_gateway.flows.schemas import (
    DEVICE_FORMS,
    GATEWAY_FORM,
    MANUAL_FORM,
    OPTIONS_FORM,
    connection_form,
)
from homeassistant.helpers.entity import EntityDescription

ROOT: Final = Path(__file__).parents[2]
README: Final = ROOT / "README.md"
DASHBOARD: Final = ROOT / "scripts/lib/demo/dashboard.yaml"
TEXTS: Final[dict[str, Any]] = json.loads(
    (ROOT / "custom_components/bms_gateway/translations/en.json").read_text()
)
STEPS: Final = TEXTS["config"]["step"]

type Row = tuple[str, ...]

MEANINGS: Final = {
    "status": "Starting, running, bridging a gap, reduced or blocked (a battery is lost), or silent",
    "life": "Waiting, online, lost, silent for a moment, rejoining, out of service, or connected twice",
    "dialect": "Which relative of the Pylontech protocol it speaks",
    "current": "Positive while charging",
    "power": "Positive while charging",
    "voltage_spread": "Highest less lowest voltage of the batteries",
    "charge_current_limit": "Allowed now; the attributes tell what limits it",
    "discharge_current_limit": "Allowed now; the attributes tell what limits it",
    "charge_limited_by": "The rule that binds; the attributes tell whose it is",
    "discharge_limited_by": "The rule that binds; the attributes tell whose it is",
    "charge_current_setpoint": "The most that you allow; the maximum is no limit",
    "discharge_current_setpoint": "The most that you allow; the maximum is no limit",
    "charge_voltage_setpoint": "The most that you allow; the maximum is no limit",
    "charging_allowed": "Off holds charging at 0 A",
    "discharging_allowed": "Off holds discharging at 0 A",
    "in_service": "Off leaves it out; refused while a battery carries current",
    "events": "Alarms, losses, returns and charge requests, as they happen",
    "protections": "Why a battery has cut off, or is about to: see the attributes",
    "warnings": "What a battery warns of: see the attributes",
    "listening": "It takes what it is sent",
    "connected": "Frames of its own are heard",
    "port": "The CAN link is open",
    "carrier": "Off after bus-off: the kernel sends and receives nothing. It does not tell whether a cable is plugged in",
    "controller": "What the CAN controller reports of itself",
    "transmit_errors": "Above 127: error-passive, often because nobody acknowledges; above 255: bus-off",
    "receive_errors": "Above 127: error-passive, mostly a disturbed bus or the wrong bitrate",
    "online": "Its limits and measurements are fresh",
    "force_charge": "It asks to be charged at once",
    "full_charge": "It asks to be charged in full, to balance its cells",
    "time_to_full": "If it went on like this",
    "time_to_empty": "If it went on like this",
    "energy_charged": "Since it was added; never runs backwards",
    "energy_discharged": "Since it was added; never runs backwards",
    "slice": "Learnt; begins with its part of the capacity",
    "offset": "What flows from battery to battery while the bank rests",
    "aside_charge": "It allows nothing, carries nothing, and holds no other back",
    "aside_discharge": "It allows nothing, carries nothing, and holds no other back",
    "losses": "How often it was lost since the start",
    "invalid_frames": "Frames with a value that cannot be",
    "sets_sent": "Messages to the inverter that it took",
    "sets_dropped": "Messages to the inverter that it did not take",
}
"""What an entity's name alone does not tell, by its key."""

RULES: Final = {
    Rule.NONE: "No rule is at work: nothing is told, or the gateway is ending",
    Rule.BATTERIES: "The sum of what the batteries allow",
    Rule.BATTERY: "This battery would carry too much otherwise",
    Rule.OVER_LIMIT: "This battery carries more than it allows, or did within the last minute",
    Rule.LOSS: "This battery is lost, and the policy for that holds",
    Rule.BRIDGING: "No battery is heard for a moment, or this one is not and is known for such gaps; the figure is the limit before that",
    Rule.VOLTAGE: "The bank's voltage is above this battery's voltage limit (the figure)",
    Rule.UNMANAGED: "So much flows that no inverter was told: another charger or load",
    Rule.TOTAL: "The total limit of the options, or the sum of the inverters' ratings",
    Rule.SETPOINT: "A number or a switch (the source) of the gateway or this inverter",
    Rule.TEMPORARY_LIMIT: "The action `limit_current`; the source is the owner",
    Rule.RAMP: "A higher limit (the figure) has to hold first, then rises slowly",
    Rule.RATING: "The rated current of this inverter",
    Rule.SHARING: "This inverter gets the figure once the others have made room",
    Rule.IN_SERVICE: "This inverter was taken out of service",
    Rule.BELOW_MINIMUM: "Too little for an inverter to follow: under 1 A, after 0 A under 3 A",
}
"""What makes a limit, in the order of the rules."""

EVENTS: Final = {
    Happening.PROTECTION_RAISED: "A battery has cut off, or is about to",
    Happening.PROTECTION_CLEARED: "That is over",
    Happening.WARNING_RAISED: "A battery warns of something",
    Happening.WARNING_CLEARED: "That is over",
    Happening.BATTERY_LOST: "A battery is not heard any more",
    Happening.BATTERY_BRIDGED: "It is silent for a moment. If it is the last one, discharging continues; if it is one of several and known for such gaps, charging continues at half",
    Happening.BATTERY_BACK: "It is heard and counts again",
    Happening.MODULES_MISSING: "It reports fewer modules than before; its capacity falls",
    Happening.MODULES_BACK: "It reports more of them again",
    Happening.OUT_OF_SERVICE_CURRENT: "It carries current though it is out of service",
    Happening.FORCE_CHARGE_STANDS: "A battery has asked for charge for ten minutes",
    Happening.INVERTER_DISOBEYS: "It takes more current than it is allowed; see below",
}
"""What the events mean."""

REPAIRS: Final = {
    "port_no_such_channel": "Plug the adapter in; a container or a board may need more",
    "port_adapter_gone": "Plug it in again; no other one is used in its place",
    "port_ambiguous": "Unplug the newer one, or choose the adapter anew",
    "port_link_down": "It offers to switch the link on, and tells the commands",
    "port_no_permission": "It tells what Home Assistant needs to be given",
    "port_set_up_refused": "It tells the commands, and what is needed to do without",
    "port_serial_refused": "It tells what Home Assistant needs to be given",
    "port_wrong_bitrate": "It offers to set the bitrate, and tells the commands",
    "port_bus_off": "Check the cable and resistors; it offers to restart the link",
    "port_no_carrier": "The same",
    "port_adapter_bus_off": "The same; the adapter is restarted by itself",
    "port_bitrate_refused": "Choose another bitrate or another adapter",
    "port_not_supported": "Use Linux with SocketCAN, such as Home Assistant OS",
    "port_busy": "End the other use, or plug the adapter in again",
    "port_unreachable": "Switch the other machine on, start socketcand there",
    "port_failed": "Check the adapter and its cable",
    "port_not_lawicel": "Load slcan firmware onto it, or use another adapter",
    "battery_lost": "Check the battery and its CAN cable; it tells the loss policy",
    "battery_lost_replug": "Unplug the USB adapter and plug it in again, then the same",
    "battery_silent": "Check the same, and the bitrate",
    "battery_silent_replug": "Unplug the USB adapter and plug it in again, then the same",
    "battery_unasked": "Check the same; it offers to poll the battery",
    "battery_unasked_replug": "Unplug the USB adapter and plug it in again, then the same",
    "battery_foreign": "Set the battery to the Pylontech protocol or a relative of it",
    "battery_nominal": "Use 48 V batteries; or correct the number of cells in its BMS",
    "battery_refused": "It names the value and the accepted range; correct it in the BMS",
    "battery_incomplete": "It names what is missing; set the battery to the Pylontech protocol",
    "inverter_on_battery_port": "It offers to exchange two ports; or exchange the plugs",
    "battery_twin": "Connect each adapter to its own battery only, or delete one of them",
    "two_senders": "Connect one battery to each CAN port, and nothing else that sends",
    "battery_gaps": "Check its CAN cable, plugs and resistors, what else is on the bus, and the adapter",
    "battery_losses": "Check plugs, terminating resistors and the supply",
    "batteries_apart": "One is not connected: do not connect it while they differ",
    "out_of_service_current": "Open its breaker, or switch it in service",
    "wrong_sign": "Its current sensor may be fitted the wrong way round",
    "alarms_missing": "Check the battery's display or app; inverters get a warning",
    "modules_missing": "Look for a module that is off, or its cable; or set the new capacity",
    "soc_jumps": "Charge it fully once if this happens often; look for newer firmware",
    "temperature_unknown": "Check its temperature sensors; inverters are sent 20 °C",
    "odd_slice": "Check the capacity that was entered, cables and contacts",
    "force_charge": "Charge it; it may be nearly empty",
    "force_charge_held": "Release what holds charging; it names who set that",
    "charging_forgotten": "Ignore it if it is meant to be so; it names who set it",
    "discharging_forgotten": "Ignore it if it is meant to be so; it names who set it",
    "battery_on_inverter_port": "It offers to exchange two ports; or exchange the plugs",
    "shared_bus": "Connect each one to its own CAN port only",
    "inverter_gone": "It offers to take the inverter out of service",
    "inverter_silent": "The same; only where *Report as silent after* is set",
    "inverter_silent_replug": "Unplug the USB adapter and plug it in again, then the same",
    "excess": "Check its CAN cable; lower its current by hand, or switch it off",
    "inverter_disobeys_charge": "Check its battery settings; a DC current sensor shows whether it is the inverter",
    "inverter_disobeys_discharge": "The same",
    "inverter_disobeys_sensed_charge": "Check its battery settings, or switch it off",
    "inverter_disobeys_sensed_discharge": "The same; it may stop only by its state of charge, see below",
    "inverters_disobey_charge": "Choose a DC current sensor for each, so that the right one is named",
    "inverters_disobey_discharge": "The same",
    "rated_above": "Limit it in its own menu; enter that figure here, or ignore it",
    "sum_overloads": "Choose the other strategy in the options",
    "setpoints_unreadable": "0 A is allowed until you choose what holds",
    "setpoints_unsaved": "Make room on the disk, or replace it: a restart undoes changes",
    "energy_unsaved": "Make room on the disk, or replace it: the totals stand still meanwhile",
    "energy_unreadable": "Nothing to do; the totals go on",
}
"""What to do about each repair."""
_EXAMPLES: Final = dict.fromkeys(
    ("name", "other", "battery", "inverters", "high", "low"), "…"
) | {
    "channel": "can0",
    "nominal": "24",
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
ENERGIES: Final = dict.fromkeys(("gateway", "battery"), energy_sensor.ENERGIES)
ASKED: Final = {
    ("gateway", "number"): number.BANK,
    ("gateway", "switch"): switch.ALLOWED,
    ("gateway", "event"): (event.EVENTS,),
    ("battery", "switch"): (switch.IN_SERVICE,),
    ("battery", "event"): (event.EVENTS,),
    ("inverter", "number"): number.INVERTER,
    ("inverter", "switch"): (switch.IN_SERVICE, *switch.ALLOWED),
}
"""What is no mere value, by device and platform."""


def renewed(readme: str) -> str:
    """Return the text of README.md with its tables made anew."""
    tables: dict[str, Iterable[str]] = {
        "settings": settings(),
        "entities": entities(),
        "rules": rules(),
        "events": events(),
        "repairs": repairs(),
        "dashboard": ("```yaml", DASHBOARD.read_text().rstrip(), "```"),
    }
    for name, lines in tables.items():
        marks = f"(<!-- {name} begin .*? -->\n).*?(<!-- {name} end -->)"
        body = "\n".join(lines)
        readme, found = re.subn(marks, rf"\1\n{body}\n\n\2", readme, flags=re.DOTALL)
        if found != 1:
            raise ValueError(f"README.md has no place for {name}")
    return readme


def settings() -> Iterator[str]:
    """Return the tables of everything that can be set."""
    forms = {
        "Gateway": (STEPS["gateway"], GATEWAY_FORM),
        "Connection of a battery or inverter": (STEPS["port"], connection_form({})),
        "Connection entered by hand": (STEPS["manual"], MANUAL_FORM),
        "Battery": (STEPS["battery"], DEVICE_FORMS["battery"]),
        "Inverter": (STEPS["inverter"], DEVICE_FORMS["inverter"]),
        "Options of the gateway": (TEXTS["options"]["step"]["init"], OPTIONS_FORM),
    }
    for title, (texts, form) in forms.items():
        yield f"**{title}**\n"
        yield from table(("Field", "Default", "What it is"), setting_rows(texts, form))
        yield ""


def setting_rows(texts: dict[str, Any], form: Form) -> Iterator[Row]:
    """Return a row for each field, those that are folded up last."""
    folded = texts.get("sections", {})
    parts = [("", texts, form.fields)] + [
        (f"{folded[name]['name']}: ", folded[name], fields)
        for name, fields in form.sections.items()
    ]
    for section, part, fields in parts:
        for field in fields:
            yield (
                section + part["data"][field.key],
                default(field, form),
                part["data_description"][field.key],
            )


def default(field: Field, form: Form) -> str:
    """Return what a field holds before anything is typed."""
    value = form.defaults.get(field.key)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    choices = TEXTS["selector"].get(field.key, {}).get("options", {})
    if str(value) in choices:
        return str(choices[str(value)]).partition(":")[0].partition(" (")[0]
    unit = field.selector.config.get("unit_of_measurement", "")
    return f"{value:g} {unit}".strip()


def entities() -> Iterator[str]:
    """Return a table of entities for each kind of device."""
    for device, title in DEVICES.items():
        yield f"<details>\n<summary>{title}</summary>\n"
        yield from table(("Entity", "Kind", "Unit", "Meaning"), entity_rows(device))
        yield "</details>\n"


def entity_rows(device: str) -> Iterator[Row]:
    """Return a row for each entity of a kind of device, and of its port.

    Entities named alike, such as "Warning: contactor", share one.
    """
    told: set[str] = set()
    for platform, row in descriptions(device):
        shown = entity(platform, row)
        if shown[0] not in told:
            told.add(shown[0])
            yield shown


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
    """Return an entity's row; a star marks what is off by default."""
    name: str = TEXTS["entity"][platform][row.key]["name"]
    kind, colon, _ = name.partition(": ")
    name = f"{kind}: one for each" if colon else name
    star = "" if row.entity_registry_enabled_default else " *"
    units = ("suggested_unit_of_measurement", "native_unit_of_measurement")
    unit = next((unit for each in units if (unit := getattr(row, each, None))), "")
    return name + star, platform.replace("_", " "), unit, MEANINGS.get(row.key, "")


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
    """Return the table of repairs."""
    rows = (
        (TEXTS["issues"][key]["title"].format_map(_EXAMPLES), text)
        for key, text in REPAIRS.items()
    )
    return table(("Repair", "What to do"), rows)


def table(head: Row, rows: Iterable[Row]) -> Iterator[str]:
    """Return a table in Markdown."""
    for row in (head, ("---",) * len(head), *rows):
        yield f"| {' | '.join(row)} |".replace("  ", " ")


def main() -> None:
    """Renew README.md."""
    README.write_text(renewed(README.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
