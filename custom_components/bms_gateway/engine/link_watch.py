"""Watching an open CAN link: its carrier, and the state of its controller."""

import asyncio
from collections.abc import Callable
import contextlib
import socket
from typing import Final

from .link import Link, link_of
from .netlink import ask_index, reports, subscribe

LOOK_INTERVAL: Final = 1.0
"""Seconds between two questions about a link. The kernel reports a lost carrier by
itself, late by up to a second, but never a moved error counter."""
MOST_REPORTS: Final = 64
"""Messages that are read at once; the rest follows in the next turn of the loop."""


class LinkWatch:
    """Tells in the event loop what the kernel knows of one link.

    Asking may wait for another program that sets up a link, so it is done in an
    executor; the kernel's own reports are read in the loop.
    """

    def __init__(self, index: int, on_look: Callable[[Link], None]) -> None:
        """Watch the link with this index from `start` on; `on_look` comes in the loop."""
        self._index = index
        self._on_look = on_look
        self._loop = asyncio.get_running_loop()
        self._netlink: socket.socket | None = None
        self._next: asyncio.TimerHandle | None = None
        self._looking = self._look_again = self._closed = False

    def start(self) -> None:
        """Begin to watch."""
        # Without the kernel's reports, the looks alone tell
        with contextlib.suppress(OSError):
            self._netlink = subscribe()
            self._loop.add_reader(self._netlink, self._read)
        self._look_later()

    def look(self) -> None:
        """Ask now, again if a question is under way: its answer may be of before."""
        if self._next:
            self._next.cancel()
        self._next = None
        if self._looking:
            self._look_again = True
        else:
            self._look()

    @property
    def is_looking(self) -> bool:
        """Whether an answer is awaited that `look` asked for, or any other."""
        return self._looking

    def close(self) -> None:
        """Watch no more."""
        if self._closed:
            return
        self._closed = True
        if self._next:
            self._next.cancel()
        if self._netlink:
            self._loop.remove_reader(self._netlink)
            self._netlink.close()

    def _read(self) -> None:
        assert self._netlink is not None
        for _ in range(MOST_REPORTS):
            try:
                links = [link_of(each) for each in reports(self._netlink)]
            except BlockingIOError:
                return
            except OSError:
                continue  # reports were dropped: the next look tells
            for link in links:
                if link.index == self._index:
                    self._on_look(link)
                if self._closed:
                    return

    def _look_later(self) -> None:
        self._next = self._loop.call_later(LOOK_INTERVAL, self._look)

    def _look(self) -> None:
        self._looking = True
        looking = self._loop.run_in_executor(None, ask_index, self._index)
        looking.add_done_callback(self._looked)

    def _looked(self, looking: asyncio.Future[bytes]) -> None:
        self._looking = False
        if self._closed or looking.cancelled():
            return
        if self._look_again:
            self._look_again = False
            self._look()
            return
        # A link that is gone ends the reading of its own socket
        if looking.exception() is None:
            self._on_look(link_of(looking.result()))
        if not self._closed:
            self._look_later()
