"""Watching a link: which answer counts; on a real kernel: socketcan/test_controller.py."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
import errno
import gc
import queue
import socket
import struct
from typing import Any

import pytest

from custom_components.bms_gateway.engine.can.interface import watch
from custom_components.bms_gateway.engine.can.interface.state import Link
from custom_components.bms_gateway.engine.can.interface.watch import LinkWatch

from ....waiting import PATIENCE, until

ANSWER = struct.pack("=BxHiII", 0, 280, 7, 1, 0)
"""struct ifinfomsg: a CAN link (ARPHRD_CAN), index 7, up."""
INDEX = 7


class Kernel:
    """Answers one query for each answer that the test provides."""

    def __init__(self) -> None:
        """Start without answers."""
        self.answers = queue.Queue[bytes | OSError]()

    def query(self, index: int) -> bytes:
        """Wait for an answer of the test, and return it."""
        assert index == INDEX
        answer = self.answers.get(timeout=PATIENCE)
        if isinstance(answer, OSError):
            raise answer
        return answer


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    """Return a kernel that answers when the test provides an answer."""
    kernel = Kernel()
    monkeypatch.setattr(watch, "query_index", kernel.query)
    return kernel


@contextmanager
def watching(links: list[Link]) -> Iterator[LinkWatch]:
    """Watch a link, without the kernel's own reports."""
    watch = LinkWatch(INDEX, links.append)
    try:
        yield watch
    finally:
        watch.close()


async def test_answer_counts_despite_a_newer_query(
    kernel: Kernel,
) -> None:
    """Otherwise nothing would be known on a link that is queried all the time."""
    links: list[Link] = []
    with watching(links) as watch:
        assert watch.query() == 1
        assert (watch.query(), watch.query()) == (2, 2)
        kernel.answers.put(ANSWER)
        await until(lambda: watch.answered == 1)
        assert len(links) == 1
        assert watch.query() == 3
        kernel.answers.put(ANSWER)
        await until(lambda: watch.answered == 2)
        kernel.answers.put(ANSWER)
        await until(lambda: watch.answered == 3)
        assert len(links) == 3


async def test_query_that_failed_is_not_answered(kernel: Kernel) -> None:
    """The next one is."""
    links: list[Link] = []
    with watching(links) as watch:
        watch.query()
        watch.query()
        kernel.answers.put(OSError())
        kernel.answers.put(ANSWER)
        await until(lambda: watch.answered == 2)
        assert len(links) == 1


async def test_link_that_vanishes_during_a_query_causes_no_exception(
    kernel: Kernel,
) -> None:
    """An adapter is unplugged, and its port is closed before the answer comes."""
    exceptions: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: exceptions.append(context))
    with watching([]) as watch:
        watch.query()
    kernel.answers.put(OSError())
    del watch
    await loop.shutdown_default_executor()
    await asyncio.sleep(0)
    gc.collect()
    assert exceptions == []


async def test_reports_after_dropped_ones_are_read(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel drops some where many links change at once."""
    links: list[Link] = []
    ours, kernels = socket.socketpair()
    received: list[list[bytes] | OSError] = [
        OSError(errno.ENOBUFS, "No buffer space available"),
        [ANSWER],
        BlockingIOError(),
    ]

    def reports(netlink: socket.socket) -> list[bytes]:
        netlink.recv(1)
        report = received.pop(0)
        if isinstance(report, OSError):
            raise report
        return report

    monkeypatch.setattr(watch, "subscribe", lambda: ours)
    monkeypatch.setattr(watch, "reports", reports)
    with kernels, watching(links) as watched:
        watched.start()
        kernels.send(bytes(3))
        await until(lambda: not received)
    assert [link.index for link in links] == [INDEX]


async def test_queries_suffice_without_the_kernels_reports(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a container may not subscribe to them."""

    def subscribe() -> socket.socket:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    links: list[Link] = []
    monkeypatch.setattr(watch, "subscribe", subscribe)
    with watching(links) as watched:
        watched.start()
        watched.query()
        kernel.answers.put(ANSWER)
        await until(lambda: watched.answered == 1)
    assert len(links) == 1
