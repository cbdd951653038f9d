"""Parses a bms_config.toml into blocks of values with checked types and lines."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
import math
from typing import Any, Final

from .document import Document, Place
from .notices import Notice, NoticeKind
from .schema import TABLES, TOP, Key, Kind, Table, normal

MAX_LENGTH: Final = 40
"""Characters of a value that are quoted; no more are needed to find it."""

_WRONG_KIND: Final[Mapping[Kind, NoticeKind]] = {
    Kind.NUMBER: NoticeKind.NO_NUMBER,
    Kind.YES_NO: NoticeKind.NO_YES_NO,
    Kind.TEXT: NoticeKind.NO_TEXT,
}


@dataclass(frozen=True, slots=True)
class Value:
    """The value of a key; `line` is None for a default of the daemon."""

    value: Any
    line: int | None = None
    key: str = ""
    """As written in the file."""

    def notice(self, kind: NoticeKind, *, detail: str = "") -> Notice:
        """Return a notice about this value."""
        return Notice(
            kind=kind,
            line=self.line,
            key=self.key,
            value=shown(self.value),
            detail=detail,
        )


@dataclass(frozen=True, slots=True)
class Block:
    """One table of the file: its values of the right type, by the names of the keys."""

    table: Table
    values: Mapping[str, Value]

    def get(self, name: str) -> Any:
        """Return the value of a key; None if there is none."""
        found = self.values.get(name)
        return None if found is None else found.value


def shown(value: Any) -> str:
    """Return a value in TOML syntax, shortened."""
    match value:
        case bool():
            text = str(value).lower()
        case str():
            text = f'"{" ".join(value.split())}"'
        case dict():
            text = "{ … }"
        case list():
            text = "[ … ]"
        case _:
            text = str(value)
    return text if len(text) <= MAX_LENGTH else f"{text[:MAX_LENGTH]}…"


def blocks_of(document: Document) -> tuple[tuple[Block, ...], tuple[Notice, ...]]:
    """Return the blocks of a document, and the notices in them.

    A table that may occur once is always there, with defaults if need be.
    """
    reader = _Reader(document)
    return tuple(reader.blocks()), tuple(reader.notices)


class _Reader:
    """Goes through a document once and collects notices."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self.notices: list[Notice] = []

    def blocks(self) -> Iterator[Block]:
        """Yield the keys above all tables, then the known tables in their order."""
        raw = self._document.values
        top = {key.name for key in TOP.keys}
        written = self._written(raw, (), top | TABLES.keys(), also=TABLES)
        yield self._block(TOP, (), raw, written)
        for name, table in TABLES.items():
            if (key := written.get(name)) is not None:
                yield from self._tables(table, key, raw[key])
            elif not table.several:
                yield self._block(table, (), {}, {})

    def _tables(self, table: Table, key: str, raw: Any) -> Iterator[Block]:
        inside = raw if table.several else [raw]
        if not isinstance(inside, list) or not all(isinstance(t, dict) for t in inside):
            self._notice(NoticeKind.NO_TABLE, (key,), raw, detail=table.head)
            return
        for number, each in enumerate(inside):
            place = (key, number) if table.several else (key,)
            names = {key.name for key in table.keys}
            yield self._block(table, place, each, self._written(each, place, names))

    def _written(
        self,
        raw: Mapping[str, Any],
        place: Place,
        names: Collection[str],
        also: Collection[str] = (),
    ) -> dict[str, str | None]:
        """Return how the file writes each name; None if it is probably misspelt.

        An unknown key means a lost limit or battery if it was meant to be one that is
        missing here, or a table that may occur several times (`also`).
        """
        written: dict[str, str | None] = {}
        unknown: list[str] = []
        for key in raw:
            name = normal(key)
            if name not in names:
                unknown.append(key)
            elif name in written:
                self._notice(NoticeKind.TWICE, (*place, key), raw[key])
            else:
                written[name] = key
        missing = [name for name in names if name not in written or name in also]
        for key in unknown:
            if meant := get_close_matches(normal(key), missing, n=1):
                written.setdefault(meant[0], None)
                head = TABLES[meant[0]].head if meant[0] in also else meant[0]
                self._notice(NoticeKind.MISSPELT, (*place, key), raw[key], detail=head)
            else:
                self._notice(NoticeKind.UNKNOWN, (*place, key), raw[key])
        return written

    def _block(
        self,
        table: Table,
        place: Place,
        raw: Mapping[str, Any],
        written: Mapping[str, str | None],
    ) -> Block:
        values: dict[str, Value] = {}
        for key in table.keys:
            written_key = written.get(key.name)
            if written_key is not None:
                value = self._typed(key, raw[written_key], (*place, written_key))
                if value is not None:
                    line = self._document.line(*place, written_key)
                    values[key.name] = Value(value, line, written_key)
            elif key.default is not None:
                values[key.name] = Value(key.default, key=key.name)
                if key.is_limit and key.name not in written:
                    self._notice_missing(NoticeKind.ASSUMED, table, place, key)
            elif key.required and key.name not in written:
                self._notice_missing(NoticeKind.MISSING, table, place, key)
        return Block(table, values)

    def _typed(self, key: Key, raw: Any, place: Place) -> float | str | bool | None:
        """Return a value of the key's type; None, with a notice, for another type."""
        match key.kind, raw:
            case Kind.TEXT, str() if raw.strip() or not key.required:
                return raw.strip()
            case Kind.YES_NO, bool():
                return raw
            case Kind.NUMBER, int() | float() if not isinstance(raw, bool):
                return _number(raw)
        self._notice(_WRONG_KIND[key.kind], place, raw)
        return None

    def _notice(
        self, kind: NoticeKind, place: Place, raw: Any, *, detail: str = ""
    ) -> None:
        value = Value(raw, self._document.line(*place), str(place[-1]))
        self.notices.append(value.notice(kind, detail=detail))

    def _notice_missing(
        self, kind: NoticeKind, table: Table, place: Place, key: Key
    ) -> None:
        notice = Notice(
            kind=kind,
            line=self._document.line(*place),
            key=key.name,
            value="" if key.default is None else shown(key.default),
            detail=table.head,
        )
        self.notices.append(notice)


def _number(raw: float) -> float:
    try:
        return float(raw)
    except OverflowError:  # TOML integers may be longer than a float holds
        return math.inf if raw > 0 else -math.inf
