"""Reduces data to its keys: sorted, without ids and values, so that diffs are short."""

from collections.abc import Callable, Hashable, Iterable, Mapping
import json
import re
import string
from typing import Any, Final

_IDS: Final = (
    (re.compile(r"(?<![^\W_])gw(?![^\W_])"), "<entry>"),
    (re.compile(r"(?<![^\W_])b[12](?![^\W_])"), "<battery>"),
    (re.compile(r"(?<![^\W_])i[12](?![^\W_])"), "<inverter>"),
    (re.compile(r"\b[0-9A-Z]{26}\b"), "<entry>"),
    (re.compile(r"^[0-9A-F]{3}( T)?$"), r"<frame>\1"),
)
"""Ids of `house.py`, of other entries and of CAN frames."""
_LINE: Final = 80
"""Characters; longer lists of keys are written one a line."""

type Leaf = Callable[[str, Any], str]


def without_ids(text: str) -> str:
    """Return a text with placeholders for the ids of devices and frames."""
    for pattern, placeholder in _IDS:
        text = pattern.sub(placeholder, text)
    return text


def compact(value: Any) -> str:
    """Return a value on one line, without quotation marks that JSON would escape."""
    return json.dumps(value, sort_keys=True, default=str).replace('"', "'")


def merged(items: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return items by key without ids; equal values become one, others get a number."""
    found: dict[str, list[Any]] = {}
    for key, value in items:
        values = found.setdefault(without_ids(key), [])
        if value not in values:
            values.append(value)
    return {
        key if place == 1 else f"{key} ({place})": value
        for key, values in sorted(found.items())
        for place, value in enumerate(sorted(values, key=json.dumps), start=1)
    }


def key_alone(key: str, _: Any) -> str:
    """Describe a value by its key."""
    return key


def key_and_type(key: str, value: Any) -> str:
    """Describe a value by its key and its JSON type."""
    match value:
        case None | bool():
            kind = "null" if value is None else "boolean"
        case int() | float():
            kind = "number"
        case str():
            kind = "text"
        case _:
            kind = "empty"
    return f"{key}: {kind}" if key else kind


def key_and_placeholders(key: str, text: str) -> str:
    """Describe a text by its key and its placeholders."""
    names = {name for _, name, _, _ in string.Formatter().parse(text) if name}
    return f"{key} {{{', '.join(sorted(names))}}}" if names else key


def outline(tree: Any, leaf: Leaf = key_alone) -> dict[str, str | list[str]]:
    """Return the keys of a tree by the path of their parent; lists count as one item."""
    found: dict[str, set[str]] = {}
    _collect(tree, "", leaf, found)
    return {path or ".": _listed(keys) for path, keys in sorted(found.items())}


def names(values: Iterable[Hashable]) -> str | list[str]:
    """Return different values in order, on one line if they fit."""
    return _listed({without_ids(str(value)) for value in values})


def _collect(tree: Any, path: str, leaf: Leaf, found: dict[str, set[str]]) -> None:
    items: Iterable[tuple[str, Any]]
    if isinstance(tree, Mapping):
        items = ((without_ids(str(key)), value) for key, value in tree.items())
    else:
        items = (("", value) for value in tree)
        path += "[]"
    for key, value in items:
        if isinstance(value, Mapping | list | tuple) and value:
            _collect(value, f"{path}.{key}".strip("."), leaf, found)
        else:
            found.setdefault(path, set()).add(leaf(key, value))


def _listed(values: set[str]) -> str | list[str]:
    listed = sorted(values)
    line = ", ".join(listed)
    return line if len(line) <= _LINE else listed
