"""Configuration: a gateway with its batteries, inverters, ports and policies."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from .model import Dialect
from .presets import PRESETS, FrameLength, Make, Preset, SendMode

DEFAULT_BITRATE: Final = 500_000
"""Every low-voltage battery uses 500 kbit/s; a few Victron ports use 250."""


_ON_BOARD: Final = ("/dev/ttyS", "/dev/ttyAMA", "/dev/serial0", "/dev/serial1")
"""Linux names of serial devices that are no adapters."""


class Proof(StrEnum):
    """The proof that sent frames leave for the wire instead of waiting in a queue."""

    ECHO = "echo"
    """Their echo."""
    PRESENCE = "presence"
    """No proof: an inverter is only sent to while it is received."""


class Interface(StrEnum):
    """The kinds of CAN channel that can be opened."""

    SOCKETCAN = "socketcan"
    """A CAN link of the kernel. Channel: its name, such as `can0`."""
    SLCAN = "slcan"
    """A serial adapter with LAWICEL's protocol. Channel: its device file."""
    VIRTUAL = "virtual"
    """A bus inside this process. Channel: any name."""

    @property
    def proof(self) -> Proof:
        """The proof that sent frames leave for the wire.

        A serial adapter acknowledges, if at all, frames that it takes into a queue of
        its own.
        """
        match self:
            case Interface.SOCKETCAN | Interface.VIRTUAL:
                return Proof.ECHO
            case Interface.SLCAN:
                return Proof.PRESENCE


@dataclass(frozen=True, slots=True)
class PortConfig:
    """One CAN channel to open; `bitrate` in bit/s, as the link must have it."""

    interface: Interface
    channel: str
    bitrate: int = DEFAULT_BITRATE
    identity: str | None = None
    """The adapter behind a SocketCAN link, as `discovery.list_links` identifies it: it
    is opened under its present name, and no other is. None: the link named
    `channel`."""
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
        """Whether a USB adapter is behind it, as far as its name shows."""
        if self.interface is Interface.SLCAN:
            return not self.channel.startswith(_ON_BOARD)
        identity = self.identity or ""
        return identity.startswith("usb:") or "-usb-" in identity


class Strategy(StrEnum):
    """How the batteries' limits are combined into one."""

    SHARE = "share"
    """By the current share of each battery: none is overloaded."""
    SUM = "sum"
    """The plain sum of the limits, as the daemon calculates it."""


class LossPolicy(StrEnum):
    """The effect of a lost battery on the limits, per direction."""

    BLOCK = "block"
    REDUCE = "reduce"
    STOP = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class BatteryConfig:
    """One battery: a CAN port with one BMS on it."""

    id: str
    name: str
    port: PortConfig
    capacity_ah: float
    poll_interval: float | None = None
    """Seconds between the 0x305 frames that poll it; None: it sends by itself."""
    timeout: float | None = None
    """Seconds; the longest accepted gap of 0x351. None: 10 s."""
    nominal_voltage: int | None = None
    """V; one of `model.nominal_voltage.NOMINAL_VOLTAGES`. None: recognised."""
    dialect: Dialect | None = None
    """The dialect that decides sign and layouts, whatever its frames show. None: as
    recognised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InverterConfig:
    """One inverter: a CAN port on which the gateway presents a battery."""

    id: str
    name: str
    port: PortConfig
    rated_charge: float
    """A; the highest charge limit that it is sent, and its weight when the limit is
    shared."""
    rated_discharge: float
    """A; the highest discharge limit that it is sent, and its weight when the limit is
    shared."""
    make: Make = Make.OTHER_PYLONTECH
    mode: SendMode = SendMode.PUSH
    min_send_interval: float = 0.1
    """Seconds between two telegrams; a falling limit does not wait for it."""
    prompt_interval: float | None = None
    """Seconds between the 0x305 frames that prompt an inverter to request; None: no
    prompts."""
    current_factor: float | None = None
    """Reported current = factor x bank current + offset. None: its part of the bank
    current."""
    current_offset: float = 0.0
    """A, charge positive, added to the reported current."""
    timeout: float = 60.0
    """Seconds for which it may act on the last telegram if none follows (BMS
    time-out)."""
    reaction_time: float = 10.0
    """Seconds within which it follows a changed limit."""
    no_response_after: float | None = None
    """Seconds without any frame of it after which that is reported; None: never."""
    frame_length: FrameLength = FrameLength.PADDED
    stop_by_soc: bool = False
    """Send it 0 % SOC if it continues discharging at a limit of 0 A, 100 % if it
    continues charging."""

    @property
    def preset(self) -> Preset:
        """How its make has to be presented with a battery.

        Where the configuration has a field of the same name, that holds.
        """
        return PRESETS[self.make]


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayConfig:
    """A gateway: one virtual battery made of batteries, presented to inverters."""

    name: str
    batteries: tuple[BatteryConfig, ...] = ()
    inverters: tuple[InverterConfig, ...] = ()
    strategy: Strategy = Strategy.SHARE
    charge_loss_policy: LossPolicy = LossPolicy.BLOCK
    discharge_loss_policy: LossPolicy = LossPolicy.BLOCK
    discharge_grace: float = 60.0
    """Seconds for which a loss only reduces discharging, before its policy takes
    effect."""
    bridge: float = 10.0
    """Seconds from the last telegram for which discharging continues when no battery is
    received any longer, if there is a grace period. Also the longest time that charging
    waits for one of several batteries with habitual gaps, see
    `battery/timing/gaps.py`."""
    start_timeout: float = 15.0
    """Seconds to wait at the start for every battery; then the loss policies apply."""
    total_charge: float | None = None
    """A; charge limit of the whole bank. None: the inverters' ratings."""
    total_discharge: float | None = None
    """A; discharge limit of the whole bank. None: the inverters' ratings."""
    current_factor: float = 1.0
    current_offset: float = 0.0
    """Bank current as shown and sent = factor x measured + offset (A). The limits
    follow from the measured current."""
    forward_requests: bool = False
    """Pass force-charge and full-charge requests on: inverters buy energy for them."""
    block_at_end: bool = False
    """Send the inverters 0 A once before sending stops at the end."""

    @property
    def devices(self) -> tuple[BatteryConfig | InverterConfig, ...]:
        """Return all devices with a port: the batteries, then the inverters."""
        return (*self.batteries, *self.inverters)

    @property
    def reaction_time(self) -> float:
        """The longest reaction time of an inverter in seconds."""
        return max((inverter.reaction_time for inverter in self.inverters), default=0.0)
