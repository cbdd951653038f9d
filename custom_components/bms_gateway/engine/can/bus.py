"""A CAN bus as the gateway uses it: python-can's `BusABC`, and what its echoes prove."""

import asyncio
from collections.abc import Callable
import errno
from typing import Final

import can

from ..model import NO_CONTROLLER, Controller, Frame
from .interface.state import PortError

ERRORS: Final = (can.CanError, OSError, ValueError, AssertionError, PortError)
"""What a bus that failed raises; python-can asserts what its peers send."""

_FULL: Final = frozenset({errno.ENOBUFS, errno.EAGAIN})


class Bus(can.BusABC):
    """An open bus with a descriptor, read in the event loop by a `Reader`.

    `recv(0)` returns the oldest frame that waits, None if none does, and raises one of
    ERRORS once the bus has failed. `send` queues a frame without blocking, or raises
    one of ERRORS. `shutdown` may block.
    """

    has_echo: bool = True
    """Whether own frames come back."""
    echo_is_proof: bool = True
    """Whether an echo proves that the frame has left."""
    owns_error_frames: bool = False
    """Whether error frames can come from nothing but the controller."""
    link: str | None = None
    """The present name of the link of the configured adapter."""
    controller: Controller = NO_CONTROLLER
    """What was known of the controller when the bus was opened."""

    def begin(
        self,
        on_waiting: Callable[[], None],
        on_controller: Callable[[Controller], None],
    ) -> None:
        """Watch what the descriptor does not show; the callbacks come in the loop.

        `on_waiting`: frames can be received. `on_controller`: what the kernel reports
        of the link, where it is one. What the controller itself reports comes as error
        frames.
        """

    def end(self) -> None:
        """Watch no longer; may be called twice."""

    def doubt(self) -> None:
        """Withhold echoes until it is known whether the controller has given up."""

    async def close(self) -> None:
        """Close the bus, which is not read any longer, without blocking the loop."""
        await asyncio.get_running_loop().run_in_executor(None, self.shutdown)


def is_full(error: Exception) -> bool:
    """Return whether only the queue is full: the link is up, its peer takes nothing."""
    code = getattr(error, "error_code", None) or getattr(error, "errno", None)
    return code in _FULL or str(error) == "Transmit buffer full"


def as_message(frame: Frame) -> can.Message:
    """Return a frame to be sent as python-can has it."""
    return can.Message(
        arbitration_id=frame.can_id,
        data=frame.data,
        is_extended_id=frame.extended,
        is_remote_frame=frame.remote,
    )
