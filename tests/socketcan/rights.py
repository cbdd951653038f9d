"""Drops the right to administer networks, which a container lacks."""

from collections.abc import Iterator
from contextlib import contextmanager
import ctypes
import struct
from typing import Final

CAP_NET_ADMIN: Final = 12
"""linux/capability.h"""


@contextmanager
def without_rights() -> Iterator[None]:
    """Drop the right in this thread for the block."""
    libc = ctypes.CDLL(None)
    header = struct.pack("=Ii", 0x20080522, 0)  # version 3; this thread
    rights = ctypes.create_string_buffer(24)
    assert libc.capget(header, rights) == 0
    effective, *rest = struct.unpack("=6I", rights.raw)
    less = struct.pack("=6I", effective & ~(1 << CAP_NET_ADMIN), *rest)
    assert libc.capset(header, less) == 0
    try:
        yield
    finally:
        assert libc.capset(header, rights.raw) == 0
