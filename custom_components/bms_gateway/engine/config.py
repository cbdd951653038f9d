"""What the user chose: a gateway with its batteries, inverters, ports and setpoints."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

DEFAULT_BITRATE: Final = 500_000
"""Every low-voltage battery talks at 500 kbit/s; a few Victron ports at 250."""


_ON_BOARD: Final = ("/dev/ttyS", "/dev/ttyAMA", "/dev/serial0", "/dev/serial1")
"""How Linux calls serial devices that are no adapters."""


class Proof(StrEnum):
    """What shows that frames sent do leave for the wire, rather than wait somewhere."""

    ECHO = "echo"
    """Their echo."""
    PRESENCE = "presence"
    """Nothing does: an inverter is sent to only while it is heard."""


class Interface(StrEnum):
    """The kinds of CAN channel that can be opened."""

    SOCKETCAN = "socketcan"
    """A CAN link of the kernel. Channel: its name, such as `can0`."""
    SLCAN = "slcan"
    """A serial adapter that speaks LAWICEL's protocol. Channel: its device file."""
    VIRTUAL = "virtual"
    """A bus inside this process. Channel: any name."""

    @property
    def proof(self) -> Proof:
        """What shows that frames sent leave for the wire.

        A serial adapter acknowledges, if at all, what it takes into a queue of its own.
        """
        match self:
            case Interface.SOCKETCAN | Interface.VIRTUAL:
                return Proof.ECHO
            case Interface.SLCAN:
                return Proof.PRESENCE


@dataclass(frozen=True, slots=True)
class PortConfig:
    """One CAN channel to open; `bitrate` in bit/s, what the link must have."""

    interface: Interface
    channel: str
    bitrate: int = DEFAULT_BITRATE
    identity: str | None = None
    """The adapter behind a SocketCAN link, as `links.list_links` tells it: whatever its
    link is called now is opened, and no other. None: the link named `channel`."""
    bring_up: bool = False
    """Whether a SocketCAN link that is down, or has another bitrate, may be set up."""

    def is_same_place(self, other: PortConfig) -> bool:
        """Return whether both name the same channel, however it is set up."""
        if self.interface is not other.interface:
            return False
        if None in (self.identity, other.identity):
            return self.channel == other.channel
        return self.identity == other.identity

    @property
    def is_usb(self) -> bool:
        """Whether an adapter on USB is behind it, as far as its name tells."""
        if self.interface is Interface.SLCAN:
            return not self.channel.startswith(_ON_BOARD)
        identity = self.identity or ""
        return identity.startswith("usb:") or "-usb-" in identity


class Strategy(StrEnum):
    """How the limits of n batteries become one."""

    SHARE = "share"
    """Through the part of the current that each battery carries: none is overloaded."""
    SUM = "sum"
    """The sum of the limits, as the original daemon reckoned."""


class LossPolicy(StrEnum):
    """What is told to the inverters, per direction, when a battery is lost."""

    BLOCK = "block"
    REDUCE = "reduce"
    STOP = "stop"


class SendMode(StrEnum):
    """When an inverter is sent a set."""

    PUSH = "push"
    """When one is due."""
    REPLY = "reply"
    """When the inverter asks with 0x305, and unasked when a limit falls."""


class Profile(StrEnum):
    """The set of frames that an inverter wants."""

    PYLONTECH = "pylontech"


@dataclass(frozen=True, slots=True, kw_only=True)
class BatteryConfig:
    """One battery: a CAN port with one BMS on it."""

    id: str
    name: str
    port: PortConfig
    capacity_ah: float
    poll_interval: float | None = None
    """Seconds between the 0x305 frames that make it speak; None: it speaks unasked."""
    timeout: float | None = None
    """Seconds; the longest that 0x351 may stay away. None: 10 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InverterConfig:
    """One inverter: a CAN port on which we play a battery."""

    id: str
    name: str
    port: PortConfig
    rated_charge: float
    """A; never told more for charging, and its weight when the limit is shared."""
    rated_discharge: float
    """A; never told more for discharging, and its weight when the limit is shared."""
    profile: Profile = Profile.PYLONTECH
    mode: SendMode = SendMode.PUSH
    min_send_interval: float = 0.1
    """Seconds between two sets; a falling limit does not wait for it."""
    prompt_interval: float | None = None
    """Seconds between the 0x305 frames that make an inverter ask; None: not prompted."""
    current_factor: float | None = None
    """Reported current = factor x bank current + offset. None: its part of the limit."""
    current_offset: float = 0.0
    """A, charge positive, added to the reported current."""
    timeout: float = 60.0
    """Seconds for which it may act upon what it was told last, if nothing follows."""
    reaction_time: float = 10.0
    """Seconds in which it follows another limit."""
    no_response_after: float | None = None
    """Seconds without a sign of life after which that is reported; None: never."""
    exact_dlc: bool = False
    """Send a frame as long as its content; default: padded to 8 bytes."""
    stop_by_soc: bool = False
    """Tell it 0 % where it goes on discharging at a limit of 0 A, 100 % where it goes
    on charging."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayConfig:
    """A gateway: one virtual battery made of batteries and played to inverters."""

    name: str
    batteries: tuple[BatteryConfig, ...] = ()
    inverters: tuple[InverterConfig, ...] = ()
    strategy: Strategy = Strategy.SHARE
    charge_loss_policy: LossPolicy = LossPolicy.BLOCK
    discharge_loss_policy: LossPolicy = LossPolicy.BLOCK
    discharge_grace: float = 60.0
    """Seconds for which a loss only reduces discharging, before its policy holds."""
    bridge: float = 10.0
    """Seconds from its last telegram for which discharging goes on when no battery is
    heard any more, where there is a grace. And the most that charging awaits one of
    several whose short gaps are a habit, see `gaps.py`."""
    start_timeout: float = 15.0
    """Seconds to wait at the start for every battery; then the loss policies hold."""
    total_charge: float | None = None
    """A; what the whole bank may be charged with. None: the inverters' ratings."""
    total_discharge: float | None = None
    """A; what the whole bank may be discharged with. None: the inverters' ratings."""
    current_factor: float = 1.0
    current_offset: float = 0.0
    """Bank current as shown and sent = factor x measured + offset (A). The limits follow
    from what was measured."""
    forward_requests: bool = False
    """Pass force-charge and full-charge requests on: inverters buy energy for them."""
    block_at_end: bool = False
    """Tell the inverters 0 A once before falling silent at the end."""

    @property
    def devices(self) -> tuple[BatteryConfig | InverterConfig, ...]:
        """Return all that has a port: the batteries, then the inverters."""
        return (*self.batteries, *self.inverters)

    @property
    def reaction_time(self) -> float:
        """The longest reaction time of an inverter in seconds."""
        return max((inverter.reaction_time for inverter in self.inverters), default=0.0)
