"""Watching a link: which answer counts; the real kernel's: socketcan/test_controller.py."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
import gc
import queue
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
    """Answers one question for each time that it is told to."""

    def __init__(self) -> None:
        """Have nothing to say yet."""
        self.answers = queue.Queue[bytes | OSError]()

    def query(self, index: int) -> bytes:
        """Wait for what to answer."""
        assert index == INDEX
        answer = self.answers.get(timeout=PATIENCE)
        if isinstance(answer, OSError):
            raise answer
        return answer


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    """Return a kernel that answers when it is told to."""
    kernel = Kernel()
    monkeypatch.setattr(watch, "query_index", kernel.query)
    return kernel


@contextmanager
def watching(looks: list[Link]) -> Iterator[LinkWatch]:
    """Watch a link, without the kernel's own reports."""
    watch = LinkWatch(INDEX, looks.append)
    try:
        yield watch
    finally:
        watch.close()


async def test_answer_counts_though_it_was_asked_again_meanwhile(
    kernel: Kernel,
) -> None:
    """Else nothing would ever be known on a link where doubts come all the time."""
    looks: list[Link] = []
    with watching(looks) as watch:
        assert watch.query() == 1
        assert (watch.query(), watch.query()) == (2, 2)
        kernel.answers.put(ANSWER)
        await until(lambda: watch.answered == 1)
        assert len(looks) == 1
        assert watch.query() == 3
        kernel.answers.put(ANSWER)
        await until(lambda: watch.answered == 2)
        kernel.answers.put(ANSWER)
        await until(lambda: watch.answered == 3)
        assert len(looks) == 3


async def test_question_that_failed_is_not_answered(kernel: Kernel) -> None:
    """The one after it is."""
    looks: list[Link] = []
    with watching(looks) as watch:
        watch.query()
        watch.query()
        kernel.answers.put(OSError())
        kernel.answers.put(ANSWER)
        await until(lambda: watch.answered == 2)
        assert len(looks) == 1


async def test_link_that_goes_while_it_is_asked_for_leaves_no_complaint(
    kernel: Kernel,
) -> None:
    """An adapter is unplugged, and its port closed before the answer comes."""
    complaints: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, complaint: complaints.append(complaint))
    with watching([]) as watch:
        watch.query()
    kernel.answers.put(OSError())
    del watch
    await loop.shutdown_default_executor()
    await asyncio.sleep(0)
    gc.collect()
    assert complaints == []
