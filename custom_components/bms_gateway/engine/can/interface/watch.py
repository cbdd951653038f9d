"""Watches an open CAN link: its carrier, and the state of its controller."""

import asyncio
from collections.abc import Callable
import contextlib
import socket
from typing import Final

from .netlink import query_index, reports, subscribe
from .state import Link, link_of

QUERY_INTERVAL: Final = 1.0
"""Seconds between two queries of a link. The kernel reports a lost carrier unasked, up
to a second late, but never a changed error counter."""
MOST_REPORTS: Final = 64
"""Messages read at once; the rest follows in the next turn of the loop."""


class LinkWatch:
    """Reports in the event loop what the kernel knows of one link.

    A query may wait for another program that sets up a link, so it runs in an executor;
    the kernel's own reports are read in the loop.
    """

    def __init__(self, index: int, on_link: Callable[[Link], None]) -> None:
        """Watch the link with this index after `start`; `on_link` runs in the loop."""
        self._index = index
        self._on_link = on_link
        self._loop = asyncio.get_running_loop()
        self._netlink: socket.socket | None = None
        self._next: asyncio.TimerHandle | None = None
        self._querying = self._query_again = self._closed = False
        self._queries = 0
        self.answered = 0
        """The number of the last query that was answered."""

    def start(self) -> None:
        """Start watching."""
        # Without the kernel's reports, the queries suffice
        with contextlib.suppress(OSError):
            self._netlink = subscribe()
            self._loop.add_reader(self._netlink, self._read)
        self._query_later()

    def query(self) -> int:
        """Query now, and again after one that is running: its answer may be outdated.

        Return the number of this query.
        """
        if self._next:
            self._next.cancel()
        self._next = None
        if self._querying:
            self._query_again = True
            return self._queries + 1
        self._query()
        return self._queries

    def close(self) -> None:
        """Stop watching."""
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
                continue  # reports were dropped: the next query catches up
            for link in links:
                if link.index == self._index:
                    self._on_link(link)
                if self._closed:
                    return

    def _query_later(self) -> None:
        self._next = self._loop.call_later(QUERY_INTERVAL, self._query)

    def _query(self) -> None:
        self._querying = True
        self._queries += 1
        answer = self._loop.run_in_executor(None, query_index, self._index)
        answer.add_done_callback(self._on_answer)

    def _on_answer(self, answer: asyncio.Future[bytes]) -> None:
        self._querying = False
        if answer.cancelled():
            return
        # A link that is gone makes the reading of its own socket fail
        error = answer.exception()
        if self._closed:
            return
        again, self._query_again = self._query_again, False
        if error is None:
            self.answered = self._queries
            self._on_link(link_of(answer.result()))
        if self._closed or self._querying:
            return
        if again:
            self._query()
        else:
            self._query_later()
