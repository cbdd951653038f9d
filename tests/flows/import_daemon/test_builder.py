"""Building a gateway from a bms_config.toml, with notices by line."""

import ast
from math import isfinite
from pathlib import Path
from typing import Any

from hypothesis import example, given, strategies as st
import pytest

from custom_components.bms_gateway.engine.config import SendMode
from custom_components.bms_gateway.flows import import_daemon
from custom_components.bms_gateway.flows.import_daemon.builder import (
    Device,
    ImportedGateway,
    Links,
    build_gateway,
)
from custom_components.bms_gateway.flows.import_daemon.document import MAX_SIZE
from custom_components.bms_gateway.flows.import_daemon.notices import Notice, NoticeKind
from custom_components.bms_gateway.flows.import_daemon.schema import TABLES, TOP, Part

from .files import FILE, changed, line_of

LINKS = Links(present=frozenset({"can_in_1", "can_in_2", "can_out_1", "can_out_2"}))

OPTIONS = {
    "mqtt_enabled": True,
    "mqtt_state_topic": "tele/bms/state",
    "mqtt_interval": 5.0,
    "total_charge": 250.0,
    "total_discharge": 400.0,
    "current_factor": 1.02,
    "current_offset": -0.5,
}


def check(_part: Part, _name: str, value: Any) -> str | None:
    """Reject what no form accepts; the forms themselves are tested with the flow."""
    if isinstance(value, float) and not (isfinite(value) and -1000 < value < 10_000):
        return "out of range"
    return None


def read(text: str, links: Links = LINKS) -> ImportedGateway:
    """Build a gateway from a text."""
    return build_gateway(text.encode(), check, links)


def told(text: str, links: Links = LINKS) -> list[tuple[NoticeKind, int | None, str]]:
    """Return the notices about a text: kind, line and detail."""
    return [(each.kind, each.line, each.detail) for each in read(text, links).notices]


def test_complete_file_becomes_a_gateway() -> None:
    """Nothing lost, nothing added, no notice."""
    assert read(FILE) == ImportedGateway(
        options=OPTIONS,
        devices=(
            Device(
                part=Part.BATTERY,
                name="Rack left",
                values={"channel": "can_in_1", "capacity_ah": 1400.0},
            ),
            Device(
                part=Part.BATTERY,
                name="Rack right",
                values={
                    "channel": "can_in_2",
                    "capacity_ah": 280.0,
                    "poll_interval": 2.0,
                },
            ),
            Device(
                part=Part.INVERTER,
                name="Inverter left",
                values={
                    "channel": "can_out_1",
                    "rated_charge": 190.0,
                    "rated_discharge": 200.0,
                    "current_factor": 0.5,
                    "current_offset": 0.25,
                    "min_send_interval": 0.5,
                    "mode": SendMode.PUSH,
                },
            ),
            Device(
                part=Part.INVERTER,
                name="Inverter right",
                values={
                    "channel": "can_out_2",
                    "rated_charge": 120.0,
                    "rated_discharge": 100.0,
                    "current_factor": 0.5,
                    "current_offset": 0.0,
                    "prompt_interval": 4.0,
                    "mode": SendMode.REPLY,
                },
            ),
        ),
        notices=(),
    )


def test_result_consists_of_plain_types() -> None:
    """Home Assistant stores it as JSON."""
    build = read(FILE)
    stored = [*build.options.values()]
    stored += [value for each in build.devices for value in each.values.values()]
    assert {type(value) for value in stored} == {bool, float, str}


def test_missing_keys_get_the_daemons_defaults() -> None:
    """Limits that are not in the file are reported."""
    text = """
[[bmses-in]]
CAN-IF = "can_in_1"
CAPACITY-AH = 100

[[bmses-out]]
CAN-IF = "can_out_1"
"""
    build = read(text)
    assert build.options == {
        "mqtt_enabled": True,
        "mqtt_state_topic": "tele/bms/state",
        "mqtt_interval": 10.0,
        "total_charge": 700.0,
        "total_discharge": 700.0,
        "current_factor": 1.0,
        "current_offset": 0.0,
    }
    [battery, inverter] = build.devices
    assert (battery.name, battery.values) == (
        "",
        {"channel": "can_in_1", "capacity_ah": 100.0},
    )
    assert inverter.values == {
        "channel": "can_out_1",
        "rated_charge": 300.0,
        "rated_discharge": 300.0,
        "current_factor": 1.0,
        "current_offset": 0.0,
        "mode": SendMode.PUSH,
    }
    assert [(r.kind, r.line, r.key, r.value) for r in build.notes] == [
        (NoticeKind.NOT_ACTIVATED, None, "GATEWAY-ACTIVATED", "false"),
        (NoticeKind.ASSUMED, None, "I-LIM-CHARGE", "700.0"),
        (NoticeKind.ASSUMED, None, "I-LIM-DISCHARGE", "700.0"),
        (NoticeKind.ASSUMED, 6, "I-LIM-CHARGE", "300.0"),
        (NoticeKind.ASSUMED, 6, "I-LIM-DISCHARGE", "300.0"),
    ]
    assert not build.problems


def test_hyphens_and_capitals_do_not_matter() -> None:
    """Nothing else could be meant."""
    values = {
        line.partition(" =")[0]: line.partition(" =")[0].lower().replace("-", "_")
        for line in FILE.splitlines()
        if " = " in line
    }
    text = FILE.replace("bmses-in", "BMSES_IN").replace("[mqtt]", "[Mqtt]")
    for old, new in values.items():
        text = text.replace(f"\n{old} =", f"\n{new} =")
    assert "can_if" in text
    assert read(text) == read(FILE)


def test_values_the_daemon_ignores_are_not_imported() -> None:
    """A delay while it replies; a delay of 0 s; prompts while it pushes."""
    text = changed("PUSH-MIN-DELAY = 0.5", "PUSH-MIN-DELAY = 0.0")
    assert "min_send_interval" not in read(text).of(Part.INVERTER)[0].values
    text = changed("SEND-SYNC-ACTIVATED = false", "SEND-SYNC-ACTIVATED = true")
    assert read(text).of(Part.INVERTER)[0].values["prompt_interval"] == 5
    assert "min_send_interval" not in read(text).of(Part.INVERTER)[0].values
    text = changed("SYNC-INTERVAL = 5.0", "SYNC-INTERVAL = inf")
    assert told(text) == []


# Problems that have to be fixed ------------------------------------------------


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", Notice(kind=NoticeKind.EMPTY)),
        (b"# only a comment\n", Notice(kind=NoticeKind.EMPTY)),
        (b"#" * (MAX_SIZE + 1), Notice(kind=NoticeKind.TOO_LARGE)),
        (b"\n# B\xfcro", Notice(kind=NoticeKind.NOT_UTF8, line=2)),
        (
            b"[mqtt]\n\nTOPIC = tele",
            Notice(kind=NoticeKind.NO_TOML, line=3, detail="Invalid value"),
        ),
    ],
)
def test_unreadable_file_is_rejected(content: bytes, expected: Notice) -> None:
    """With one notice."""
    build = build_gateway(content, check, LINKS)
    assert build.notices == (expected,)
    assert build.problems == [expected]
    assert (build.options, build.devices) == ({}, ())


@pytest.mark.parametrize(
    ("old", "new", "kind", "detail"),
    [
        # Another type
        ("GATEWAY-ACTIVATED = true", "GATEWAY-ACTIVATED = 1", NoticeKind.NO_YES_NO, ""),
        ("ACTIVATED = false", 'ACTIVATED = "no"', NoticeKind.NO_YES_NO, ""),
        ("I-LIM-CHARGE = 250.0", 'I-LIM-CHARGE = "250"', NoticeKind.NO_NUMBER, ""),
        ("I-LIM-CHARGE = 250.0", "I-LIM-CHARGE = true", NoticeKind.NO_NUMBER, ""),
        ("I-LIM-CHARGE = 250.0", "I-LIM-CHARGE = [250]", NoticeKind.NO_NUMBER, ""),
        ("CAPACITY-AH = 1400.0", "CAPACITY-AH = 2026-01-01", NoticeKind.NO_NUMBER, ""),
        ("PORT = 1883", "PORT = {}", NoticeKind.NO_NUMBER, ""),
        ('CAN-IF = "can_in_1"', "CAN-IF = 1", NoticeKind.NO_TEXT, ""),
        ('CAN-IF = "can_in_1"', 'CAN-IF = " "', NoticeKind.NO_TEXT, ""),
        ('DESCRIPTION = "Rack left"', "DESCRIPTION = 1", NoticeKind.NO_TEXT, ""),
        # The right type, but rejected by the forms
        ("= 1400.0", "= nan", NoticeKind.REFUSED, "out of range"),
        ("= 250.0", "= inf", NoticeKind.REFUSED, "out of range"),
        ("= 250.0", f"= -{10**400}", NoticeKind.REFUSED, "out of range"),
        ("= 2.0", "= 1e9", NoticeKind.REFUSED, "out of range"),
        ("= 4.0", "= -1e9", NoticeKind.REFUSED, "out of range"),
        # An inverter cannot be rated for no current at all
        ("= 190.0", "= 0.0", NoticeKind.ZERO, ""),
        ("= 250.0", "= 0", NoticeKind.ZERO, ""),
        # Misspelt, so that a default or nothing at all would apply instead
        (
            "I-LIM-CHARGE = 190",
            "I-LIM-CHRAGE = 190",
            NoticeKind.MISSPELT,
            "I-LIM-CHARGE",
        ),
        ("CAPACITY-AH", "CAPACITY", NoticeKind.MISSPELT, "CAPACITY-AH"),
        ("CAN-IF", "CAN-LINK", NoticeKind.MISSPELT, "CAN-IF"),
        ("[[bmses-in]]", "[[bmses-inn]]", NoticeKind.MISSPELT, "[[bmses-in]]"),
        ("[mqtt]", "[mqqt]", NoticeKind.MISSPELT, "[mqtt]"),
        ("\nPORT = 1883", '\nbroker = "x"', NoticeKind.TWICE, ""),
    ],
)
def test_problem_is_reported_with_its_line(
    old: str, new: str, kind: NoticeKind, detail: str
) -> None:
    """That and nothing else."""
    text = changed(old, new)
    assert told(text) == [(kind, line_of(text, new.strip()), detail)]


def test_all_problems_are_reported_at_once() -> None:
    """From the first line to the last."""
    text = FILE.replace("CAN-IF", "#CAN-IF").replace("= 5.0", "= false")
    assert told(text) == [
        (NoticeKind.NO_NUMBER, line_of(text, "INTERVAL = false", 1), ""),
        (NoticeKind.MISSING, line_of(text, "[[bmses-out]]", 1), "[[bmses-out]]"),
        (NoticeKind.NO_NUMBER, line_of(text, "INTERVAL = false", 2), ""),
        (NoticeKind.MISSING, line_of(text, "[[bmses-out]]", 2), "[[bmses-out]]"),
        (NoticeKind.MISSING, line_of(text, "[[bmses-in]]", 1), "[[bmses-in]]"),
        (NoticeKind.MISSING, line_of(text, "[[bmses-in]]", 2), "[[bmses-in]]"),
    ]
    keys = {each.key for each in read(text).problems}
    assert keys == {"CAN-IF", "INTERVAL", "SYNC-INTERVAL"}


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [('CAN-IF = "can_in_1"', "", "CAN-IF"), ("CAPACITY-AH = 280.0", "", "CAPACITY-AH")],
)
def test_required_keys_must_be_present(old: str, new: str, key: str) -> None:
    """The link, and the capacity, by which the battery is weighted in every mean."""
    text = changed(old, new)
    [problem] = read(text).problems
    number = 1 if "can_in_1" in old else 2
    assert problem.kind is NoticeKind.MISSING
    assert (problem.line, problem.key) == (line_of(text, "[[bmses-in]]", number), key)


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("[[battery]]", "[battery]"),
        ("battery = 1", "[battery]"),
        ("[bmses-in]", "[[bmses-in]]"),
        ("bmses-in = 'can0'", "[[bmses-in]]"),
        ("bmses-in = [1]", "[[bmses-in]]"),
    ],
)
def test_table_needs_the_right_brackets(text: str, detail: str) -> None:
    """Double ones where there may be several."""
    problems = read(f"GATEWAY-ACTIVATED = true\n{text}").problems
    [problem] = [each for each in problems if each.kind is NoticeKind.NO_TABLE]
    assert (problem.line, problem.detail) == (2, detail)
    kind = {each.kind for each in problems}
    assert (NoticeKind.NO_BATTERY in kind) is (detail == "[battery]")


def test_gateway_needs_a_battery() -> None:
    """Without an inverter it would only monitor, which is reported."""
    text = "GATEWAY-ACTIVATED = true\nbattery = {}\nbmses-in = []\n"
    assert sorted(told(text)) == [
        (NoticeKind.ASSUMED, 2, "[battery]"),
        (NoticeKind.ASSUMED, 2, "[battery]"),
        (NoticeKind.NO_BATTERY, None, ""),
        (NoticeKind.NO_INVERTER, None, ""),
    ]
    text = FILE.replace("[[bmses-in]]", "[[bms-in]]")
    assert {kind for kind, _, _ in told(text)} == {NoticeKind.MISSPELT}


def test_misspelt_table_is_a_problem_next_to_a_correct_one() -> None:
    """Of tables that may occur several times, a battery would be lost."""
    text = changed("[[bmses-in]]", "[[bmses_inn]]", 2)
    line = line_of(text, "[[bmses_inn]]")
    assert told(text) == [(NoticeKind.MISSPELT, line, "[[bmses-in]]")]


# CAN links -------------------------------------------------------------------


def test_link_can_be_used_only_once() -> None:
    """The notice gives the line of the first use."""
    text = changed('"can_in_2"', '"can_in_1"')
    lines = [line_of(text, '"can_in_1"', number) for number in (1, 2)]
    assert told(text) == [(NoticeKind.LINK_TWICE, lines[1], str(lines[0]))]


def test_link_of_another_gateway_is_rejected() -> None:
    """The notice gives its owner."""
    links = Links(present=LINKS.present, owners={"can_out_2": "Roof (House)"})
    line = line_of(FILE, '"can_out_2"')
    assert told(FILE, links) == [(NoticeKind.LINK_TAKEN, line, "Roof (House)")]
    assert read(FILE, links).problems


def test_missing_links_are_reported() -> None:
    """They may appear later: that prevents nothing."""
    build = read(FILE, Links(present=frozenset({"can_in_1", "can_out_2"})))
    [note] = build.notes
    assert note == Notice(kind=NoticeKind.NO_LINK, value="can_in_2, can_out_1")
    assert not build.problems


# Notices for information -------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "kind", "key"),
    [
        ("ED = true", "ED = false", NoticeKind.NOT_ACTIVATED, "GATEWAY-ACTIVATED"),
        ('"localhost"', '"nas.local"', NoticeKind.BROKER, "BROKER"),
        ("[mqtt]", "USER = 1\n[mqtt]", NoticeKind.UNKNOWN, "USER"),
        ("PORT = 1883", "PORT = 1883\nUSER = 'me'", NoticeKind.UNKNOWN, "USER"),
        ("[mqtt]", "[logging]\nLEVEL = 1\n[mqtt]", NoticeKind.UNKNOWN, "logging"),
    ],
)
def test_information_does_not_block_the_setup(
    old: str, new: str, kind: NoticeKind, key: str
) -> None:
    """The user decides."""
    text = changed(old, new)
    build = read(text)
    [note] = build.notes
    assert (note.kind, note.line, note.key) == (kind, line_of(text, key), key)
    assert not build.problems
    assert build.options == OPTIONS
    assert build.devices == read(FILE).devices


def test_other_broker_does_not_matter_without_mqtt() -> None:
    """MQTT stays switched off."""
    text = changed('"localhost"', '"nas.local"')
    text = text.replace("[mqtt]\nACTIVATED = true", "[mqtt]\nACTIVATED = false")
    assert told(text) == []
    assert read(text).options["mqtt_enabled"] is False


def test_quoted_value_is_short() -> None:
    """And on one line, since it may be anything."""
    text = changed("= 250.0", f'= """{"long " * 20}"""')
    [problem] = read(text).problems
    assert problem.value == f'"{"long " * 7}long…'
    for value, shown in (("{a = 1}", "{ … }"), ("[1]", "[ … ]"), ("true", "true")):
        [problem] = read(changed("= 250.0", f"= {value}")).problems
        assert problem.value == shown


# Any input ---------------------------------------------------------------------

NAMES = [key.name for table in (TOP, *TABLES.values()) for key in table.keys]
HEADS = [table.head for table in TABLES.values()]
VALUES = [
    *("1", "-1", "nan", "-inf", "1e400", "9" * 400, "true", '"can0"', '""'),
    *("[]", "[{}]", "{}", "{a = 1}", "1979-05-27", "12:00:00", '"""\n"""'),
]
ANY_LINE = st.one_of(
    st.sampled_from([*HEADS, "[[mqtt]]", "[bmses-in]", "[x.y]", "[bmses-in.x]"]),
    st.builds(
        "{} = {}".format,
        st.sampled_from([*NAMES, "bmses-out", "mqtt", "CAN_IF", "X"]),
        st.sampled_from(VALUES),
    ),
    st.text(max_size=10),
)


@given(st.lists(ANY_LINE, max_size=15).map("\n".join))
@example(FILE)
def test_any_file_is_built_or_rejected_by_line(text: str) -> None:
    """No exception, no line that does not exist; without a problem it is complete."""
    build = build_gateway(text.encode(errors="replace"), check, LINKS)
    lines = text.count("\n") + 1
    assert all(1 <= (each.line or 1) <= lines for each in build.notices)
    assert len(build.problems) + len(build.notes) == len(build.notices)
    if build.problems:
        return
    assert build.options.keys() == OPTIONS.keys()
    assert build.of(Part.BATTERY)
    channels = [device.channel for device in build.devices]
    assert all(channels)
    assert len(set(channels)) == len(channels)
    for value in build.options.values():
        assert not isinstance(value, float) or isfinite(value)


@given(st.binary(max_size=300))
def test_any_bytes_are_built_or_rejected(content: bytes) -> None:
    """No exception."""
    build = build_gateway(content, check, LINKS)
    assert build.problems or build.devices


@pytest.mark.parametrize(
    "module", ["blocks", "schema", "document", "comparison", "notices", "builder"]
)
def test_home_assistant_is_not_imported(module: str) -> None:
    """Building needs none; only displaying and storing do."""
    path = Path(import_daemon.__path__[0]) / f"{module}.py"
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import | ast.ImportFrom):
            assert "homeassistant" not in ast.unparse(node)
            assert not isinstance(node, ast.ImportFrom) or (
                node.level < 2 or (node.module or "").startswith("engine.")
            )
