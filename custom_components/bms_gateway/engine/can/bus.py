"""A CAN bus of the gateway: python-can's `BusABC` plus what its echoes prove."""

import asyncio
from collections.abc import Callable
import errno
from typing import Final

import can

from ..model import NO_CONTROLLER, Controller, Frame
from .interface.state import PortError

ERRORS: Final = (can.CanError, OSError, ValueError, AssertionError, PortError)
"""Exceptions of a failed bus; python-can checks with `assert` what its peers send."""

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
    """Whether all error frames come from the controller, none from other programs."""
    link: str | None = None
    """The present name of the link of the configured adapter."""
    controller: Controller = NO_CONTROLLER
    """The state of the controller when the bus was opened."""

    def begin(
        self,
        on_waiting: Callable[[], None],
        on_controller: Callable[[Controller], None],
    ) -> None:
        """Watch what the descriptor does not show; the callbacks run in the loop.

        `on_waiting`: frames can be received. `on_controller`: what the kernel reports
        of a link. What the controller itself reports arrives as error frames.
        """

    def end(self) -> None:
        """Stop watching; may be called twice."""

    def doubt(self) -> None:
        """Withhold echoes until it is known whether the controller is bus-off."""

    async def close(self) -> None:
        """Close the bus, after reading has stopped, without blocking the loop."""
        await asyncio.get_running_loop().run_in_executor(None, self.shutdown)


def is_full(error: Exception) -> bool:
    """Return whether only the queue is full: the link is up, the peer is not."""
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
