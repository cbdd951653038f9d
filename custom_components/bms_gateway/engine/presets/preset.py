"""One preset: the frames that an inverter reads, and its peculiarities."""

from dataclasses import dataclass
from enum import StrEnum


class Profile(StrEnum):
    """The frames that an inverter expects, see `protocol/profiles/`."""

    PYLONTECH = "pylontech"
    """Pylontech CAN-bus protocol 1.2."""
    PYLONTECH_PLUS = "pylontech_plus"
    """The same with alarms in pairs, cells and modules, sold as "Pylon V2"."""
    SMA = "sma"
    VICTRON = "victron"
    DEYE = "deye"
    """Deye's own low-voltage protocol. A Deye inverter also reads Pylontech's."""
    SOL_ARK = "sol_ark"
    SOL_ARK_COARSE = "sol_ark_coarse"
    """The same with the voltage in 0.1 V, as Sol-Ark's document has it."""
    LUXPOWER = "luxpower"


class SendMode(StrEnum):
    """When an inverter is sent a telegram."""

    PUSH = "push"
    """Whenever one is due."""
    REPLY = "reply"
    """On a request (0x305) of the inverter, and at once when a limit falls."""


class FrameLength(StrEnum):
    """How long the frames of a telegram are."""

    PADDED = "padded"
    """8 bytes each."""
    EXACT = "exact"
    """As long as in the profile's document."""


class ChargeStop(StrEnum):
    """What is sent to stop charging."""

    CURRENT = "current"
    """A charge current limit of 0 A; the charge voltage limit stays."""
    VOLTAGE = "voltage"
    """In addition a charge voltage limit close to the pack's own voltage."""


class Evidence(StrEnum):
    """What is known of an inverter with its preset, from the best source there is."""

    CAPTURE = "capture"
    """Recorded traffic of such an inverter."""
    DOCUMENT = "document"
    """The maker's own document."""
    REPORT = "report"
    """Reports of users, or the source code of other projects."""
    ASSUMPTION = "assumption"
    """Nothing but its menu, or a related make."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """How one make of inverter has to be presented with a battery."""

    profile: Profile
    name_prefix: str = "PYLON"
    """What the name in 0x35E must begin with; a battery's own name is sent if it does."""
    tag: bytes = b"PN"
    """Bytes 5 and 6 of 0x359, in profiles that have a tag."""
    frame_length: FrameLength = FrameLength.PADDED
    mode: SendMode = SendMode.PUSH
    min_send_interval: float = 0.1
    """Seconds between two telegrams; a falling limit does not wait for it."""
    timeout: float = 60.0
    """Seconds for which the inverter may act on the last telegram. Where its BMS
    time-out is unknown: 60 s, the longest of those that are known (SMA)."""
    zero: float = 0.0
    """A; sent instead of 0 A, which the inverter would ignore."""
    charge_stop: ChargeStop = ChargeStop.CURRENT
    hold_soc: float | None = None
    """%; the highest state of charge that is sent before the bank is really full. None:
    the state of charge as it is."""
    sends_warnings: bool = True
    """False: the inverter takes a warning for a fault."""
    charge_voltage_min: float = 0.0
    charge_voltage_max: float = 65.0
    """V; the charge voltage limits that the inverter accepts. Below it nothing can be
    sent; a higher limit is lowered."""
    evidence: Evidence
    source: str
    """Where this is from, in public."""

    def accepts(self, nominal: int | None) -> bool:
        """Return whether it suits batteries of a nominal voltage (V; None: unknown).

        The charge voltage limit that blocks a bank is the bank's own voltage: it has to
        be accepted, too. A full bank of 36 V alone is above a Sunny Island's 41 V.
        """
        return nominal is None or nominal >= self.charge_voltage_min
