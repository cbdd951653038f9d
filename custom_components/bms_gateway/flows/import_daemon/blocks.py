"""Parses a bms_config.toml into blocks of values with checked types and lines."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
import math
from typing import Any, Final

from .contract import TABLES, TOP, Key, Kind, Table, normal
from .document import Document, Place
from .remarks import About, Remark

LONGEST: Final = 40
"""Characters of a value that are quoted; no more are needed to find it."""

_WRONG_KIND: Final[Mapping[Kind, About]] = {
    Kind.NUMBER: About.NO_NUMBER,
    Kind.YES_NO: About.NO_YES_NO,
    Kind.TEXT: About.NO_TEXT,
}


@dataclass(frozen=True, slots=True)
class Value:
    """The value of a key; `line` is None for a default of the daemon."""

    value: Any
    line: int | None = None
    key: str = ""
    """As written in the file."""

    def remark(self, about: About, *, detail: str = "") -> Remark:
        """Return a finding about this value."""
        return Remark(
            about=about,
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
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def blocks_of(document: Document) -> tuple[tuple[Block, ...], tuple[Remark, ...]]:
    """Return the blocks of a document, and the findings in them.

    A table that may occur once is always there, with defaults if need be.
    """
    reader = _Reader(document)
    return tuple(reader.blocks()), tuple(reader.remarks)


class _Reader:
    """Goes through a document once and collects findings."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self.remarks: list[Remark] = []

    def blocks(self) -> Iterator[Block]:
        """Yield the keys above all tables, then the known tables in their order."""
        said = self._document.values
        top = {key.name for key in TOP.keys}
        written = self._written(said, (), top | TABLES.keys(), also=TABLES)
        yield self._block(TOP, (), said, written)
        for name, table in TABLES.items():
            if (key := written.get(name)) is not None:
                yield from self._tables(table, key, said[key])
            elif not table.several:
                yield self._block(table, (), {}, {})

    def _tables(self, table: Table, key: str, said: Any) -> Iterator[Block]:
        inside = said if table.several else [said]
        if not isinstance(inside, list) or not all(isinstance(t, dict) for t in inside):
            self._remark(About.NO_TABLE, (key,), said, detail=table.head)
            return
        for number, each in enumerate(inside):
            place = (key, number) if table.several else (key,)
            names = {key.name for key in table.keys}
            yield self._block(table, place, each, self._written(each, place, names))

    def _written(
        self,
        said: Mapping[str, Any],
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
        for key in said:
            name = normal(key)
            if name not in names:
                unknown.append(key)
            elif name in written:
                self._remark(About.TWICE, (*place, key), said[key])
            else:
                written[name] = key
        missing = [name for name in names if name not in written or name in also]
        for key in unknown:
            if meant := get_close_matches(normal(key), missing, n=1):
                written.setdefault(meant[0], None)
                head = TABLES[meant[0]].head if meant[0] in also else meant[0]
                self._remark(About.MISSPELT, (*place, key), said[key], detail=head)
            else:
                self._remark(About.UNKNOWN, (*place, key), said[key])
        return written

    def _block(
        self,
        table: Table,
        place: Place,
        said: Mapping[str, Any],
        written: Mapping[str, str | None],
    ) -> Block:
        values: dict[str, Value] = {}
        for key in table.keys:
            spelt = written.get(key.name)
            if spelt is not None:
                value = self._typed(key, said[spelt], (*place, spelt))
                if value is not None:
                    line = self._document.line(*place, spelt)
                    values[key.name] = Value(value, line, spelt)
            elif key.default is not None:
                values[key.name] = Value(key.default, key=key.name)
                if key.is_limit and key.name not in written:
                    self._remark_missing(About.ASSUMED, table, place, key)
            elif key.required and key.name not in written:
                self._remark_missing(About.MISSING, table, place, key)
        return Block(table, values)

    def _typed(self, key: Key, said: Any, place: Place) -> float | str | bool | None:
        """Return a value of the key's type; None, with a finding, for another type."""
        match key.kind, said:
            case Kind.TEXT, str() if said.strip() or not key.required:
                return said.strip()
            case Kind.YES_NO, bool():
                return said
            case Kind.NUMBER, int() | float() if not isinstance(said, bool):
                return _number(said)
        self._remark(_WRONG_KIND[key.kind], place, said)
        return None

    def _remark(
        self, about: About, place: Place, said: Any, *, detail: str = ""
    ) -> None:
        value = Value(said, self._document.line(*place), str(place[-1]))
        self.remarks.append(value.remark(about, detail=detail))

    def _remark_missing(
        self, about: About, table: Table, place: Place, key: Key
    ) -> None:
        remark = Remark(
            about=about,
            line=self._document.line(*place),
            key=key.name,
            value="" if key.default is None else shown(key.default),
            detail=table.head,
        )
        self.remarks.append(remark)


def _number(said: float) -> float:
    try:
        return float(said)
    except OverflowError:  # TOML integers may be longer than a float holds
        return math.inf if said > 0 else -math.inf
