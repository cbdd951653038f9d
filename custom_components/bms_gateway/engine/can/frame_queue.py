"""A queue of frames from other threads that an event loop can wait for."""

import os
import queue
from typing import Final, override

MOST_WAITING: Final = 4096
"""Frames kept for a blocked event loop; the oldest are dropped first."""


class FrameQueue[T](queue.Queue[T]):
    """A queue with a descriptor that is readable exactly while something waits.

    Frames that a thread hands to the loop one by one (`call_soon_threadsafe`) are
    invisible until the loop runs its callbacks: a timer that comes first would evaluate
    without them. These can be taken at any moment.
    """

    def __init__(self) -> None:
        """Open the descriptor; `close` closes it."""
        super().__init__()
        self._descriptor = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def fileno(self) -> int:
        """Return the descriptor, -1 when it is closed."""
        return self._descriptor

    def close(self) -> None:
        """Close the descriptor; threads may still put something in."""
        with self.mutex:
            if self._descriptor >= 0:
                os.close(self._descriptor)
            self._descriptor = -1

    # Called by `queue.Queue` with its lock held

    @override
    def _put(self, item: T) -> None:
        if not self._qsize() and self._descriptor >= 0:
            os.eventfd_write(self._descriptor, 1)
        if self._qsize() == MOST_WAITING:
            super()._get()
        super()._put(item)

    @override
    def _get(self) -> T:
        item = super()._get()
        if not self._qsize() and self._descriptor >= 0:
            os.eventfd_read(self._descriptor)
        return item
