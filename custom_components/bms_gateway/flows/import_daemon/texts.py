"""Describes an imported bms_config.toml in Home Assistant's language, in Markdown."""

from collections.abc import Iterator, Mapping, Sequence
import re
from typing import Any, Final

from ...engine.model import Direction
from .builder import Device, ImportedGateway
from .comparison import STRONG_LIMIT, WEAK_LIMIT, TotalLimits, example, highest_limits
from .notices import Notice, NoticeKind
from .schema import Part

type Texts = Mapping[str, str]
"""Texts by the last part of their keys; those used here begin with `import_`."""

MAX_LINES: Final = 20
"""Notices that are shown; after fixing this many, a user looks at the rest."""


def list_notices(head: str, notices: Sequence[Notice], texts: Texts) -> str:
    """Return notices as a list under the text `head`; empty without any."""
    if not notices:
        return ""
    lines = [_notice(notice, texts) for notice in notices[:MAX_LINES]]
    if more := len(notices) - len(lines):
        lines.append(texts["import_more"].format(count=more))
    return f"{texts[head]}\n\n{_list(lines)}"


def describe(gateway: ImportedGateway, names: Sequence[str], texts: Texts) -> str:
    """Return the gateway to set up. `names`: those of the devices, in their order."""
    named = list(zip(gateway.devices, map(_plain, names), strict=True))
    describers = {Part.BATTERY: _battery, Part.INVERTER: _inverter}
    lines = [
        ", ".join(describers[device.part](device, name, texts))
        for device, name in named
    ]
    return _list([*lines, *_bank(gateway.options, texts)])


def compare(gateway: ImportedGateway, names: Sequence[str], texts: Texts) -> str:
    """Return the daemon's limits and the future ones; empty without inverters."""
    if not gateway.of(Part.INVERTER):
        return ""
    shown = example(gateway)
    weak = _plain(names[shown.battery])  # batteries come before inverters
    rows = [
        (texts["import_most_charge"], highest_limits(gateway, Direction.CHARGE)),
        (texts["import_most_discharge"], highest_limits(gateway, Direction.DISCHARGE)),
    ]
    parts = [texts["import_before"]]
    if len(gateway.of(Part.BATTERY)) > 1:
        rows += [
            (texts["import_example_sent"], shown.limits),
            (texts["import_example_carries"].format(name=weak), shown.battery_current),
        ]
        parts.append(
            texts["import_example"].format(
                name=weak, weak=f"{WEAK_LIMIT:g}", strong=f"{STRONG_LIMIT:g}"
            )
        )
    head = (f"import_{key}" for key in ("sent", "daemon", "sum", "share"))
    table = [
        tuple(texts[key] for key in head),
        ("---", "--:", "--:", "--:"),
        *(_row(*row) for row in rows),
    ]
    parts.append("\n".join(f"| {' | '.join(row)} |" for row in table))
    return "\n\n".join(parts)


def _notice(notice: Notice, texts: Texts) -> str:
    refused = notice.kind is NoticeKind.REFUSED
    text = texts[f"import_{notice.kind}"].format(
        key=_code(notice.key),
        value=_code(notice.value),
        detail=texts[notice.detail] if refused else _code(notice.detail),
    )
    if notice.line is None:
        return text
    return texts["import_line"].format(line=notice.line, text=text)


def _battery(battery: Device, name: str, texts: Texts) -> Iterator[str]:
    values = battery.values
    yield f"**{name}**: `{_code(battery.channel)}`"
    yield f"{values['capacity_ah']:g} Ah"
    if "poll_interval" in values:
        yield texts["import_polled"].format(seconds=f"{values['poll_interval']:g}")


def _inverter(inverter: Device, name: str, texts: Texts) -> Iterator[str]:
    values = inverter.values
    yield f"**{name}**: `{_code(inverter.channel)}`"
    yield from _limits(values["rated_charge"], values["rated_discharge"], texts)
    if "prompt_interval" in values:
        yield texts["import_reply"].format(seconds=f"{values['prompt_interval']:g}")
    if "min_send_interval" in values:
        yield texts["import_gap"].format(seconds=f"{values['min_send_interval']:g}")
    yield from _scaling(values, texts)


def _bank(options: Mapping[str, Any], texts: Texts) -> Iterator[str]:
    total = _limits(options["total_charge"], options["total_discharge"], texts)
    parts = (*total, *_scaling(options, texts))
    yield f"**{texts['import_bank']}**: {', '.join(parts)}"
    if options["mqtt_enabled"]:
        yield texts["import_mqtt"].format(
            topic=_code(options["mqtt_state_topic"]),
            seconds=f"{options['mqtt_interval']:g}",
        )
    else:
        yield texts["import_no_mqtt"]


def _limits(charge: float, discharge: float, texts: Texts) -> Iterator[str]:
    yield texts["import_charge"].format(amps=f"{charge:g}")
    yield texts["import_discharge"].format(amps=f"{discharge:g}")


def _scaling(values: Mapping[str, Any], texts: Texts) -> Iterator[str]:
    factor, offset = values["current_factor"], values["current_offset"]
    if factor != 1 or offset != 0:
        scaling = f"× {factor:g}" + (f" {offset:+g} A" if offset else "")
        yield texts["import_scaling"].format(scaling=scaling)


def _row(label: str, limits: TotalLimits) -> tuple[str, ...]:
    amps = (limits.daemon, limits.sum, limits.share)
    return (label, *(f"{round(each, 1):g} A" for each in amps))


def _list(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _code(text: str) -> str:
    """Return a text from the file in a form that can be put between backticks."""
    return " ".join(text.split()).replace("`", "'")


def _plain(name: str) -> str:
    """Return a name with Markdown characters escaped."""
    return re.sub(r"([\\`*_{}\[\]<>()#+.!|~-])", r"\\\1", name)
