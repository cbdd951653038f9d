"""What a test of a port leaves behind: no open bus, no thread."""

from collections.abc import Iterator
import threading

from can.interfaces import virtual
import pytest


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """Leave no open bus and no reader thread behind."""
    yield
    assert not virtual.channels
    assert not [t for t in threading.enumerate() if t.name.startswith("Notifier")]
