"""What a bms_config.toml says becomes a gateway; what is wrong is told by its line."""

import ast
from math import isfinite
from pathlib import Path
from typing import Any

from hypothesis import example, given, strategies as st
import pytest

from custom_components.bms_gateway.engine.config import SendMode
from custom_components.bms_gateway.flows import import_daemon
from custom_components.bms_gateway.flows.import_daemon.contract import TABLES, TOP, Part
from custom_components.bms_gateway.flows.import_daemon.document import LARGEST
from custom_components.bms_gateway.flows.import_daemon.remarks import About, Remark
from custom_components.bms_gateway.flows.import_daemon.understand import (
    Device,
    Links,
    Understood,
    understand,
)

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


def refuse(_part: Part, _name: str, value: Any) -> str | None:
    """Refuse what no form takes; the forms themselves are tested with the flow."""
    if isinstance(value, float) and not (isfinite(value) and -1000 < value < 10_000):
        return "out of range"
    return None


def read(text: str, links: Links = LINKS) -> Understood:
    """Understand a text."""
    return understand(text.encode(), refuse, links)


def told(text: str, links: Links = LINKS) -> list[tuple[About, int | None, str]]:
    """Return what is remarked about a text: about what, the line, the detail."""
    return [(each.about, each.line, each.detail) for each in read(text, links).remarks]


def test_a_whole_file_becomes_a_gateway() -> None:
    """With nothing lost, nothing added and nothing to complain about."""
    assert read(FILE) == Understood(
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
        remarks=(),
    )


def test_it_is_all_kept_by_plain_types() -> None:
    """Home Assistant stores it as JSON."""
    understood = read(FILE)
    stored = [*understood.options.values()]
    stored += [value for each in understood.devices for value in each.values.values()]
    assert {type(value) for value in stored} == {bool, float, str}


def test_what_a_file_leaves_out_is_as_the_daemon_takes_it() -> None:
    """Limits that nobody wrote down are told."""
    text = """
[[bmses-in]]
CAN-IF = "can_in_1"
CAPACITY-AH = 100

[[bmses-out]]
CAN-IF = "can_out_1"
"""
    understood = read(text)
    assert understood.options == {
        "mqtt_enabled": True,
        "mqtt_state_topic": "tele/bms/state",
        "mqtt_interval": 10.0,
        "total_charge": 700.0,
        "total_discharge": 700.0,
        "current_factor": 1.0,
        "current_offset": 0.0,
    }
    [battery, inverter] = understood.devices
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
    assert [(r.about, r.line, r.key, r.value) for r in understood.notes] == [
        (About.NOT_ACTIVATED, None, "GATEWAY-ACTIVATED", "false"),
        (About.ASSUMED, None, "I-LIM-CHARGE", "700.0"),
        (About.ASSUMED, None, "I-LIM-DISCHARGE", "700.0"),
        (About.ASSUMED, 6, "I-LIM-CHARGE", "300.0"),
        (About.ASSUMED, 6, "I-LIM-DISCHARGE", "300.0"),
    ]
    assert not understood.problems


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


def test_what_the_daemon_does_not_use_is_not_taken_over() -> None:
    """A delay while it replies; 0 s of it, which means none; prompts while it pushes."""
    text = changed("PUSH-MIN-DELAY = 0.5", "PUSH-MIN-DELAY = 0.0")
    assert "min_send_interval" not in read(text).of(Part.INVERTER)[0].values
    text = changed("SEND-SYNC-ACTIVATED = false", "SEND-SYNC-ACTIVATED = true")
    assert read(text).of(Part.INVERTER)[0].values["prompt_interval"] == 5
    assert "min_send_interval" not in read(text).of(Part.INVERTER)[0].values
    text = changed("SYNC-INTERVAL = 5.0", "SYNC-INTERVAL = inf")
    assert told(text) == []


# What has to be mended -------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", Remark(about=About.EMPTY)),
        (b"# only a comment\n", Remark(about=About.EMPTY)),
        (b"#" * (LARGEST + 1), Remark(about=About.TOO_LARGE)),
        (b"\n# B\xfcro", Remark(about=About.NOT_UTF8, line=2)),
        (
            b"[mqtt]\n\nTOPIC = tele",
            Remark(about=About.NO_TOML, line=3, detail="Invalid value"),
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(
    content: bytes, expected: Remark
) -> None:
    """That is all there is to say."""
    understood = understand(content, refuse, LINKS)
    assert understood.remarks == (expected,)
    assert understood.problems == [expected]
    assert (understood.options, understood.devices) == ({}, ())


@pytest.mark.parametrize(
    ("old", "new", "about", "detail"),
    [
        # Of another kind
        ("GATEWAY-ACTIVATED = true", "GATEWAY-ACTIVATED = 1", About.NO_YES_NO, ""),
        ("ACTIVATED = false", 'ACTIVATED = "no"', About.NO_YES_NO, ""),
        ("I-LIM-CHARGE = 250.0", 'I-LIM-CHARGE = "250"', About.NO_NUMBER, ""),
        ("I-LIM-CHARGE = 250.0", "I-LIM-CHARGE = true", About.NO_NUMBER, ""),
        ("I-LIM-CHARGE = 250.0", "I-LIM-CHARGE = [250]", About.NO_NUMBER, ""),
        ("CAPACITY-AH = 1400.0", "CAPACITY-AH = 2026-01-01", About.NO_NUMBER, ""),
        ("PORT = 1883", "PORT = {}", About.NO_NUMBER, ""),
        ('CAN-IF = "can_in_1"', "CAN-IF = 1", About.NO_TEXT, ""),
        ('CAN-IF = "can_in_1"', 'CAN-IF = " "', About.NO_TEXT, ""),
        ('DESCRIPTION = "Rack left"', "DESCRIPTION = 1", About.NO_TEXT, ""),
        # Of the right kind, but no form takes it
        ("= 1400.0", "= nan", About.REFUSED, "out of range"),
        ("= 250.0", "= inf", About.REFUSED, "out of range"),
        ("= 250.0", f"= -{10**400}", About.REFUSED, "out of range"),
        ("= 2.0", "= 1e9", About.REFUSED, "out of range"),
        ("= 4.0", "= -1e9", About.REFUSED, "out of range"),
        # No current at all is nothing that an inverter could be rated for
        ("= 190.0", "= 0.0", About.ZERO, ""),
        ("= 250.0", "= 0", About.ZERO, ""),
        # Misspelt, so that a default or nothing at all would hold instead
        ("I-LIM-CHARGE = 190", "I-LIM-CHRAGE = 190", About.MISSPELT, "I-LIM-CHARGE"),
        ("CAPACITY-AH", "CAPACITY", About.MISSPELT, "CAPACITY-AH"),
        ("CAN-IF", "CAN-LINK", About.MISSPELT, "CAN-IF"),
        ("[[bmses-in]]", "[[bmses-inn]]", About.MISSPELT, "[[bmses-in]]"),
        ("[mqtt]", "[mqqt]", About.MISSPELT, "[mqtt]"),
        ("\nPORT = 1883", '\nbroker = "x"', About.TWICE, ""),
    ],
)
def test_what_is_wrong_is_told_with_its_line(
    old: str, new: str, about: About, detail: str
) -> None:
    """That and nothing else."""
    text = changed(old, new)
    assert told(text) == [(about, line_of(text, new.strip()), detail)]


def test_all_that_is_wrong_is_told_at_once() -> None:
    """From the first line to the last."""
    text = FILE.replace("CAN-IF", "#CAN-IF").replace("= 5.0", "= false")
    assert told(text) == [
        (About.NO_NUMBER, line_of(text, "INTERVAL = false", 1), ""),
        (About.MISSING, line_of(text, "[[bmses-out]]", 1), "[[bmses-out]]"),
        (About.NO_NUMBER, line_of(text, "INTERVAL = false", 2), ""),
        (About.MISSING, line_of(text, "[[bmses-out]]", 2), "[[bmses-out]]"),
        (About.MISSING, line_of(text, "[[bmses-in]]", 1), "[[bmses-in]]"),
        (About.MISSING, line_of(text, "[[bmses-in]]", 2), "[[bmses-in]]"),
    ]
    keys = {each.key for each in read(text).problems}
    assert keys == {"CAN-IF", "INTERVAL", "SYNC-INTERVAL"}


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [('CAN-IF = "can_in_1"', "", "CAN-IF"), ("CAPACITY-AH = 280.0", "", "CAPACITY-AH")],
)
def test_what_nobody_could_guess_must_be_there(old: str, new: str, key: str) -> None:
    """The link, and what the battery weighs in every mean."""
    text = changed(old, new)
    [problem] = read(text).problems
    number = 1 if "can_in_1" in old else 2
    assert problem.about is About.MISSING
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
def test_a_table_needs_the_right_brackets(text: str, detail: str) -> None:
    """Two pairs where there may be several."""
    problems = read(f"GATEWAY-ACTIVATED = true\n{text}").problems
    [problem] = [each for each in problems if each.about is About.NO_TABLE]
    assert (problem.line, problem.detail) == (2, detail)
    about = {each.about for each in problems}
    assert (About.NO_BATTERY in about) is (detail == "[battery]")


def test_a_gateway_needs_a_battery() -> None:
    """Without an inverter it would only watch, which is told."""
    text = "GATEWAY-ACTIVATED = true\nbattery = {}\nbmses-in = []\n"
    assert sorted(told(text)) == [
        (About.ASSUMED, 2, "[battery]"),
        (About.ASSUMED, 2, "[battery]"),
        (About.NO_BATTERY, None, ""),
        (About.NO_INVERTER, None, ""),
    ]
    text = FILE.replace("[[bmses-in]]", "[[bms-in]]")
    assert {about for about, _, _ in told(text)} == {About.MISSPELT}


def test_a_misspelt_table_is_a_problem_though_the_right_one_is_there_too() -> None:
    """Of those that may stand several times, a battery would be lost."""
    text = changed("[[bmses-in]]", "[[bmses_inn]]", 2)
    line = line_of(text, "[[bmses_inn]]")
    assert told(text) == [(About.MISSPELT, line, "[[bmses-in]]")]


# CAN links -------------------------------------------------------------------


def test_a_link_can_be_named_only_once() -> None:
    """It is told where it is named as well."""
    text = changed('"can_in_2"', '"can_in_1"')
    lines = [line_of(text, '"can_in_1"', number) for number in (1, 2)]
    assert told(text) == [(About.LINK_TWICE, lines[1], str(lines[0]))]


def test_a_link_of_another_gateway_is_refused() -> None:
    """And it is told whose it is."""
    links = Links(present=LINKS.present, owners={"can_out_2": "Roof (House)"})
    line = line_of(FILE, '"can_out_2"')
    assert told(FILE, links) == [(About.LINK_TAKEN, line, "Roof (House)")]
    assert read(FILE, links).problems


def test_links_that_are_not_there_are_told() -> None:
    """They may be there later: that prevents nothing."""
    understood = read(FILE, Links(present=frozenset({"can_in_1", "can_out_2"})))
    [note] = understood.notes
    assert note == Remark(about=About.NO_LINK, value="can_in_2, can_out_1")
    assert not understood.problems


# What is good to know --------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "about", "key"),
    [
        ("ED = true", "ED = false", About.NOT_ACTIVATED, "GATEWAY-ACTIVATED"),
        ('"localhost"', '"nas.local"', About.BROKER, "BROKER"),
        ("[mqtt]", "USER = 1\n[mqtt]", About.UNKNOWN, "USER"),
        ("PORT = 1883", "PORT = 1883\nUSER = 'me'", About.UNKNOWN, "USER"),
        ("[mqtt]", "[logging]\nLEVEL = 1\n[mqtt]", About.UNKNOWN, "logging"),
    ],
)
def test_what_is_good_to_know_prevents_nothing(
    old: str, new: str, about: About, key: str
) -> None:
    """A person decides."""
    text = changed(old, new)
    understood = read(text)
    [note] = understood.notes
    assert (note.about, note.line, note.key) == (about, line_of(text, key), key)
    assert not understood.problems
    assert understood.options == OPTIONS
    assert understood.devices == read(FILE).devices


def test_another_broker_does_not_matter_without_mqtt() -> None:
    """It is kept that nothing is published."""
    text = changed('"localhost"', '"nas.local"')
    text = text.replace("[mqtt]\nACTIVATED = true", "[mqtt]\nACTIVATED = false")
    assert told(text) == []
    assert read(text).options["mqtt_enabled"] is False


def test_what_is_shown_of_a_value_is_short() -> None:
    """And on one line, as it may be anything."""
    text = changed("= 250.0", f'= """{"long " * 20}"""')
    [problem] = read(text).problems
    assert problem.value == f'"{"long " * 7}long…'
    for value, shown in (("{a = 1}", "{ … }"), ("[1]", "[ … ]"), ("true", "true")):
        [problem] = read(changed("= 250.0", f"= {value}")).problems
        assert problem.value == shown


# Anything at all -------------------------------------------------------------

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
def test_any_file_is_understood_or_refused_in_its_lines(text: str) -> None:
    """No exception, no line that is not there; without a problem all is complete."""
    understood = understand(text.encode(errors="replace"), refuse, LINKS)
    lines = text.count("\n") + 1
    assert all(1 <= (each.line or 1) <= lines for each in understood.remarks)
    assert len(understood.problems) + len(understood.notes) == len(understood.remarks)
    if understood.problems:
        return
    assert understood.options.keys() == OPTIONS.keys()
    assert understood.of(Part.BATTERY)
    channels = [device.channel for device in understood.devices]
    assert all(channels)
    assert len(set(channels)) == len(channels)
    for value in understood.options.values():
        assert not isinstance(value, float) or isfinite(value)


@given(st.binary(max_size=300))
def test_any_bytes_are_understood_or_refused(content: bytes) -> None:
    """No exception."""
    understood = understand(content, refuse, LINKS)
    assert understood.problems or understood.devices


@pytest.mark.parametrize(
    "module", ["blocks", "contract", "document", "figures", "remarks", "understand"]
)
def test_home_assistant_is_not_needed(module: str) -> None:
    """To understand a file; only to show it and to store what it says."""
    path = Path(import_daemon.__path__[0]) / f"{module}.py"
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import | ast.ImportFrom):
            assert "homeassistant" not in ast.unparse(node)
            assert not isinstance(node, ast.ImportFrom) or (
                node.level < 2 or (node.module or "").startswith("engine.")
            )
