"""The setup steps that import a bms_config.toml, with real uploads."""

from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path
import re
import shutil
import tempfile
from typing import Any, Final

from aiohttp import FormData
from hypothesis import given, strategies as st
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.bms_gateway.config_entry import gateway_config
from custom_components.bms_gateway.const import DOMAIN
from custom_components.bms_gateway.engine.config import Interface, PortConfig, Strategy
from custom_components.bms_gateway.engine.presets import SendMode
from custom_components.bms_gateway.flows import import_daemon
from custom_components.bms_gateway.flows.forms.form import errors_of
from custom_components.bms_gateway.flows.forms.schemas import DEVICE_FORMS, OPTIONS_FORM
from custom_components.bms_gateway.flows.import_daemon.file import MAX_SIZE
from custom_components.bms_gateway.flows.import_daemon.gateway import build_gateway
from custom_components.bms_gateway.flows.import_daemon.keys import KEYS
from custom_components.bms_gateway.flows.import_daemon.review import MAX_LINES
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.setup import async_setup_component

from ...connected import Machine, link
from ...form_user import TEXTS, Flow, Result, filled, start
from .files import FILE, changed, line_of

ENGLISH, GERMAN = sorted(TEXTS, key=lambda each: str(each["common"]["import_line"]))

LINKS: Final = [
    link(name, name) for name in ("can_in_1", "can_in_2", "can_out_1", "can_out_2")
]

type Upload = Callable[[str | bytes], Awaitable[str]]


@pytest.fixture(autouse=True)
def have_links(machine: Machine, socket_enabled: None) -> None:
    """Give the machine the CAN links of the file."""
    machine.links = LINKS


@pytest.fixture(name="upload")
async def let_upload(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Upload:
    """Upload a file as the browser does: post it, return its id."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert await async_setup_component(hass, DOMAIN, {})  # before the server starts
    client = await hass_client()

    async def upload(content: str | bytes) -> str:
        data = content.encode() if isinstance(content, str) else content
        form = FormData()
        form.add_field("file", data, filename="bms_config.toml")
        answer = await client.post("/api/file_upload", data=form)
        assert answer.status == 200
        return str((await answer.json())["file_id"])

    return upload


def clear(folder: Path) -> None:
    """Remove what was uploaded."""
    for each in folder.glob("*/*"):
        shutil.rmtree(each)


async def begin(hass: HomeAssistant) -> Flow:
    """Choose the import in the first step."""
    flow = await start(hass)
    await flow.choose("import_daemon")
    return flow


async def review(hass: HomeAssistant, upload: Upload, text: str = FILE) -> Flow:
    """Continue to the review of a file."""
    flow = await begin(hass)
    result = await flow.fill(file=await upload(text))
    assert result["step_id"] == "import_review", told(result)
    return flow


def told(result: Result, *names: str) -> str:
    """Return the placeholders of a step, by default all."""
    placeholders = result["description_placeholders"]
    return "\n\n".join(placeholders[name] for name in names or placeholders)


# Successful imports ------------------------------------------------------------


async def test_file_becomes_a_gateway(hass: HomeAssistant, upload: Upload) -> None:
    """All of it, on the adapters that have the links' names now."""
    flow = await begin(hass)
    assert (flow.result["step_id"], flow.result["errors"]) == ("import_daemon", {})
    assert told(flow.result) == ""
    flow = await review(hass, upload)
    assert not hass.config_entries.async_entries(DOMAIN)
    assert filled(flow.result) == {"name": "Battery bank", "reported_current": "file"}
    assert told(flow.result).rstrip() == (
        "- **Rack left**: CAN link `can_in_1`, 1400 Ah\n"
        "- **Rack right**: CAN link `can_in_2`, 280 Ah, polled every 2 s\n"
        "- **Inverter left**: CAN link `can_out_1`, charging up to 190 A,"
        " discharging up to 200 A, current multiplied by 0.5,"
        " current offset by 0.25 A, sent at most every 0.5 s\n"
        "- **Inverter right**: CAN link `can_out_2`, charging up to 120 A,"
        " discharging up to 100 A, current multiplied by 0.5,"
        " sent on request, prompted every 4 s\n"
        "- **Total**: MQTT topic `tele/bms/state`, published at most every 5 s,"
        " charging up to 250 A, discharging up to 400 A,"
        " current multiplied by 1.02, current offset by -0.5 A\n\n"
        "**Changed:** The daemon sent every inverter the limit of the whole bank"
        " (up to the inverter's own): together up to 310 A for charging and 300 A for"
        " discharging. From now on they share the limit: up to 250 A and 300 A."
    )

    result = await flow.fill(name=" Cellar ", reported_current="file")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    entry = result["result"]
    assert entry.title == "Cellar"
    assert entry.data == {"simulated": False}
    assert entry.options == {
        "strategy": "share",
        "mqtt_enabled": True,
        "mqtt_state_topic": "tele/bms/state",
        "mqtt_interval": 5.0,
        "total_charge": 250.0,
        "total_discharge": 400.0,
        "current_factor": 1.02,
        "current_offset": -0.5,
    }
    config = gateway_config(entry)
    assert config.strategy is Strategy.SHARE
    assert config.discharge_grace == 60
    assert [(b.name, b.capacity_ah, b.poll_interval) for b in config.batteries] == [
        ("Rack left", 1400, None),
        ("Rack right", 280, 2),
    ]
    left, right = config.inverters
    assert (left.name, right.name) == ("Inverter left", "Inverter right")
    assert (left.rated_charge, left.rated_discharge) == (190, 200)
    assert (left.mode, left.min_send_interval, left.prompt_interval) == (
        SendMode.PUSH,
        0.5,
        None,
    )
    assert (left.current_factor, left.current_offset) == (0.5, 0.25)
    assert (right.rated_charge, right.rated_discharge) == (120, 100)
    assert (right.mode, right.min_send_interval, right.prompt_interval) == (
        SendMode.REPLY,
        0.1,
        4,
    )
    assert [device.port for device in config.devices] == [
        PortConfig(Interface.SOCKETCAN, each.name, 500_000, each.identity, True)
        for each in LINKS
    ]


async def test_user_decides_what_the_file_does_not_have(
    hass: HomeAssistant, upload: Upload, machine: Machine
) -> None:
    """Also without the links: the ports are then lost, with a repair."""
    machine.links = []
    flow = await review(hass, upload)
    name = "can_in_1"
    assert (
        f'- Line {line_of(FILE, name)}: The CAN link `"{name}"` does not exist at'
        " present. You can continue and choose another one later."
    ) in told(flow.result, "notes")
    result = await flow.fill(
        name="Cellar",
        strategy="sum",
        reported_current="share",
        backup=False,
        bring_up=False,
    )
    config = gateway_config(result["result"])
    assert config.strategy is Strategy.SUM
    assert config.discharge_grace == 0
    assert [each.current_factor for each in config.inverters] == [None, None]
    assert [each.current_offset for each in config.inverters] == [0.25, 0.0]
    assert {(each.port.identity, each.port.bring_up) for each in config.devices} == {
        (None, False)
    }
    assert result["result"].state is ConfigEntryState.LOADED


async def test_single_inverter_uses_the_files_scaling(
    hass: HomeAssistant, upload: Upload
) -> None:
    """Its part is all there is, so that nothing is asked."""
    start_, end = FILE.rindex("[[bmses-out]]"), FILE.index("[[bmses-in]]")
    text = FILE[:start_] + FILE[end : FILE.rindex("[[bmses-in]]")]
    flow = await review(hass, upload, text)
    assert filled(flow.result) == {"name": "Battery bank"}
    assert told(flow.result, "changed") == ""
    result = await flow.fill(name="Cellar")
    [inverter] = gateway_config(result["result"]).inverters
    assert inverter.current_factor == 0.5


async def test_parts_are_proposed_for_inverters_that_saw_the_whole_current(
    hass: HomeAssistant, upload: Upload
) -> None:
    """The whole current next to a part of the limit would look excessive."""
    flow = await review(hass, upload, FILE.replace("I-SCALING = 0.5", "#"))
    assert filled(flow.result)["reported_current"] == "share"
    text = changed("I-SCALING = 0.5", "I-SCALING = 1.0")
    flow = await review(hass, upload, text)
    assert filled(flow.result)["reported_current"] == "file"


async def test_gateway_without_inverters_only_monitors(
    hass: HomeAssistant, upload: Upload
) -> None:
    """Missing names are proposed."""
    start_, end = FILE.index("[[bmses-out]]"), FILE.index("[[bmses-in]]")
    text = (FILE[:start_] + FILE[end:]).replace("DESCRIPTION", "#")
    text = text.replace("[mqtt]\nACTIVATED = true", "[mqtt]\nACTIVATED = false")
    flow = await review(hass, upload, text)
    assert told(flow.result, "changed") == ""
    assert "MQTT switched off" in told(flow.result, "found")
    result = await flow.fill(name="Cellar")
    config = gateway_config(result["result"])
    assert [each.name for each in config.batteries] == ["Battery 1", "Battery 2"]
    assert not config.inverters
    assert result["result"].options["mqtt_enabled"] is False


async def test_name_is_required(hass: HomeAssistant, upload: Upload) -> None:
    """The other choices stay."""
    flow = await review(hass, upload)
    before = told(flow.result)
    chosen = {"strategy": "sum", "reported_current": "share"}
    result = await flow.fill(chosen, name=" ", backup=False, bring_up=False)
    assert result["errors"] == {"name": "invalid_name"}
    assert filled(result) == chosen | {"name": "", "backup": False, "bring_up": False}
    assert told(result) == before
    result = await flow.fill(name="Cellar")
    assert result["type"] is FlowResultType.CREATE_ENTRY


# Files that cannot be imported -------------------------------------------------


async def test_problems_are_listed(hass: HomeAssistant, upload: Upload) -> None:
    """Line by line; the corrected file is accepted, and nothing was set up before."""
    text = changed("CAPACITY-AH = 280.0", "CAPACITY-AH = 0")
    text = text.replace("= 250.0", '= "250`"').replace("I-SCALING", "I-SCALLING", 1)
    text = text.replace('"tele/bms/state"', '"tele/#"')
    at = [line_of(text, part) for part in ("TOPIC", '"250', "I-SCALLING", "AH = 0")]
    flow = await begin(hass)
    result = await flow.fill(file=await upload(text))
    assert result["step_id"] == "import_daemon"
    assert result["errors"] == {"file": "invalid_file"}
    assert told(result) == (
        f"{ENGLISH['common']['import_correct']}\n\n"
        f'- Line {at[0]}: `TOPIC` is `"tele/#"`.'
        f" {ENGLISH['options']['error']['invalid_mqtt_state_topic']}\n"
        f"- Line {at[1]}: `I-LIM-CHARGE` must be a number without quotation marks,"
        f' not `"250\'"`.\n'
        f"- Line {at[2]}: `I-SCALLING` is unknown. Change it to `I-SCALING` if that is"
        " intended, otherwise delete it.\n"
        f"- Line {at[3]}: `CAPACITY-AH` is `0`."
        f" {ENGLISH['config']['error']['invalid_capacity_ah']}"
    )
    assert not hass.config_entries.async_entries(DOMAIN)

    result = await flow.fill(file=await upload(FILE))
    assert result["step_id"] == "import_review"
    result = await flow.fill(name="Cellar")
    assert result["type"] is FlowResultType.CREATE_ENTRY


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "The file contains no battery."),
        (b"#" * (MAX_SIZE + 1), "The file is much larger"),
        ("[mqtt] # für".encode("latin-1"), "Line 1: The file is not encoded in UTF-8."),
        (b"\nTOPIC = tele", "Line 2: The file is not valid TOML"),
        (FILE.encode("utf-16"), "Line 1: The file is not encoded in UTF-8."),
    ],
    ids=["empty", "large", "latin", "syntax", "utf-16"],
)
async def test_unusable_file_is_explained(
    hass: HomeAssistant, upload: Upload, content: bytes, expected: str
) -> None:
    """In words, and the right one can then be chosen."""
    flow = await begin(hass)
    result = await flow.fill(file=await upload(content))
    assert result["errors"] == {"file": "invalid_file"}
    assert f"- {expected}" in told(result)
    result = await flow.fill(file=await upload(FILE))
    assert result["step_id"] == "import_review"


async def test_lost_upload_is_explained(
    hass: HomeAssistant, upload: Upload, tmp_path: Path
) -> None:
    """Used already, cleared away, or from before a restart of Home Assistant."""
    flow = await begin(hass)
    used, cleared = await upload(""), await upload(FILE)
    await flow.fill(file=used)
    await hass.async_add_executor_job(clear, tmp_path)
    unknown = "01a216b80d900dd23fcd2b1aebd673e4"
    for file_id in (used, cleared, unknown):
        result = await flow.fill(file=file_id)
        assert result["errors"] == {"file": "invalid_file"}
        assert "The upload was lost." in told(result)
    result = await flow.fill(file=await upload(FILE))
    assert result["step_id"] == "import_review"


async def test_list_of_problems_is_limited(hass: HomeAssistant, upload: Upload) -> None:
    """After fixing this many, a user looks again."""
    text = FILE + "[[bmses-in]]\nCAN-IF = 1\n" * (MAX_LINES // 2 + 1)
    flow = await begin(hass)
    result = await flow.fill(file=await upload(text))
    assert told(result).endswith("\n- … and 2 more")
    assert told(result).count("\n- ") == MAX_LINES + 1


async def test_texts_are_in_home_assistants_language(
    hass: HomeAssistant, upload: Upload
) -> None:
    """Nothing is left untranslated."""
    hass.config.language = "de"
    text = changed("CAPACITY-AH = 280.0", "CAPACITY-AH = 0")
    flow = await begin(hass)
    result = await flow.fill(file=await upload(text))
    line = line_of(text, "CAPACITY-AH = 0")
    expected = GERMAN["config"]["error"]["invalid_capacity_ah"]
    assert f"- Zeile {line}: `CAPACITY-AH` ist `0`. {expected}" in told(result)
    result = await flow.fill(file=await upload(FILE))
    assert filled(result)["name"] == "Batteriebank"
    assert "Laden bis 250 A" in told(result)


async def test_names_are_escaped(hass: HomeAssistant, upload: Upload) -> None:
    """A text from a file makes no table, picture or list."""
    text = changed('"Rack left"', '"A | B ![x](y) <b> **c** `d`"')
    flow = await review(hass, upload, text)
    shown = r"A \| B \!\[x\]\(y\) \<b\> \*\*c\*\* \`d\`"
    assert f"- **{shown}**: CAN link `can_in_1`" in told(flow.result)


async def test_quoted_value_is_short(hass: HomeAssistant, upload: Upload) -> None:
    """And on one line, since it may be anything."""
    flow = await begin(hass)
    text = changed("= 250.0", f'= """{"long " * 20}"""')
    result = await flow.fill(file=await upload(text))
    assert f'not `"{"long " * 7}long…`' in told(result)
    text = changed("= 250.0", "= [2026-01-01]").replace("= 190.0", "= true")
    result = await flow.fill(file=await upload(text))
    assert 'not `["2026-01-01"]`' in told(result)
    assert "not `true`" in told(result)


# CAN links of other devices ----------------------------------------------------


@pytest.mark.parametrize(
    "port",
    [{"channel": "can0", "identity": LINKS[0].identity}, {"channel": "can_in_1"}],
)
async def test_taken_link_is_reported(
    hass: HomeAssistant, upload: Upload, port: dict[str, Any]
) -> None:
    """By its adapter, whatever its name was then, or by its name."""
    other = MockConfigEntry(
        domain=DOMAIN,
        title="House",
        subentries_data=[
            {
                "data": {"interface": "socketcan", "capacity_ah": 1.0, **port},
                "subentry_type": "battery",
                "title": "Roof",
                "unique_id": None,
            }
        ],
    )
    other.add_to_hass(hass)
    flow = await begin(hass)
    result = await flow.fill(file=await upload(FILE))
    line = line_of(FILE, '"can_in_1"')
    assert (
        f'- Line {line}: The CAN link `"can_in_1"` already belongs to `Roof (House)`.'
        in told(result)
    )
    await hass.config_entries.async_remove(other.entry_id)
    result = await flow.fill(file=await upload(FILE))
    assert result["step_id"] == "import_review"


async def test_link_taken_during_the_review_is_rejected(
    hass: HomeAssistant, upload: Upload
) -> None:
    """Through the same code as in every other setup."""
    first, second = [await review(hass, upload) for _ in range(2)]
    await first.fill(name="Quick")
    result = await second.fill(name="Slow")
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "port_taken")
    assert result["description_placeholders"] == {
        "channel": "can_in_1",
        "gateway": "Quick",
        "device": "Rack left",
    }
    assert len(hass.config_entries.async_entries(DOMAIN)) == 1


# Checks of the forms -----------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "lowest", "highest"),
    [
        ("= 250.0", "1", "100000"),
        ("= 400", "1", "100000"),
        ("= 1.02", "0.1", "10"),
        ("= -0.5", "-1000", "1000"),
        ("\nINTERVAL = 5.0", "1", "3600"),
        ("= 190.0", "1", "10000"),
        ("= 200.0", "1", "10000"),
        ("I-SCALING = 0.5", "-10", "10"),
        ("= 0.25", "-1000", "1000"),
        ("DELAY = 0.5", "0.001", "10"),
        ("= 4.0", "0.5", "60"),
        ("= 2.0", "0.5", "60"),
        ("= 1400.0", "0.1", "100000"),
    ],
)
def test_ranges_are_those_of_the_forms(old: str, lowest: str, highest: str) -> None:
    """Their ends are accepted, values beyond them are not."""
    key = old.partition("=")[0]
    for value in (lowest, highest):
        text = changed(old, f"{key}= {value}")
        assert not build_gateway(text.encode(), (), {}).problems
    beyond = [str(float(highest) + 0.01), "nan", "inf", "-inf"]
    if "DELAY" not in old:
        beyond.append(str(float(lowest) - 0.01))
    for value in beyond:
        text = changed(old, f"{key}= {value}")
        [problem] = build_gateway(text.encode(), (), {}).problems
        assert problem.kind == "refused"
        assert problem.about.line == line_of(text, f"= {value}")
        place, _, error = problem.detail.partition(".error.")
        assert ENGLISH[place]["error"][error]


NUMBER = re.compile(r"(?<== )-?[\d.]+$", re.MULTILINE)
SOME = st.one_of(st.floats(), st.integers(-2, 20_000), st.floats(0, 10)).map(str)


@given(st.dictionaries(st.integers(0, len(NUMBER.findall(FILE)) - 1), SOME, max_size=3))
def test_values_that_a_form_would_reject_are_not_imported(
    numbers: dict[int, str],
) -> None:
    """Whatever some of the numbers in a file are."""
    places = count()
    text = NUMBER.sub(lambda found: numbers.get(next(places), found[0]), FILE)
    build = build_gateway(text.encode(), (), {})
    if build.problems:
        return
    assert errors_of(OPTIONS_FORM, build.options) == {}
    for device in build.devices:
        assert errors_of(DEVICE_FORMS[device.kind], device.values) == {}


def test_every_notice_and_every_stored_value_has_its_text() -> None:
    """In each language, with every placeholder filled; and no other text is there."""
    folder = Path(import_daemon.__path__[0])
    code = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py"))
    raised = (
        r'(?:note|Invalid|Unreadable|Notice|msg=|_typed)\(?(?:\w+, )?"([a-z_0-9]+)"'
    )
    kinds = re.findall(raised, code)
    stored = {key.description for keys in KEYS.values() for key in keys} - {"mode", ""}
    rest = {"line", "more", "correct", "notes", "bank", "changed"}
    expected = {*kinds, *stored, *rest, "misspelt", "unknown", "refused"}
    figures = dict.fromkeys(
        ("charge", "discharge", "charge_before", "discharge_before"), "1"
    )
    for texts in TEXTS:
        common = {
            key.removeprefix("import_"): text
            for key, text in texts["common"].items()
            if key.startswith("import_")
        }
        assert common.keys() == expected
        for text in common.values():
            filled_in = text.format(
                key="k", value="v", detail="d", line=1, text="t", count=1, **figures
            )
            assert "{" not in filled_in
