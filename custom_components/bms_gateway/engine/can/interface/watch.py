"""Watching an open CAN link: its carrier, and the state of its controller."""

import asyncio
from collections.abc import Callable
import contextlib
import socket
from typing import Final

from .netlink import ask_index, reports, subscribe
from .state import Link, link_of

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
        self._asked = 0
        self.answered = 0
        """The number of the last question that was answered."""

    def start(self) -> None:
        """Begin to watch."""
        # Without the kernel's reports, the looks alone tell
        with contextlib.suppress(OSError):
            self._netlink = subscribe()
            self._loop.add_reader(self._netlink, self._read)
        self._look_later()

    def look(self) -> int:
        """Ask now, again if a question is under way: its answer may be of before.

        Return the number of the question that this is.
        """
        if self._next:
            self._next.cancel()
        self._next = None
        if self._looking:
            self._look_again = True
            return self._asked + 1
        self._look()
        return self._asked

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
        self._asked += 1
        looking = self._loop.run_in_executor(None, ask_index, self._index)
        looking.add_done_callback(self._looked)

    def _looked(self, looking: asyncio.Future[bytes]) -> None:
        self._looking = False
        if looking.cancelled():
            return
        # A link that is gone ends the reading of its own socket
        error = looking.exception()
        if self._closed:
            return
        again, self._look_again = self._look_again, False
        if error is None:
            self.answered = self._asked
            self._on_look(link_of(looking.result()))
        if self._closed or self._looking:
            return
        if again:
            self._look()
        else:
            self._look_later()
