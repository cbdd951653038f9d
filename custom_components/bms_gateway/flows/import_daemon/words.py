"""What was read in a bms_config.toml, told in Home Assistant's language and Markdown."""

from collections.abc import Iterator, Mapping, Sequence
import re
from typing import Any, Final

from ...engine.model import Direction
from .contract import Part
from .figures import STRONG, WEAK, Told, example, most
from .remarks import About, Remark
from .understand import Device, Understood

type Texts = Mapping[str, str]
"""Texts by the last part of their keys; those used here begin with `original_`."""

MOST_LINES: Final = 20
"""Remarks that are shown; whoever has mended so many looks at the rest."""


def list_remarks(head: str, remarks: Sequence[Remark], texts: Texts) -> str:
    """Return remarks as a list under the text `head`; nothing where there are none."""
    if not remarks:
        return ""
    told = [_remark(remark, texts) for remark in remarks[:MOST_LINES]]
    if more := len(remarks) - len(told):
        told.append(texts["import_more"].format(count=more))
    return f"{texts[head]}\n\n{_list(told)}"


def describe(gateway: Understood, names: Sequence[str], texts: Texts) -> str:
    """Return what would be set up. `names`: those of the devices, in their order."""
    named = list(zip(gateway.devices, map(_plain, names), strict=True))
    tell = {Part.BATTERY: _battery, Part.INVERTER: _inverter}
    told = [", ".join(tell[device.part](device, name, texts)) for device, name in named]
    return _list([*told, *_bank(gateway.options, texts)])


def compare(gateway: Understood, names: Sequence[str], texts: Texts) -> str:
    """Return what the inverters were told and will be told; without any, nothing."""
    if not gateway.of(Part.INVERTER):
        return ""
    shown = example(gateway)
    weak = _plain(names[shown.battery])  # batteries stand before inverters
    rows = [
        (texts["import_most_charge"], most(gateway, Direction.CHARGE)),
        (texts["import_most_discharge"], most(gateway, Direction.DISCHARGE)),
    ]
    parts = [texts["import_before"]]
    if len(gateway.of(Part.BATTERY)) > 1:
        rows += [
            (texts["import_example_sent"], shown.told),
            (texts["import_example_carries"].format(name=weak), shown.carries),
        ]
        parts.append(
            texts["import_example"].format(
                name=weak, weak=f"{WEAK:g}", strong=f"{STRONG:g}"
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


def _remark(remark: Remark, texts: Texts) -> str:
    refused = remark.about is About.REFUSED
    text = texts[f"import_{remark.about}"].format(
        key=_code(remark.key),
        value=_code(remark.value),
        detail=texts[remark.detail] if refused else _code(remark.detail),
    )
    if remark.line is None:
        return text
    return texts["import_line"].format(line=remark.line, text=text)


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
    told = (*total, *_scaling(options, texts))
    yield f"**{texts['import_bank']}**: {', '.join(told)}"
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
        told = f"× {factor:g}" + (f" {offset:+g} A" if offset else "")
        yield texts["import_scaling"].format(scaling=told)


def _row(label: str, told: Told) -> tuple[str, ...]:
    amps = (told.daemon, told.sum, told.share)
    return (label, *(f"{round(each, 1):g} A" for each in amps))


def _list(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _code(text: str) -> str:
    """Return a text from the file as it may stand between backticks."""
    return " ".join(text.split()).replace("`", "'")


def _plain(name: str) -> str:
    """Return a name without any meaning in Markdown."""
    return re.sub(r"([\\`*_{}\[\]<>()#+.!|~-])", r"\\\1", name)
