"""A TOML document with line numbers for its values, which tomllib does not give."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
import tomllib
from typing import Any, Final

type Place = tuple[str | int, ...]
"""The path of a value: the keys and array indexes that lead to it."""

MAX_SIZE: Final = 32 * 1024
"""Bytes; eight times the daemon's example with all its comments."""
MAX_LENGTH: Final = 30
"""Lines of one statement; finding its end takes the square of that."""


class Unreadable(Exception):
    """The bytes are not TOML; `problem` is tomllib's message, or our own."""

    def __init__(self, problem: str, line: int | None = None) -> None:
        """Store the problem, and the line if it is known."""
        super().__init__(problem)
        self.problem = problem
        self.line = line


class TooLarge(Exception):
    """The file exceeds `MAX_SIZE` or `MAX_LENGTH`."""


class NotText(Exception):
    """The bytes are not UTF-8; `line` is the first such line."""

    def __init__(self, line: int) -> None:
        """Store the line."""
        super().__init__(line)
        self.line = line


@dataclass(frozen=True, slots=True)
class Document:
    """The content of a file, and the line in which each statement begins."""

    values: Mapping[str, Any]
    lines: Mapping[Place, int]

    def line(self, *place: str | int) -> int | None:
        """Return the line of the statement that gives the value at a path."""
        return self.lines.get(place)


def read(content: bytes) -> Document:
    """Read a TOML file; raise TooLarge, NotText or Unreadable."""
    if len(content) > MAX_SIZE:
        raise TooLarge
    try:
        text = content.decode("utf-8-sig")  # Windows may put a byte order mark first
    except UnicodeDecodeError as error:
        raise NotText(1 + content[: error.start].count(b"\n")) from error
    try:
        return Document(tomllib.loads(text), _lines(text))
    except tomllib.TOMLDecodeError as error:
        raise Unreadable(error.msg, error.lineno) from error
    except (ValueError, RecursionError) as error:  # thousands of digits or brackets
        raise Unreadable(str(error)) from error


def _lines(text: str) -> dict[Place, int]:
    """Return where the statement begins that first names each path, in valid TOML."""
    lines: dict[Place, int] = {}
    last: dict[Place, int] = {}
    table: Place = ()
    for line, is_header, parsed in _statements(text):
        if is_header:
            table = _open(parsed, last)
            for end in range(1, len(table) + 1):
                lines.setdefault(table[:end], line)
        else:
            for place in _places(parsed):
                lines.setdefault((*table, *place), line)
    return lines


def _statements(text: str) -> Iterator[tuple[int, bool, dict[str, Any]]]:
    """Yield each statement's first line, whether it opens a table, and its values.

    The text is valid as a whole; so from the beginning of a statement, the fewest lines
    that are valid by themselves are that statement: a value that continues over several
    lines is invalid without its end.
    """
    begin, statement = 1, ""
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        statement += f"{line}\n"
        try:
            parsed = tomllib.loads(statement)
        except tomllib.TOMLDecodeError:
            if number - begin + 1 >= MAX_LENGTH:
                raise TooLarge from None
            continue
        if parsed:
            yield begin, statement.lstrip().startswith("["), parsed
        begin, statement = number + 1, ""


def _open(header: Mapping[str, Any], last: dict[Place, int]) -> Place:
    """Return the path of the table that a header opens.

    `last`: the last table of each array of tables so far; a table whose name begins
    with that of an array belongs to its last one.
    """
    place: Place = ()
    parsed: Any = header
    while parsed:
        [(key, parsed)] = parsed.items()
        place = (*place, key)
        if isinstance(parsed, list):
            last[place] = last.get(place, -1) + 1
            [parsed] = parsed
        if place in last:
            place = (*place, last[place])
    return place


def _places(value: Any) -> Iterator[Place]:
    """Yield the path of everything inside a value."""
    inside: Iterable[tuple[str | int, Any]] = ()
    if isinstance(value, dict):
        inside = value.items()
    elif isinstance(value, list):
        inside = enumerate(value)
    for key, each in inside:
        yield (key,)
        for place in _places(each):
            yield (key, *place)
