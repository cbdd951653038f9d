"""Classification of a bus by its frames: battery, inverter or another protocol."""

from dataclasses import dataclass, field, replace
from enum import StrEnum

from ..battery.battery import Battery
from ..config import BatteryConfig, Interface, PortConfig
from ..inverter.bus_guard import BATTERY_MARKS
from ..inverter.request_source import Requests
from ..model import (
    Dialect,
    Frame,
    Neighbour,
    PortFault,
    PortReason,
    RejectedValue,
    SeenMake,
)
from ..protocol import SeenMakes, is_battery_frame, is_request, neighbour


class Finding(StrEnum):
    """The result of a scan in one word."""

    FAULT = "fault"
    """The port could not be opened, or was lost: see `ScanResult.fault`."""
    BATTERY = "battery"
    REFUSED = "refused"
    """A battery that would not count: see `DetectedBattery.rejected`."""
    INVERTER = "inverter"
    """An inverter sends requests (0x305)."""
    BOTH = "both"
    """A battery and an inverter that already communicate."""
    NEIGHBOUR = "neighbour"
    """Another protocol, which is not supported."""
    OTHER = "other"
    """CAN frames of an unknown kind."""
    ERRORS = "errors"
    """Nothing but error frames: probably another bitrate, or a bad cable."""
    SILENCE = "silence"


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectedBattery:
    """The values of a detected battery; None: not reported."""

    name: str | None = None
    dialect: Dialect = Dialect.UNKNOWN
    modules: int | None = None
    soc: float | None = None
    """%"""
    voltage: float | None = None
    """V"""
    capacity_ah: float | None = None
    rejected: tuple[RejectedValue, ...] = ()
    """Required values that it reports outside their window."""
    nominal: int | None = None
    """V; its nominal voltage, by its charge voltage limit and its voltage."""
    sends_requests: bool = False
    """It sends 0x305 itself, as an inverter does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanResult:
    """The result so far; the counts alone make no difference between two results."""

    battery: DetectedBattery | None = None
    inverter: bool = False
    seen_makes: frozenset[SeenMake] = frozenset()
    """The makes of inverter that the frames show."""
    neighbours: frozenset[Neighbour] = frozenset()
    other: bool = False
    """Frames that match none of these."""
    errors: bool = False
    fault: PortFault | None = None
    reason: PortReason | None = None
    """The cause of the fault; None: it has no remedy of its own."""
    detail: str | None = None
    """The fault as reported by the system."""
    acknowledges: bool | None = None
    """Whether sent frames come back as echoes; None: not known, the port is in use."""
    frames: int = field(default=0, compare=False)
    error_frames: int = field(default=0, compare=False)

    @property
    def is_clear(self) -> bool:
        """Whether the sender is identified, so that listening on would add little."""
        battery = self.battery
        if battery is None:
            return self.inverter
        required = (battery.name, battery.soc, battery.rejected or battery.voltage)
        return battery.dialect is not Dialect.UNKNOWN and None not in required

    @property
    def finding(self) -> Finding:
        """The result in one word."""
        findings = (
            (self.fault is not None, Finding.FAULT),
            (self.battery is not None and self.inverter, Finding.BOTH),
            (self.battery is not None and bool(self.battery.rejected), Finding.REFUSED),
            (self.battery is not None, Finding.BATTERY),
            (self.inverter, Finding.INVERTER),
            (bool(self.neighbours), Finding.NEIGHBOUR),
            (self.other, Finding.OTHER),
            (self.errors, Finding.ERRORS),
        )
        return next((finding for is_so, finding in findings if is_so), Finding.SILENCE)


class Classifier:
    """Identifies the devices on a bus, frame by frame."""

    def __init__(self) -> None:
        """Begin without a frame."""
        port = PortConfig(Interface.VIRTUAL, "")
        self._battery = Battery(
            BatteryConfig(id="", name="", port=port, capacity_ah=float("nan"))
        )
        self._marks: set[int] = set()
        self._requests = Requests()
        self._seen = SeenMakes(certain=1)
        self._requested = self._other = False
        self._frames = self._errors = 0

    def on_frame(self, frame: Frame) -> None:
        """Take a frame of another node, or an error frame."""
        if frame.error:
            self._errors += 1
            return
        self._frames += 1
        self._requests.on_frame(frame)
        self._seen.on_frame(frame)
        if is_battery_frame(frame):
            self._marks.add(frame.can_id)
            self._battery.on_frame(frame)
            self._follow_voltage(frame.at)
        elif is_request(frame):
            self._requested = True
        elif neighbour(frame) is None:
            self._other = True

    def result(self, now: float) -> ScanResult:
        """Return the result at `now`, by the clock of the frames."""
        battery = self._detected_battery(now)
        incomplete = bool(self._marks) and battery is None
        return ScanResult(
            battery=battery,
            inverter=self._requested and not self._requests.by_battery,
            seen_makes=self._seen.found,
            # A Deye's diagnostics look like Pytes and GoodWe
            neighbours=frozenset() if battery else self._seen.neighbours,
            other=self._other or incomplete,
            errors=self._errors > 0,
            frames=self._frames,
            error_frames=self._errors,
        )

    def _follow_voltage(self, now: float) -> None:
        """Accept values by the nominal voltage that the latest ones fit.

        A scan is over before a battery that runs would be certain of it.
        """
        volts = self._battery.state(now).apparent_nominal
        if volts not in (None, self._battery.config.nominal_voltage):
            self._battery.config = replace(self._battery.config, nominal_voltage=volts)

    def _detected_battery(self, now: float) -> DetectedBattery | None:
        if not self._marks & BATTERY_MARKS:
            return None
        state = self._battery.state(now)
        last = state.last
        return DetectedBattery(
            name=last.name,
            dialect=state.dialect,
            modules=last.modules or last.modules_online,
            soc=last.soc,
            voltage=last.voltage,
            capacity_ah=last.installed_ah,
            rejected=state.rejected,
            nominal=state.nominal,
            sends_requests=self._requests.by_battery,
        )
