"""Describes an imported bms_config.toml in Home Assistant's language, in Markdown."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
import json
import re
from typing import Any, Final

from ...const import SUBENTRY_INVERTER
from ...engine.rounding import round_down
from ..texts import Texts
from .gateway import ImportedGateway, Notice

MAX_LINES: Final = 20
"""Notices that are shown; after fixing this many, a user looks at the rest."""
MAX_QUOTED: Final = 40
"""Characters of a value that are quoted; no more are needed to find it."""
_NEUTRAL: Final = {"current_factor": 1, "current_offset": 0, "mqtt_enabled": True}
"""Values that change nothing and are not shown."""


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
    parts = [
        *zip(names, (device.values for device in gateway.devices), strict=True),
        (texts["import_bank"], gateway.options),
    ]
    return _list(
        f"**{_plain(name)}**: {', '.join(_shown(values, texts))}"
        for name, values in parts
    )


def describe_change(gateway: ImportedGateway, texts: Texts) -> str:
    """Return how the limits of several inverters change, in A; empty for one.

    The daemon sent each inverter the whole bank's limit, up to its own.
    """
    inverters = gateway.of(SUBENTRY_INVERTER)
    if len(inverters) < 2:
        return ""
    figures = {}
    for direction in ("charge", "discharge"):
        bank = gateway.options[f"total_{direction}"]
        rated = [each.values[f"rated_{direction}"] for each in inverters]
        figures[direction] = f"{round_down(min(bank, sum(rated))):g}"
        before = sum(round_down(min(bank, each)) for each in rated)
        figures[f"{direction}_before"] = f"{round(before, 1):g}"
    return texts["import_changed"].format(**figures)


def _notice(notice: Notice, texts: Texts) -> str:
    about, detail = notice.about, notice.detail
    value = json.dumps(about.value, ensure_ascii=False, default=str).removesuffix(".0")
    if len(value) > MAX_QUOTED:
        value = f"{value[:MAX_QUOTED]}…"
    text = texts[f"import_{notice.kind}"].format(
        key=_code(about.key),
        value=_code(value),
        detail=texts[detail] if notice.kind == "refused" else _code(detail),
    )
    if about.line is None:
        return text
    return texts["import_line"].format(line=about.line, text=text)


def _shown(values: Mapping[str, Any], texts: Texts) -> Iterator[str]:
    """Yield a text for each stored value; the mode shows in its interval."""
    for key, value in values.items():
        text = texts.get(f"import_{key}")
        if text and _NEUTRAL.get(key) != value:
            shown = f"{value:g}" if isinstance(value, float) else _code(str(value))
            yield text.format(value=shown)


def _list(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _code(text: str) -> str:
    """Return a text from the file in a form that can be put between backticks."""
    return " ".join(text.split()).replace("`", "'")


def _plain(name: str) -> str:
    """Return a name with Markdown characters escaped."""
    return re.sub(r"([\\`*_{}\[\]<>()#+.!|~-])", r"\\\1", name)
