"""The texts: complete in both languages, and accepted by Home Assistant."""

from collections.abc import Iterator
import json
from pathlib import Path
import re
import string
from typing import Any

import pytest

from custom_components.bms_gateway.const import (
    DOMAIN,
    SUBENTRY_BATTERY,
    SUBENTRY_INVERTER,
)
from custom_components.bms_gateway.engine.detection.classify import Finding
from custom_components.bms_gateway.engine.model import Neighbour, PortFault, PortReason
from custom_components.bms_gateway.flows.forms.fields import RequiredChoice
from custom_components.bms_gateway.flows.forms.form import Field, Form, fields_of
from custom_components.bms_gateway.flows.forms.schemas import (
    DEVICE_FORMS,
    GATEWAY_FORM,
    MANUAL_FORM,
    NAME_FORM,
    OPTIONS_FORM,
    UPLOAD_FORM,
    connection_form,
    daemon_import_form,
    gateway_choice,
)
from homeassistant.helpers.selector import NumberSelector, SelectSelector, TextSelector

LANGUAGES = ("en", "de")
FOLDER = Path(__file__).parent.parent / "custom_components" / DOMAIN / "translations"
TEXTS: dict[str, dict[str, Any]] = {
    language: json.loads((FOLDER / f"{language}.json").read_text(encoding="utf-8"))
    for language in LANGUAGES
}

BATTERY = DEVICE_FORMS[SUBENTRY_BATTERY]
INVERTER = DEVICE_FORMS[SUBENTRY_INVERTER]

CONNECTION = connection_form({})

FORMS: list[tuple[str, str, Form]] = [
    ("config", "simulated", NAME_FORM),
    ("config", "import_daemon", UPLOAD_FORM),
    ("config", "import_review", daemon_import_form(several=True)),
    ("config", "adapter", gateway_choice({})),
    ("config", "port", CONNECTION),
    ("config", "manual", MANUAL_FORM),
    ("config", "reconfigure", NAME_FORM),
    ("config", "gateway", GATEWAY_FORM),
    ("config", "battery", BATTERY),
    ("config", "inverter", INVERTER),
    ("config_subentries.battery", "port", CONNECTION),
    ("config_subentries.battery", "manual", MANUAL_FORM),
    ("config_subentries.battery", "battery", BATTERY),
    ("config_subentries.inverter", "port", CONNECTION),
    ("config_subentries.inverter", "manual", MANUAL_FORM),
    ("config_subentries.inverter", "inverter", INVERTER),
    ("options", "init", OPTIONS_FORM),
]

MENUS: dict[str, set[str]] = {
    "config": {"user", "scan_result", "more", "adapter_kind"},
    "config_subentries.battery": {"reconfigure", "scan_result"},
    "config_subentries.inverter": {"reconfigure", "scan_result"},
    "options": set(),
}
"""The steps that are menus."""

PORT_ERRORS = {each.value for each in (*PortFault, *PortReason)} | {
    "no_permission_serial",
    "port_taken",
}

ERROR_PLACEHOLDERS = {"channel", "bitrate", "commands"}
"""The placeholders that a form with a port fills into its errors; where taken, the
owner too."""

RANGES: list[tuple[str, Form, str, float, float]] = [
    ("config_subentries.battery", BATTERY, "capacity_ah", 0.1, 100_000),
    ("config_subentries.battery", BATTERY, "poll_interval", 0.5, 60),
    ("config_subentries.battery", BATTERY, "timeout", 3, 300),
    ("config_subentries.inverter", INVERTER, "rated_charge", 1, 10_000),
    ("config_subentries.inverter", INVERTER, "rated_discharge", 1, 10_000),
    ("config_subentries.inverter", INVERTER, "min_send_interval", 0, 10),
    ("config_subentries.inverter", INVERTER, "prompt_interval", 0.5, 60),
    ("config_subentries.inverter", INVERTER, "current_factor", -10, 10),
    ("config_subentries.inverter", INVERTER, "current_offset", -1000, 1000),
    ("config_subentries.inverter", INVERTER, "timeout", 5, 3600),
    ("config_subentries.inverter", INVERTER, "reaction_time", 0, 120),
    ("config_subentries.inverter", INVERTER, "no_response_after", 60, 86_400),
    ("options", OPTIONS_FORM, "discharge_grace", 0, 1800),
    ("options", OPTIONS_FORM, "total_charge", 1, 100_000),
    ("options", OPTIONS_FORM, "total_discharge", 1, 100_000),
    ("options", OPTIONS_FORM, "start_timeout", 1, 600),
    ("options", OPTIONS_FORM, "bridge", 0, 60),
    ("options", OPTIONS_FORM, "current_factor", 0.1, 10),
    ("options", OPTIONS_FORM, "current_offset", -1000, 1000),
    ("options", OPTIONS_FORM, "update_interval", 1, 3600),
    ("options", OPTIONS_FORM, "mqtt_interval", 1, 3600),
]

# Texts and keys that Home Assistant's checker (hassfest) rejects
HTML = re.compile(r"</?[a-zA-Z][^>]*>")
URL = re.compile(r"((ftps?|scp|https?|mqtts?|socket|socks5)://|www\.)", re.IGNORECASE)
QUOTED_PLACEHOLDER = re.compile(r"'{\w+}'")
REFERENCE = re.compile(r"\[%key:")
KEY = re.compile(r"^(?!.+[_-]{2})(?![_-])[a-z0-9-_]+(?<![_-])$")
SECTIONS = {
    *("title", "common", "config", "config_subentries", "options", "selector"),
    *("device", "entity", "entity_component", "exceptions", "issues", "services"),
    *("system_health", "triggers", "conditions", "device_automation"),
}


def leaves(texts: dict[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Yield every text with the path of its keys."""
    for key, value in texts.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value


def placeholders(text: str) -> set[str]:
    """Return the names in braces."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def at(language: str, path: str) -> Any:
    """Return the value at a path of keys."""
    found: Any = TEXTS[language]
    for key in path.split("."):
        found = found[key]
    return found


def numbers(text: str) -> set[float]:
    """Return the numbers in a text, with a decimal comma or point."""
    found = re.findall(r"-?\d+(?:[.,]\d+)?", text)
    return {float(number.replace(",", ".")) for number in found}


def field_of(form: Form, key: str) -> Field:
    """Return a field of a form, in whatever section it stands."""
    [field] = [each for each in fields_of(form) if each.key == key]
    return field


def error_of(field: Field) -> str | None:
    """Return the error of what a user can enter in a field, if anything is invalid."""
    nonsense: dict[type, tuple[Any, ...]] = {
        TextSelector: ("", "#"),
        NumberSelector: (float("nan"),),
        RequiredChoice: (None,),
    }
    tried = next(
        (tried for kind, tried in nonsense.items() if isinstance(field.selector, kind)),
        (),
    )
    return next(filter(None, map(field.error, tried)), None)


def test_all_languages_are_tested() -> None:
    """A language added later is tested as well."""
    assert {path.stem for path in FOLDER.glob("*.json")} == set(LANGUAGES)


def test_languages_have_the_same_keys() -> None:
    """A key that only one has would show as a bare key in the other."""
    assert [path for path, _ in leaves(TEXTS["de"])] == [
        path for path, _ in leaves(TEXTS["en"])
    ]


def test_languages_have_the_same_placeholders() -> None:
    """Home Assistant drops a translation whose placeholders differ from English."""
    german = dict(leaves(TEXTS["de"]))
    for path, text in leaves(TEXTS["en"]):
        assert placeholders(german[path]) == placeholders(text), path


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_pass_home_assistants_checker(language: str) -> None:
    """No HTML, URL, quoted placeholder, reference, stray space or bad key."""
    assert set(TEXTS[language]) <= SECTIONS
    for path, text in leaves(TEXTS[language]):
        assert text, path
        assert text == text.strip(), path
        for pattern in (HTML, URL, QUOTED_PLACEHOLDER, REFERENCE):
            assert not pattern.search(text), path
        assert all(name.isidentifier() for name in placeholders(text)), path
        assert all(KEY.match(key) for key in path.split(".")), path


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("flow", "step", "form"), FORMS)
def test_every_field_has_a_label_and_a_description(
    language: str, flow: str, step: str, form: Form
) -> None:
    """And no text is left of a removed field."""
    texts = at(language, f"{flow}.step.{step}")
    keys: dict[str | None, set[str]] = {}
    for field in fields_of(form):
        keys.setdefault(field.section, set()).add(field.key)
    fields = keys.pop(None)
    assert texts["title"]
    assert set(texts["data"]) == set(texts["data_description"]) == fields
    assert set(texts.get("sections", {})) == set(keys)
    for name, inside in keys.items():
        section = texts["sections"][name]
        assert section["name"]
        assert set(section["data"]) == set(section["data_description"]) == inside


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("flow", MENUS)
def test_no_step_is_unused(language: str, flow: str) -> None:
    """Every text of a step belongs to a form or a menu."""
    steps = {step for where, step, _ in FORMS if where == flow} | MENUS[flow]
    assert set(at(language, f"{flow}.step")) == steps


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_possible_error_has_its_text(language: str) -> None:
    """And no other has."""
    expected: dict[str, set[str]] = {}
    for flow, _, form in FORMS:
        errors = expected.setdefault(flow, set())
        errors |= {error for each in fields_of(form) if (error := error_of(each))}
    for flow in expected.keys() - {"options"}:
        expected[flow] |= PORT_ERRORS
    expected["config"] |= {"invalid_file", "mixed_voltages"}
    expected["config_subentries.battery"] |= {"mixed_voltages"}
    for flow, errors in expected.items():
        assert set(at(language, f"{flow}.error")) == errors, flow


@pytest.mark.parametrize("language", LANGUAGES)
def test_errors_use_only_placeholders_that_are_filled(language: str) -> None:
    """An unfilled one shows as an error of the translation."""
    for flow in ("config", "config_subentries.battery", "config_subentries.inverter"):
        for key, text in at(language, f"{flow}.error").items():
            allowed = set() if key.startswith("invalid_") else ERROR_PLACEHOLDERS
            if key == "port_taken":
                allowed = {"channel", "gateway", "device"}
            assert placeholders(text) <= allowed, key
    for text in at(language, "options.error").values():
        assert not placeholders(text)
    assert placeholders(at(language, "config.abort.port_taken")) == {
        "channel",
        "gateway",
        "device",
    }


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("flow", "form", "key", "lowest", "highest"), RANGES)
def test_errors_show_the_valid_range(
    language: str, flow: str, form: Form, key: str, lowest: float, highest: float
) -> None:
    """The figures in the text are the ones that are checked."""
    field = field_of(form, key)
    assert field.error(lowest) is None
    assert field.error(highest) is None
    error = field.error(lowest - 0.01)
    assert error
    assert field.error(highest + 0.01) == error
    text = at(language, f"{flow}.error.{error}")
    assert numbers(text) == {float(lowest), float(highest)}


def test_every_number_has_a_range() -> None:
    """Every number of every form is in the table above."""
    for flow, _, form in FORMS:
        if flow == "config":
            continue
        for field in fields_of(form):
            if isinstance(field.selector, NumberSelector):
                assert any(
                    form is ranged and key == field.key
                    for _, ranged, key, _, _ in RANGES
                ), field.key
                for nonsense in (float("nan"), float("inf"), float("-inf")):
                    assert field.error(nonsense), field.key


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_choice_of_a_selector_has_its_text(language: str) -> None:
    """And no other has."""
    expected: dict[str, set[str]] = {}
    for _, _, form in FORMS:
        for field in fields_of(form):
            if isinstance(field.selector, SelectSelector):
                config = field.selector.config
                if "translation_key" in config:
                    options = set(map(str, config["options"]))
                    expected[config["translation_key"]] = options
    for key, options in expected.items():
        assert set(at(language, f"selector.{key}.options")) == options


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", [SUBENTRY_BATTERY, SUBENTRY_INVERTER])
def test_form_reads_the_same_everywhere(language: str, kind: str) -> None:
    """In the first setup as when a device is added or changed later."""
    subentry = at(language, f"config_subentries.{kind}")
    first = at(language, "config")
    for step in (kind, "port", "manual"):
        assert subentry["step"][step] == first["step"][step]
    assert subentry["error"].items() <= first["error"].items()
    assert subentry["progress"] == first["progress"]
    assert subentry["entry_type"] == first["step"][kind]["title"]
    assert set(subentry["initiate_flow"]) == {"user", "reconfigure"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_menus_describe_each_of_their_choices(language: str) -> None:
    """A label and a sentence for each."""
    for flow, menus in MENUS.items():
        for menu in menus:
            texts = at(language, f"{flow}.step.{menu}")
            assert set(texts["menu_options"]) == set(texts["menu_option_descriptions"])
            # The frontend fills nothing into a menu's title
            assert not placeholders(texts["title"])


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_scan_result_has_a_text(language: str) -> None:
    """Each finding, and each protocol that is not ours."""
    findings = {*Finding, *Neighbour} - {Finding.FAULT, Finding.NEIGHBOUR}
    assert {f"scan_{each}" for each in findings} <= set(at(language, "common"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_adapter_of_another_protocol_is_named(language: str) -> None:
    """In the form and in the repair: the required one, and the unusable one."""
    form = at(language, "config.error.not_lawicel")
    repair = at(language, "issues.port_not_lawicel.description")
    for text in (form, repair):
        assert {"LAWICEL", "(slcan)", "Waveshare"} <= set(re.findall(r"[\w()]+", text))


@pytest.mark.parametrize("language", LANGUAGES)
def test_missing_link_text_names_the_host(language: str) -> None:
    """Or that of a board without overlay: in the form, the list and the repairs."""
    for path in (
        "config.error.no_such_channel",
        "common.connection_none",
        "issues.port_no_such_channel.description",
        "issues.port_adapter_gone.description",
    ):
        text = at(language, path)
        assert "container" in text.lower(), path
        assert "--network host" in text, path
        assert "config.txt" in text, path


@pytest.mark.parametrize("language", LANGUAGES)
def test_kernel_without_can_text_names_the_host(language: str) -> None:
    """A container has none of its own."""
    for path in ("config.error.not_supported", "issues.port_not_supported.description"):
        assert "container" in at(language, path).lower(), path


@pytest.mark.parametrize("language", LANGUAGES)
def test_inverter_form_warns_of_parallel_groups(language: str) -> None:
    """Only the master stands for a group; its slaves would be sent limits twice."""
    assert "master" in at(language, "config.step.inverter.description").lower()
