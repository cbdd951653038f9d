"""Reads a TOML file into sections whose values have lines, which tomllib lacks."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
import tomllib
from typing import Any, Final

MAX_SIZE: Final = 32 * 1024
"""Bytes; eight times the daemon's example with all its comments."""
MAX_LENGTH: Final = 30
"""Lines of one statement; finding its end takes the square of that."""


class Unreadable(Exception):
    """The file is not TOML; `kind` is that of the notice, `detail` tomllib's text."""

    def __init__(self, kind: str, line: int | None = None, detail: str = "") -> None:
        """Store the problem, and the line if it is known."""
        super().__init__(kind, detail)
        self.kind = kind
        self.line = line
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Value:
    """A value with its key as written, and the line in which its statement begins."""

    key: str
    value: Any = ""
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """A header with its brackets, "" above the first one, and the values below it."""

    head: str = ""
    line: int | None = None
    values: list[Value] = field(default_factory=list)


def read(content: bytes) -> list[Section]:
    """Return the sections in the order of the file; raise Unreadable."""
    if len(content) > MAX_SIZE:
        raise Unreadable("too_large")
    try:
        text = content.decode("utf-8-sig")  # Windows may put a byte order mark first
        tomllib.loads(text)
        return _sections(text)
    except UnicodeDecodeError as error:
        line = 1 + content[: error.start].count(b"\n")
        raise Unreadable("not_utf8", line) from error
    except tomllib.TOMLDecodeError as error:
        raise Unreadable("no_toml", error.lineno, error.msg) from error
    except (ValueError, RecursionError) as error:  # thousands of digits or brackets
        raise Unreadable("no_toml", detail=str(error)) from error


def _sections(text: str) -> list[Section]:
    """Return the sections of valid TOML; ValueError if a value cannot be quoted."""
    sections = [Section()]
    for line, statement, parsed in _statements(text):
        if statement.lstrip().startswith("["):
            sections.append(Section(_head(parsed), line))
        else:
            str(parsed)  # a hexadecimal number may have too many digits for that
            sections[-1].values.extend(Value(*item, line) for item in parsed.items())
    return sections


def _head(header: Mapping[str, Any]) -> str:
    """Return a parsed header with its brackets: it may be quoted, with escapes."""
    names: list[str] = []
    while header:
        [(name, inside)] = header.items()
        names.append(name)
        if isinstance(inside, list):
            return f"[[{'.'.join(names)}]]"
        header = inside
    return f"[{'.'.join(names)}]"


def _statements(text: str) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Yield each statement with its first line before it, and its values after it.

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
                raise Unreadable("too_large", begin) from None
            continue
        yield begin, statement, parsed
        begin, statement = number + 1, ""
