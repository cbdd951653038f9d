"""A virtual bus: python-can's, with a descriptor."""

from queue import Queue
from typing import override

import can
from can.interfaces.virtual import VirtualBus

from .bus import Bus
from .frame_queue import FrameQueue


class VirtualLink(Bus, VirtualBus):
    """A bus inside this process, which delivers at once: its echoes are proof."""

    def __init__(self, channel: str) -> None:
        """Open the bus of this name, so that own frames come back."""
        self._frames: FrameQueue[can.Message] = FrameQueue()
        super().__init__(channel, receive_own_messages=True)

    @property  # type: ignore[explicit-override] # mypy knows it for methods alone
    @override
    def queue(self) -> Queue[can.Message]:
        """What other nodes of the bus deliver to, from the first moment on."""
        return self._frames

    @queue.setter
    @override
    def queue(self, without_descriptor: Queue[can.Message]) -> None:
        """Keep ours: what a node delivers to another one is lost if that is replaced."""

    @override
    def fileno(self) -> int:
        return self._frames.fileno()

    @override
    def shutdown(self) -> None:
        super().shutdown()
        self._frames.close()
