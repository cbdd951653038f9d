"""A TOML document whose values know their lines, which tomllib does not tell."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
import tomllib
from typing import Any, Final

type Place = tuple[str | int, ...]
"""Where a value is: the keys and the places in arrays that lead to it."""

LARGEST: Final = 32 * 1024
"""Bytes; eight times what the daemon brings with all its comments."""
LONGEST: Final = 30
"""Lines of one statement; finding its end takes the square of that."""


class Unreadable(Exception):
    """The bytes are no TOML; `problem` is tomllib's own words, or what we call it."""

    def __init__(self, problem: str, line: int | None = None) -> None:
        """Say what is wrong, in which line if that can be told."""
        super().__init__(problem)
        self.problem = problem
        self.line = line


class TooLarge(Exception):
    """There is more than `LARGEST` or `LONGEST` allow."""


class NotText(Exception):
    """The bytes are not UTF-8, for the first time in this line."""

    def __init__(self, line: int) -> None:
        """Say where."""
        super().__init__(line)
        self.line = line


@dataclass(frozen=True, slots=True)
class Document:
    """What a file says, and in which line each statement of it begins."""

    values: Mapping[str, Any]
    lines: Mapping[Place, int]

    def line(self, *place: str | int) -> int | None:
        """Return the line of the statement that gives the value at a place."""
        return self.lines.get(place)


def read(content: bytes) -> Document:
    """Read a TOML file; raise TooLarge, NotText or Unreadable."""
    if len(content) > LARGEST:
        raise TooLarge
    try:
        text = content.decode("utf-8-sig")  # Windows likes to begin with a mark
    except UnicodeDecodeError as error:
        raise NotText(1 + content[: error.start].count(b"\n")) from error
    try:
        return Document(tomllib.loads(text), _lines(text))
    except tomllib.TOMLDecodeError as error:
        raise Unreadable(error.msg, error.lineno) from error
    except (ValueError, RecursionError) as error:  # thousands of digits or brackets
        raise Unreadable(str(error)) from error


def _lines(text: str) -> dict[Place, int]:
    """Return where the statement begins that first names each place, in valid TOML."""
    lines: dict[Place, int] = {}
    last: dict[Place, int] = {}
    table: Place = ()
    for line, is_header, said in _statements(text):
        if is_header:
            table = _open(said, last)
            for end in range(1, len(table) + 1):
                lines.setdefault(table[:end], line)
        else:
            for place in _places(said):
                lines.setdefault((*table, *place), line)
    return lines


def _statements(text: str) -> Iterator[tuple[int, bool, dict[str, Any]]]:
    """Yield each statement's first line, whether it opens a table, and what it says.

    The text is valid as a whole; so from where one statement begins, the fewest lines
    that are valid by themselves are that statement: a value that goes on over several
    lines is invalid without its end.
    """
    begin, statement = 1, ""
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        statement += f"{line}\n"
        try:
            said = tomllib.loads(statement)
        except tomllib.TOMLDecodeError:
            if number - begin + 1 >= LONGEST:
                raise TooLarge from None
            continue
        if said:
            yield begin, statement.lstrip().startswith("["), said
        begin, statement = number + 1, ""


def _open(header: Mapping[str, Any], last: dict[Place, int]) -> Place:
    """Return the place of the table that a header opens.

    `last`: the last table of each array of tables so far; a table whose name begins
    with that of an array belongs to its last one.
    """
    place: Place = ()
    said: Any = header
    while said:
        [(key, said)] = said.items()
        place = (*place, key)
        if isinstance(said, list):
            last[place] = last.get(place, -1) + 1
            [said] = said
        if place in last:
            place = (*place, last[place])
    return place


def _places(value: Any) -> Iterator[Place]:
    """Yield the place of everything inside a value."""
    inside: Iterable[tuple[str | int, Any]] = ()
    if isinstance(value, dict):
        inside = value.items()
    elif isinstance(value, list):
        inside = enumerate(value)
    for key, each in inside:
        yield (key,)
        for place in _places(each):
            yield (key, *place)
