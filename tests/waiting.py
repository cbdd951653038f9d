"""Waiting for what another thread, process or kernel does: looked at until it is so."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
import inspect
import time
from typing import Final

PATIENCE: Final = 60.0
"""Seconds after which a test gives up on what should come at once, on a machine that is
busy with others' work."""
LOOK_AGAIN: Final = 0.01
"""Seconds between two looks where nothing tells of news."""

type What = str | Callable[[], str]
"""What is waited for, in words; a function words it once it was in vain."""


def wait_until[T](
    look: Callable[[], T | None], what: What = "", patience: float = PATIENCE
) -> T:
    """Look again and again until there is something, and return it.

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
    """Look again and again until there is something, and return it.

    `news`: set by who knows that something has changed; then it is looked at once.
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
    """Tell what was waited for, and what the last look gave."""
    told = what if isinstance(what, str) else what()
    return f"Waited in vain: {told or _source(look)}; at last: {last!r}"


def _source(look: Callable[[], object]) -> str:
    """Return the lines that say what was looked for."""
    try:
        return " ".join(inspect.getsource(look).split())
    except OSError, TypeError:
        return repr(look)
