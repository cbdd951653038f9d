"""The side of a port that whoever sends frames needs."""

from typing import Protocol

from ..model import Frame, PortState


class Sender(Protocol):
    """What a writer needs of a port."""

    @property
    def state(self) -> PortState:
        """Where the port stands."""

    @property
    def has_echo(self) -> bool:
        """Whether own frames come back."""

    @property
    def echo_is_proof(self) -> bool:
        """Whether an echo proves that the frame has left."""

    def drain(self) -> None:
        """Dispatch the frames that wait, the echoes of those sent among them."""

    def send(self, frame: Frame) -> bool:
        """Queue a frame; return whether that succeeded."""
