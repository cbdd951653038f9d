"""Line numbers for every value of a TOML file, for any input."""

from collections.abc import Iterator
import tomllib
from typing import Any

from hypothesis import assume, example, given, strategies as st
import pytest

from custom_components.bms_gateway.flows.import_daemon.document import (
    MAX_LENGTH,
    MAX_SIZE,
    Document,
    NotText,
    Place,
    TooLarge,
    Unreadable,
    read,
)

TRICKY = b'''\xef\xbb\xbf# line 1

top = 1 # a = 2
[mqtt]
TEXT = """
[battery]
INNER = 1
""" # line 8
  LIST = [ # line 9
  "[x]", 5,
  { deep = 1 },
]
"quoted key" = 'a # b'
a.b.c = true
[[bmses-in]]
CAN-IF = "a"\r
[[bmses-in]]
CAN-IF = "b"
[bmses-in.sub]
CAN-IF = "c"
[[bmses-in.sub2.list]]
x = 1
[[bmses-in]]
[[bmses-in.sub2.list]]
x = 2
'''

LINES: dict[Place, int] = {
    ("top",): 3,
    ("mqtt",): 4,
    ("mqtt", "TEXT"): 5,
    ("mqtt", "LIST"): 9,
    ("mqtt", "LIST", 2, "deep"): 9,
    ("mqtt", "quoted key"): 13,
    ("mqtt", "a"): 14,
    ("mqtt", "a", "b", "c"): 14,
    ("bmses-in",): 15,
    ("bmses-in", 0): 15,
    ("bmses-in", 0, "CAN-IF"): 16,
    ("bmses-in", 1): 17,
    ("bmses-in", 1, "CAN-IF"): 18,
    ("bmses-in", 1, "sub"): 19,
    ("bmses-in", 1, "sub", "CAN-IF"): 20,
    ("bmses-in", 1, "sub2"): 21,
    ("bmses-in", 1, "sub2", "list", 0): 21,
    ("bmses-in", 1, "sub2", "list", 0, "x"): 22,
    ("bmses-in", 2): 23,
    ("bmses-in", 2, "sub2", "list", 0): 24,
    ("bmses-in", 2, "sub2", "list", 0, "x"): 25,
}


def places(value: Any) -> Iterator[Place]:
    """Yield the paths of everything inside a value."""
    inside: Any = ()
    if isinstance(value, dict | list):
        inside = value.items() if isinstance(value, dict) else enumerate(value)
    for key, each in inside:
        yield (key,)
        yield from ((key, *place) for place in places(each))


def assert_complete(document: Document) -> None:
    """Check that every value has a line, and that every line has a value."""
    assert set(document.lines) == set(places(document.values))


def test_statements_are_distinguished_from_lookalikes() -> None:
    """Texts, arrays and comments may hold anything; tables may be nested."""
    document = read(TRICKY)
    assert_complete(document)
    assert {place: document.line(*place) for place in LINES} == LINES
    assert document.line("battery") is None


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_windows_line_ends_are_accepted(end: bytes) -> None:
    """As editors there write them."""
    document = read(end.join((b"a = 1", b"[b]", b"c = '''", b"'''", b"d = 2")))
    assert [document.line("b", key) for key in "cd"] == [3, 5]


def test_syntax_error_has_its_line() -> None:
    """And tomllib's message."""
    with pytest.raises(Unreadable, match="Invalid value") as raised:
        read(b"[mqtt]\nA = 1\nB = yes\n")
    assert raised.value.line == 3


@pytest.mark.parametrize(
    "content",
    [
        b"a = " + b"9" * 5000,  # Python refuses to read a number with this many digits
        b"a = " + b"[" * 5000 + b"]" * 5000,
        b".".join([b"a"] * 2000) + b" = 1",
    ],
)
def test_input_that_tomllib_cannot_handle_is_rejected(content: bytes) -> None:
    """With our own error, without a line."""
    with pytest.raises(Unreadable) as raised:
        read(content)
    assert raised.value.line is None


def test_other_encoding_is_rejected_with_its_line() -> None:
    """As old Windows editors write umlauts."""
    with pytest.raises(NotText) as raised:
        read("[mqtt]\n# Büro\n".encode("latin-1"))
    assert raised.value.line == 2


def test_size_is_limited() -> None:
    """One byte too many is rejected, and so is one line too many of a value."""
    assert read(b"a = 1\n".ljust(MAX_SIZE, b"\n")).values == {"a": 1}
    with pytest.raises(TooLarge):
        read(b"a = 1\n".ljust(MAX_SIZE + 1, b"\n"))
    longest = b"a = [" + b"\n" * (MAX_LENGTH - 1) + b"]"
    assert read(longest).values == {"a": []}
    with pytest.raises(TooLarge):
        read(longest.replace(b"]", b"\n]"))


@given(st.binary(max_size=200))
@example(b"")
@example(b"\xef\xbb\xbf")
def test_any_bytes_are_read_or_rejected(content: bytes) -> None:
    """And nothing else happens."""
    try:
        document = read(content)
    except TooLarge, NotText, Unreadable:
        return
    assert_complete(document)


FRAGMENTS = st.sampled_from(
    [
        *("[t]", "[[s]]", "[t.u]", "[s.u]", "[[s.v]]", "[t.'u x']", "[[w.x]]"),
        *("a = 1", "a.b = 2", "_b = 'x'", '"c d" = 1', "e = {f = [1, {g = 2}]}"),
        *('h = """\n[t]\na = 1\n"""', "i = [\n1,\n# x\n2]", "j = '''\n'''", "  k=1 "),
        *("# comment", "", "\t", "l = 2026-01-01", "m = [[], [1]]", "s = [{a = 1}]"),
    ]
)


@given(st.lists(FRAGMENTS, max_size=12), st.sampled_from(["\n", "\r\n"]))
def test_line_of_a_statement_names_its_key(parts: list[str], end: str) -> None:
    """Whatever surrounds it: the line holds the last key of the path."""
    text = end.join(parts)
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        assume(False)
    document = read(text.encode())
    assert_complete(document)
    lines = text.split("\n")
    for place, line in document.lines.items():
        keys = [key for key in place if isinstance(key, str)]
        assert keys[-1] in lines[line - 1]
