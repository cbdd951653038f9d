"""Waiting for another thread, process or kernel by polling a condition."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
import inspect
import time
from typing import Final

PATIENCE: Final = 60.0
"""Seconds after which a test gives up on something that should come at once, on a busy
machine."""
LOOK_AGAIN: Final = 0.01
"""Seconds between two checks where nothing signals a change."""

type What = str | Callable[[], str]
"""The awaited condition in words; a function is called only after a failure."""


def wait_until[T](
    look: Callable[[], T | None], what: What = "", patience: float = PATIENCE
) -> T:
    """Check repeatedly until there is a result, and return it.

    It holds the event loop, if there is one.
    """
    end = time.monotonic() + patience
    while not (found := look()):
        if time.monotonic() > end:
            raise AssertionError(_in_vain(look, what, found))
        time.sleep(LOOK_AGAIN)
    return found


async def until[T](
    look: Callable[[], T | None],
    what: What = "",
    *,
    news: asyncio.Event | None = None,
    patience: float = PATIENCE,
) -> T:
    """Check repeatedly until there is a result, and return it.

    `news`: an event that signals a change, which is then checked at once.
    """
    news = news or asyncio.Event()
    loop = asyncio.get_running_loop()
    end = loop.time() + patience
    while not (found := look()):
        if loop.time() > end:
            raise AssertionError(_in_vain(look, what, found))
        news.clear()
        # Not asyncio.sleep: some tests move time by it
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_AGAIN):
                await news.wait()
    return found


def _in_vain(look: Callable[[], object], what: What, last: object) -> str:
    """Describe the awaited condition, and the result of the last check."""
    expected = what if isinstance(what, str) else what()
    return f"Waited in vain: {expected or _source(look)}; at last: {last!r}"


def _source(look: Callable[[], object]) -> str:
    """Return the source lines of the condition."""
    try:
        return " ".join(inspect.getsource(look).split())
    except OSError, TypeError:
        return repr(look)
