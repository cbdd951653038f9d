"""Line numbers for every value of a TOML file, for any input."""

from contextlib import suppress
import tomllib
from typing import Any

from hypothesis import assume, example, given, strategies as st
import pytest

from custom_components.bms_gateway.flows.import_daemon.file import (
    MAX_LENGTH,
    MAX_SIZE,
    Section,
    Unreadable,
    Value,
    read,
)

TRICKY = b'''\xef\xbb\xbf# line 1

top = 1 # a = 2
[mqtt] # [x]
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
[[ "bmses-in" ]]
CAN-IF = "a"\r
[[bmses-in]]
[bmses-in.sub]
CAN-IF = "c"
'''


def test_statements_are_distinguished_from_lookalikes() -> None:
    """Texts, arrays and comments may hold anything; headers may have blanks."""
    assert read(TRICKY) == [
        Section("", None, [Value("top", 1, 3)]),
        Section(
            "[mqtt]",
            4,
            [
                Value("TEXT", "[battery]\nINNER = 1\n", 5),
                Value("LIST", ["[x]", 5, {"deep": 1}], 9),
                Value("quoted key", "a # b", 13),
                Value("a", {"b": {"c": True}}, 14),
            ],
        ),
        Section("[[bmses-in]]", 15, [Value("CAN-IF", "a", 16)]),
        Section("[[bmses-in]]", 17),
        Section("[bmses-in.sub]", 18, [Value("CAN-IF", "c", 19)]),
    ]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_windows_line_ends_are_accepted(end: bytes) -> None:
    """As editors there write them."""
    _, section = read(end.join((b"a = 1", b"[b]", b"c = '''", b"'''", b"d = 2")))
    assert [(each.key, each.line) for each in section.values] == [("c", 3), ("d", 5)]


def problem(content: bytes) -> tuple[str, int | None, str]:
    """Return why a file is rejected."""
    with pytest.raises(Unreadable) as raised:
        read(content)
    return raised.value.kind, raised.value.line, raised.value.detail


def test_syntax_error_has_its_line() -> None:
    """And tomllib's message."""
    found = problem(b"[mqtt]\nA = 1\nB = yes\n")
    assert found == ("no_toml", 3, "Invalid value")


@pytest.mark.parametrize(
    "content",
    [
        b"a = " + b"9" * 5000,  # Python refuses to read a number with this many digits
        b"a = " + b"[" * 5000 + b"]" * 5000,
        b".".join([b"a"] * 2000) + b" = 1",
        b"a = 0x" + b"f" * 5000,  # it reads this number, but does not write it
    ],
)
def test_input_that_tomllib_cannot_handle_is_rejected(content: bytes) -> None:
    """With our own error, without a line."""
    kind, line, detail = problem(content)
    assert (kind, line) == ("no_toml", None)
    assert detail


@pytest.mark.parametrize("depth", range(470, 500))
def test_brackets_are_read_or_rejected_at_any_depth(depth: int) -> None:
    """Also where the whole file is read, but one statement below it no more."""
    with suppress(Unreadable):
        assert read(b"a = " + b"[" * depth + b"]" * depth)[0].values


@pytest.mark.parametrize(
    ("header", "head"),
    [
        (r'["b\u0061ttery"]', "[battery]"),
        (r'[[ "bmses\u002Din" ]]', "[[bmses-in]]"),
        ("""["'battery'"]""", "['battery']"),
        ('["a]"]', "[a]]"),
        ('[a."b c"]', "[a.b c]"),
        ("[[a.b]]", "[[a.b]]"),
    ],
)
def test_header_is_read_as_toml(header: str, head: str) -> None:
    """A limit in a quoted section counts; another section is not taken for it."""
    assert read(header.encode())[1:] == [Section(head, 1)]


def test_other_encoding_is_rejected_with_its_line() -> None:
    """As old Windows editors write umlauts."""
    content = "[mqtt]\n# Büro\n".encode("latin-1")
    assert problem(content) == ("not_utf8", 2, "")


def test_size_is_limited() -> None:
    """One byte too many is rejected, and so is one line too many of a value."""
    assert read(b"a = 1\n".ljust(MAX_SIZE, b"\n"))[0].values == [Value("a", 1, 1)]
    assert problem(b"a = 1\n".ljust(MAX_SIZE + 1, b"\n")) == ("too_large", None, "")
    longest = b"a = [" + b"\n" * (MAX_LENGTH - 1) + b"]"
    assert read(longest)[0].values == [Value("a", [], 1)]
    assert problem(longest.replace(b"]", b"\n]")) == ("too_large", 1, "")


def merged(sections: list[Section]) -> dict[str, Any]:
    """Return the values of plain sections as tomllib has them."""
    whole: dict[str, Any] = {}
    for section in sections:
        values = {each.key: each.value for each in section.values}
        name = section.head.strip("[]")
        if section.head.startswith("[["):
            whole.setdefault(name, []).append(values)
        elif name:
            whole[name] = values
        else:
            whole |= values
    return whole


@given(st.binary(max_size=200))
@example(b"")
@example(b"\xef\xbb\xbf")
def test_any_bytes_are_read_or_rejected(content: bytes) -> None:
    """And nothing else happens."""
    try:
        top, *_ = read(content)
    except Unreadable:
        return
    assert top.head == ""


FRAGMENTS = st.sampled_from(
    [
        *("[t]", "[[s]]", "[ u ]", "[['v']]", "[[w]] # [x]"),
        *("a = 1", "b = 2.0", "_b = 'x'", '"c d" = 1', "e = {f = [1, {g = 2}]}"),
        *('h = """\n[t]\na = 1\n"""', "i = [\n1,\n# x\n2]", "j = '''\n'''", "  k=1 "),
        *("# comment", "", "\t", "l = 2026-01-01", "m = [[], [1]]", "n = [{a = 1}]"),
    ]
)


@given(st.lists(FRAGMENTS, max_size=12), st.sampled_from(["\n", "\r\n"]))
def test_no_value_is_lost_and_its_line_names_its_key(
    parts: list[str], end: str
) -> None:
    """Whatever surrounds it."""
    text = end.join(parts)
    try:
        whole = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        assume(False)
    sections = read(text.encode())
    assert merged(sections) == whole
    lines = text.split("\n")
    for section in sections:
        for value in section.values:
            assert value.line
            assert value.key in lines[value.line - 1]
