"""The state of a port: status and fault, counters, controller."""

from collections.abc import Callable
import logging

from ..config import PortConfig
from ..model import (
    NO_CONTROLLER,
    Controller,
    PortFault,
    PortReason,
    PortState,
    PortStatus,
)
from .interface.state import PortError

_LOGGER = logging.getLogger(__name__)


class PortRecord:
    """A port's state, which changes with each frame; `PortState` is its snapshot."""

    def __init__(
        self,
        config: PortConfig,
        on_change: Callable[[PortState], None],
        loss_level: int,
    ) -> None:
        """Start with a closed port; `on_change` and `loss_level` as in `Port`."""
        self.received = self.sent = self.errors = self.unsent = 0
        self.link: str | None = None
        self.controller = NO_CONTROLLER
        self._config = config
        self._on_change = on_change
        self._loss_level = loss_level
        self._status = PortStatus.CLOSED
        self._fault: PortFault | None = None
        self._reason: PortReason | None = None
        self._detail: str | None = None
        self._received_before = 0

    @property
    def state(self) -> PortState:
        """The present state."""
        return PortState(
            status=self._status,
            fault=self._fault,
            reason=self._reason,
            detail=self._detail,
            received=self.received,
            sent=self.sent,
            errors=self.errors,
            unsent=self.unsent,
            received_before=self._received_before,
            link=self.link,
            controller=self.controller,
        )

    def open_as(self, link: str | None, controller: Controller) -> None:
        """Record what was just opened; frames are counted anew for `is_silent`."""
        self.link, self.controller = link, controller
        self._received_before = self.received + self.errors - self.unsent

    def become(self, status: PortStatus, error: PortError | None = None) -> None:
        """Change the status; call `on_change` if the status or the fault differs."""
        before = self._status, self._fault
        self._log(status, error)
        self._status = status
        self._fault = error.fault if error else None
        self._reason = error.reason if error else None
        self._detail = str(error) if error else None
        if before != (self._status, self._fault):
            self._on_change(self.state)

    def _log(self, status: PortStatus, error: PortError | None) -> None:
        channel = f"{self._config.interface} {self._config.channel}"
        if status is PortStatus.LOST and self._status is not PortStatus.LOST:
            was_open = self._status is PortStatus.OPEN
            what = "is lost" if was_open else "cannot be opened"
            _LOGGER.log(self._loss_level, "Port %s %s: %s", channel, what, error)
        elif status is PortStatus.OPEN and self._status is PortStatus.LOST:
            _LOGGER.info("Port %s is back", channel)
        else:
            _LOGGER.debug("Port %s: %s (%s)", channel, status, error)
