"""A virtual bus: python-can's, with a descriptor."""

from typing import override

import can
from can.interfaces.virtual import VirtualBus, channels_lock

from .bus import Bus
from .frame_queue import FrameQueue


class VirtualLink(Bus, VirtualBus):
    """A bus inside this process, which delivers at once: its echoes are proof."""

    def __init__(self, channel: str) -> None:
        """Open the bus of this name, so that own frames come back."""
        super().__init__(channel, receive_own_messages=True)
        self._frames: FrameQueue[can.Message] = FrameQueue()
        without_descriptor, self.queue = self.queue, self._frames
        with channels_lock:
            self.channel[self.channel.index(without_descriptor)] = self.queue

    @override
    def fileno(self) -> int:
        return self._frames.fileno()

    @override
    def shutdown(self) -> None:
        super().shutdown()
        self._frames.close()
