"""CAN frames, and the state of the ports that carry them."""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final


@dataclass(frozen=True, slots=True)
class Frame:
    """One CAN frame. `at`: its time on the wire, by the monotonic clock."""

    can_id: int
    data: bytes = b""
    at: float = 0.0
    extended: bool = False
    remote: bool = False
    error: bool = False

    @property
    def standard(self) -> bool:
        """Return whether this is an 11-bit data frame: no other carries battery data."""
        return not (self.extended or self.remote or self.error)


class PortStatus(StrEnum):
    """The status of a port."""

    CLOSED = "closed"
    OPENING = "opening"
    OPEN = "open"
    LOST = "lost"


class PortFault(StrEnum):
    """The fault that keeps a port from being open."""

    NO_SUCH_CHANNEL = "no_such_channel"
    LINK_DOWN = "link_down"
    NO_PERMISSION = "no_permission"
    WRONG_BITRATE = "wrong_bitrate"
    NOT_SUPPORTED = "not_supported"
    """The machine has no CAN hardware of this kind."""
    BUSY = "busy"
    """Another program uses the serial adapter, or an earlier attempt is stuck in it."""
    AMBIGUOUS = "ambiguous"
    """Several adapters have the serial number that should identify the right one."""
    BUS_OFF = "bus_off"
    """The CAN controller switched itself off after too many errors."""
    NO_CARRIER = "no_carrier"
    """The link is up but not connected: sent frames are discarded."""
    FAILED = "failed"


class PortReason(StrEnum):
    """The cause of a fault, if it has a remedy of its own."""

    NOT_LAWICEL = "not_lawicel"
    """A serial adapter sends nothing, or something other than LAWICEL's protocol."""


GAVE_UP: Final = frozenset({PortFault.BUS_OFF, PortFault.NO_CARRIER})
"""Faults of the controller: frames in its queue are lost."""


class BusState(StrEnum):
    """The state of a CAN controller, in the kernel's order (linux/can/netlink.h)."""

    ERROR_ACTIVE = "error_active"
    """Normal; the other states follow as errors accumulate."""
    ERROR_WARNING = "error_warning"
    ERROR_PASSIVE = "error_passive"
    BUS_OFF = "bus_off"
    """Switched itself off, until it is restarted."""
    STOPPED = "stopped"
    SLEEPING = "sleeping"


@dataclass(frozen=True, slots=True, kw_only=True)
class Controller:
    """The CAN controller behind a port; None: it has none, or does not report it."""

    carrier: bool | None = None
    """Whether the link is connected to a bus; without it nothing leaves."""
    state: BusState | None = None
    transmit_errors: int | None = None
    receive_errors: int | None = None
    """Its error counters (ISO 11898-1): above 127 it is error-passive, above 255 of
    the first one bus-off."""

    @property
    def fault(self) -> PortFault | None:
        """Return the fault that prevents sending and receiving, None if none is known."""
        if self.state is BusState.BUS_OFF:
            return PortFault.BUS_OFF
        return PortFault.NO_CARRIER if self.carrier is False else None

    def with_counters_of(self, other: Controller) -> Controller:
        """Return this with the error counters of another report if it has none."""
        if self.transmit_errors is not None:
            return self
        return replace(
            self,
            transmit_errors=other.transmit_errors,
            receive_errors=other.receive_errors,
        )


NO_CONTROLLER: Final = Controller()


@dataclass(frozen=True, slots=True, kw_only=True)
class PortState:
    """One port at one time."""

    status: PortStatus = PortStatus.CLOSED
    fault: PortFault | None = None
    reason: PortReason | None = None
    """The cause of the fault; None: it has no remedy of its own."""
    detail: str | None = None
    """The error in the system's own words, for logs and diagnostics."""
    received: int = 0
    sent: int = 0
    errors: int = 0
    """Error frames received, and sends that failed."""
    unsent: int = field(default=0, compare=False)
    """Sends that failed; included in `errors`."""
    received_before: int = field(default=0, compare=False)
    """Frames and error frames received before it was last opened."""
    link: str | None = None
    """The present name of the configured adapter's link; None: the port is configured
    by the link's name, or its adapter is missing."""
    controller: Controller = NO_CONTROLLER

    @property
    def is_silent(self) -> bool:
        """Whether it is open and nothing at all was received since it was opened."""
        received = self.received + self.errors - self.unsent
        return self.status is PortStatus.OPEN and received == self.received_before
