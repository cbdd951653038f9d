"""The byte stream to an adapter; with a real terminal: slcan/test_adapter.py."""

from collections.abc import Iterator
from contextlib import suppress
import os

import pytest

from custom_components.bms_gateway.engine.can.stream import Stream


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Return the two ends of a stream: to read, without blocking, and to write."""
    ends = os.pipe()
    os.set_blocking(ends[0], False)
    yield ends
    for end in ends:
        with suppress(OSError):
            os.close(end)


def test_nothing_is_read_where_nothing_came(pipe: tuple[int, int]) -> None:
    """As after a wake-up to send: it is no end of the stream."""
    stream = Stream(pipe[0], wake=-1)
    assert stream.read() == b""
    os.write(pipe[1], b"z\r")
    assert stream.read() == b"z\r"


def test_end_of_the_stream_is_an_error(pipe: tuple[int, int]) -> None:
    """The adapter was unplugged."""
    os.close(pipe[1])
    with pytest.raises(OSError, match="ended"):
        Stream(pipe[0], wake=-1).read()
