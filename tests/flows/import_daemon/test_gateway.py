"""Building a gateway from a bms_config.toml, with notices by line."""

from collections.abc import Collection, Mapping
from math import isfinite
from types import MappingProxyType

from hypothesis import example, given, strategies as st
import pytest

from custom_components.bms_gateway.config_entry import PortOwner
from custom_components.bms_gateway.engine.presets import SendMode
from custom_components.bms_gateway.flows.import_daemon.file import MAX_SIZE, Value
from custom_components.bms_gateway.flows.import_daemon.gateway import (
    Device,
    ImportedGateway,
    Notice,
    build_gateway,
)
from custom_components.bms_gateway.flows.import_daemon.keys import KEYS

from .files import FILE, changed, line_of

LINKS = ("can_in_1", "can_in_2", "can_out_1", "can_out_2")
FREE: Mapping[str, PortOwner] = MappingProxyType({})

OPTIONS = {
    "mqtt_enabled": True,
    "mqtt_state_topic": "tele/bms/state",
    "mqtt_interval": 5.0,
    "total_charge": 250.0,
    "total_discharge": 400.0,
    "current_factor": 1.02,
    "current_offset": -0.5,
}


def read(
    text: str,
    links: Collection[str] = LINKS,
    owners: Mapping[str, PortOwner] = FREE,
) -> ImportedGateway:
    """Build a gateway from a text."""
    return build_gateway(text.encode(), links, owners)


def notices_of(gateway: ImportedGateway) -> list[tuple[str, int | None, str]]:
    """Return the notices about a file: kind, line and detail."""
    notices = [*gateway.problems, *gateway.notes]
    return [(each.kind, each.about.line, each.detail) for each in notices]


def test_complete_file_becomes_a_gateway() -> None:
    """Nothing lost, nothing added, no notice."""
    assert read(FILE) == ImportedGateway(
        options=OPTIONS,
        devices=[
            Device(
                kind="battery",
                name="Rack left",
                values={"channel": "can_in_1", "capacity_ah": 1400.0},
            ),
            Device(
                kind="battery",
                name="Rack right",
                values={
                    "channel": "can_in_2",
                    "capacity_ah": 280.0,
                    "poll_interval": 2.0,
                },
            ),
            Device(
                kind="inverter",
                name="Inverter left",
                values={
                    "channel": "can_out_1",
                    "rated_charge": 190.0,
                    "rated_discharge": 200.0,
                    "current_factor": 0.5,
                    "current_offset": 0.25,
                    "min_send_interval": 0.5,
                    "mode": SendMode.PUSH,
                    "make": "other_pylontech",
                },
            ),
            Device(
                kind="inverter",
                name="Inverter right",
                values={
                    "channel": "can_out_2",
                    "rated_charge": 120.0,
                    "rated_discharge": 100.0,
                    "current_factor": 0.5,
                    "current_offset": 0.0,
                    "prompt_interval": 4.0,
                    "mode": SendMode.REPLY,
                    "make": "other_pylontech",
                },
            ),
        ],
    )


def test_result_consists_of_plain_types() -> None:
    """Home Assistant stores it as JSON."""
    build = read(FILE)
    stored = [*build.options.values()]
    stored += [value for each in build.devices for value in each.values.values()]
    assert {type(value) for value in stored} == {bool, float, str}


def test_missing_keys_get_the_daemons_defaults() -> None:
    """The daemon would not have run with such a file; assumed limits are named."""
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
        "make": "other_pylontech",
    }
    default = Value("GATEWAY-ACTIVATED", value=False)
    both = "I-LIM-CHARGE, I-LIM-DISCHARGE"
    assert build.notes == [
        Notice("not_activated", default),
        Notice("assumed", Value(both, 700.0), "[battery]"),
        Notice("assumed", Value(both, 300.0, line=6), "[[bmses-out]]"),
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
    assert "min_send_interval" not in read(text).of("inverter")[0].values
    text = changed("SEND-SYNC-ACTIVATED = false", "SEND-SYNC-ACTIVATED = true")
    assert read(text).of("inverter")[0].values["prompt_interval"] == 5
    assert "min_send_interval" not in read(text).of("inverter")[0].values
    text = changed("SYNC-INTERVAL = 5.0", "SYNC-INTERVAL = inf")
    assert notices_of(read(text)) == []


# Problems that have to be fixed ------------------------------------------------


@pytest.mark.parametrize(
    ("content", "kind", "line", "detail"),
    [
        (b"#" * (MAX_SIZE + 1), "too_large", None, ""),
        (b"\n# B\xfcro", "not_utf8", 2, ""),
        (b"[mqtt]\n\nTOPIC = tele", "no_toml", 3, "Invalid value"),
    ],
)
def test_unreadable_file_is_rejected(
    content: bytes, kind: str, line: int | None, detail: str
) -> None:
    """With one notice."""
    build = build_gateway(content, LINKS, FREE)
    notice = Notice(kind, Value("", line=line), detail)
    assert build == ImportedGateway(problems=[notice])


@pytest.mark.parametrize("text", ["", "# only a comment\n"])
def test_file_without_battery_is_rejected(text: str) -> None:
    """Even if it is empty."""
    assert read(text).problems == [Notice("no_battery", Value(""))]


@pytest.mark.parametrize(
    ("old", "new", "kind", "detail"),
    [
        # Another type
        ("GATEWAY-ACTIVATED = true", "GATEWAY-ACTIVATED = 1", "no_yes_no", ""),
        ("ACTIVATED = false", 'ACTIVATED = "no"', "no_yes_no", ""),
        ("I-LIM-CHARGE = 250.0", 'I-LIM-CHARGE = "250"', "no_number", ""),
        ("I-LIM-CHARGE = 250.0", "I-LIM-CHARGE = true", "no_number", ""),
        ("I-LIM-CHARGE = 250.0", "I-LIM-CHARGE = [250]", "no_number", ""),
        ("CAPACITY-AH = 1400.0", "CAPACITY-AH = 2026-01-01", "no_number", ""),
        ("PORT = 1883", "PORT = {}", "no_number", ""),
        ("PUSH-MIN-DELAY = 0.5", "PUSH-MIN-DELAY = false", "no_number", ""),
        ('CAN-IF = "can_in_1"', "CAN-IF = 1", "no_text", ""),
        ('CAN-IF = "can_in_1"', 'CAN-IF = " "', "no_text", ""),
        ('DESCRIPTION = "Rack left"', "DESCRIPTION = 1", "no_text", ""),
        # The right type, but rejected by the forms
        ("= 1400.0", "= nan", "refused", "config.error.invalid_capacity_ah"),
        ("= 250.0", "= inf", "refused", "options.error.invalid_total_charge"),
        ("= 250.0", f"= -{10**400}", "no_number", ""),
        ("= 2.0", "= 1e9", "refused", "config.error.invalid_poll_interval"),
        ("= 4.0", "= -1e9", "refused", "config.error.invalid_prompt_interval"),
        # An inverter cannot be rated for no current at all
        ("= 190.0", "= 0.0", "zero", ""),
        ("= 250.0", "= 0", "zero", ""),
        # Misspelt, so that a default or nothing at all would apply instead
        (
            "I-LIM-CHARGE = 190",
            "I-LIM-CHRAGE = 190",
            "misspelt",
            "I-LIM-CHARGE",
        ),
        ("CAPACITY-AH", "CAPACITY", "misspelt", "CAPACITY-AH"),
        ("CAN-IF", "CAN-LINK", "misspelt", "CAN-IF"),
        ("[[bmses-in]]", "[[bmses-inn]]", "misspelt", "[[bmses-in]]"),
        ("[mqtt]", "[mqqt]", "misspelt", "[mqtt]"),
        ("[battery]", "[[battery]]", "misspelt", "[battery]"),
        ("\nPORT = 1883", '\nbroker = "x"', "twice", ""),
    ],
)
def test_problem_is_reported_with_its_line(
    old: str, new: str, kind: str, detail: str
) -> None:
    """That and nothing else."""
    text = changed(old, new)
    [problem] = read(text).problems
    assert (problem.kind, problem.about.line) == (kind, line_of(text, new.strip()))
    assert detail in problem.detail


def test_all_problems_are_reported_at_once() -> None:
    """From the first line to the last."""
    text = FILE.replace("CAN-IF", "#CAN-IF").replace("= 4.0", "= false")
    text = text.replace("= 250.0", "= 0").replace("= 400", "= '400'")
    assert [(kind, line) for kind, line, _ in notices_of(read(text))] == [
        ("zero", line_of(text, "I-LIM-CHARGE = 0")),
        ("no_number", line_of(text, "= '400'")),
        ("missing", line_of(text, "[[bmses-out]]", 1)),
        ("missing", line_of(text, "[[bmses-out]]", 2)),
        ("no_number", line_of(text, "INTERVAL = false")),
        ("missing", line_of(text, "[[bmses-in]]", 1)),
        ("missing", line_of(text, "[[bmses-in]]", 2)),
    ]


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [('CAN-IF = "can_in_1"', "", "CAN-IF"), ("CAPACITY-AH = 280.0", "", "CAPACITY-AH")],
)
def test_required_keys_must_be_present(old: str, new: str, key: str) -> None:
    """The link, and the capacity, by which the battery is weighted in every mean."""
    text = changed(old, new)
    [problem] = read(text).problems
    number = 1 if "can_in_1" in old else 2
    line = line_of(text, "[[bmses-in]]", number)
    assert problem == Notice("missing", Value(key, line=line), "[[bmses-in]]")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("[[battery]]", "[battery]"),
        ("battery = {}", "[battery]"),
        ("battery.I-LIM-CHARGE = 1", "[battery]"),
        ("[bmses-in]", "[[bmses-in]]"),
        ("bmses_in = 'can0'", "[[bmses-in]]"),
        ("bmses-in = [{}]", "[[bmses-in]]"),
    ],
)
def test_section_needs_its_header(text: str, meant: str) -> None:
    """With double brackets where there may be several; nothing is lost silently."""
    build = read(f"GATEWAY-ACTIVATED = true\n{text}")
    assert [notice.kind for notice in build.problems] == ["misspelt"]
    assert ("misspelt", 2, meant) in notices_of(build)


def test_all_batteries_may_be_misspelt() -> None:
    """No other notice hides the reason."""
    text = FILE.replace("[[bmses-in]]", "[[bms-in]]")
    assert {kind for kind, _, _ in notices_of(read(text))} == {"misspelt"}


def test_section_that_may_occur_once_is_not_read_twice() -> None:
    """The writing differs: otherwise it would be no TOML."""
    text = f"{FILE}[MQTT]\nINTERVAL = 9.0\n"
    line = line_of(text, "[MQTT]")
    assert notices_of(read(text)) == [("twice", line, "")]
    assert read(text).options["mqtt_interval"] == 5


def test_misspelt_table_is_a_problem_next_to_a_correct_one() -> None:
    """Of tables that may occur several times, a battery would be lost."""
    text = changed("[[bmses-in]]", "[[bmses_inn]]", 2)
    line = line_of(text, "[[bmses_inn]]")
    assert notices_of(read(text)) == [("misspelt", line, "[[bmses-in]]")]


# CAN links -------------------------------------------------------------------


def test_link_can_be_used_only_once() -> None:
    """The notice gives the line of the first use."""
    text = changed('"can_in_2"', '"can_in_1"')
    lines = [line_of(text, '"can_in_1"', number) for number in (1, 2)]
    assert notices_of(read(text)) == [("link_twice", lines[1], str(lines[0]))]


def test_link_of_another_gateway_is_rejected() -> None:
    """The notice gives its owner."""
    build = read(FILE, owners={"can_out_2": PortOwner("House", "Roof")})
    line = line_of(FILE, '"can_out_2"')
    assert notices_of(build) == [("link_taken", line, "Roof (House)")]
    assert build.problems


def test_missing_links_are_reported() -> None:
    """They may appear later: that prevents nothing."""
    build = read(FILE, ["can_in_1", "can_out_2"])
    lines = [line_of(FILE, f'"{name}"') for name in ("can_out_1", "can_in_2")]
    assert notices_of(build) == [("no_link", line, "") for line in lines]
    assert not build.problems


# Notices for information -------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "kind", "key"),
    [
        ("ED = true", "ED = false", "not_activated", "GATEWAY-ACTIVATED"),
        ('"localhost"', '"nas.local"', "broker", "BROKER"),
        ("[mqtt]", "USER = 1\n[mqtt]", "unknown", "USER"),
        ("PORT = 1883", "PORT = 1883\nUSER = 'me'", "unknown", "USER"),
        ("[mqtt]", "[logging]\nLEVEL = 1\n[mqtt]", "unknown", "[logging]"),
        ("[[bmses-in]]", "[x.y]\nz = 1\n[[bmses-in]]", "unknown", "[x.y]"),
    ],
)
def test_information_does_not_block_the_setup(
    old: str, new: str, kind: str, key: str
) -> None:
    """The user decides."""
    text = changed(old, new)
    build = read(text)
    [note] = build.notes
    assert (note.kind, note.about.key) == (kind, key)
    assert note.about.line == line_of(text, key)
    assert not build.problems
    assert build.options == OPTIONS
    assert build.devices == read(FILE).devices


def test_other_broker_does_not_matter_without_mqtt() -> None:
    """MQTT stays switched off."""
    text = changed('"localhost"', '"nas.local"')
    text = text.replace("[mqtt]\nACTIVATED = true", "[mqtt]\nACTIVATED = false")
    assert notices_of(read(text)) == []
    assert read(text).options["mqtt_enabled"] is False


# Any input ---------------------------------------------------------------------

NAMES = [str(key) for keys in KEYS.values() for key in keys]
HEADS = [head for head in KEYS if head]
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
    build = build_gateway(text.encode(errors="replace"), LINKS, FREE)
    lines = text.count("\n") + 1
    notices = [*build.problems, *build.notes]
    assert all(1 <= (each.about.line or 1) <= lines for each in notices)
    if build.problems:
        return
    assert build.options.keys() == OPTIONS.keys()
    assert build.of("battery")
    channels = [device.values["channel"] for device in build.devices]
    assert all(channels)
    assert len(set(channels)) == len(channels)
    for value in build.options.values():
        assert not isinstance(value, float) or isfinite(value)


@given(st.binary(max_size=300))
def test_any_bytes_are_built_or_rejected(content: bytes) -> None:
    """No exception."""
    build = build_gateway(content, LINKS, FREE)
    assert build.problems or build.devices
