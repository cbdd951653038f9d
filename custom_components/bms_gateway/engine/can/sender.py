"""A port as seen by the code that sends frames."""

from typing import Protocol

from ..model import Frame, PortState


class Sender(Protocol):
    """The part of a port that is needed to send."""

    @property
    def state(self) -> PortState:
        """The present state of the port."""

    @property
    def has_echo(self) -> bool:
        """Whether own frames come back."""

    @property
    def echo_is_proof(self) -> bool:
        """Whether an echo proves that the frame has left."""

    def send(self, frame: Frame) -> bool:
        """Queue a frame; return whether that succeeded."""
