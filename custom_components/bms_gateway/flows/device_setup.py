"""One battery or inverter on its way through a flow: what is known and entered of it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from homeassistant.config_entries import ConfigSubentry, ConfigSubentryData
from homeassistant.const import CONF_NAME

from ..config_entry import CONF_MAKE, PORT_DATA, nominal_voltage
from ..const import POLLED, SUBENTRY_BATTERY, SUBENTRY_INVERTER
from ..engine.config import Interface, PortConfig
from ..engine.detection.classify import Finding
from ..engine.model import PortFault
from ..engine.protocol import proposed
from .forms.form import SECTION_RARE, Form, merge
from .forms.schemas import DEVICE_FORMS
from .nominal_voltage import OtherBatteries
from .ports.choice import PortChoice
from .ports.detected import describe_scan
from .ports.listen import RunningPort, Scanned
from .ports.same_bus import SameBusDevices
from .texts import Texts

OTHER_KIND: Final = {
    SUBENTRY_BATTERY: SUBENTRY_INVERTER,
    SUBENTRY_INVERTER: SUBENTRY_BATTERY,
}
_EXPECTED: Final = {
    SUBENTRY_BATTERY: Finding.BATTERY,
    SUBENTRY_INVERTER: Finding.INVERTER,
}
_OF_A_BATTERY: Final = frozenset({Finding.BATTERY, Finding.REFUSED, Finding.BOTH})


@dataclass(kw_only=True)
class DeviceSetup[ResultT]:
    """A battery or inverter to add or change, and what its flow does with it."""

    kind: str
    name: str
    ports: PortChoice
    accept: Callable[[ConfigSubentryData], Awaitable[ResultT]]
    """Stores the complete device."""
    skip: Callable[[], Awaitable[ResultT]] | None = None
    """Continues without this device, where that is possible."""
    may_change_kind: bool = False
    """Whether a battery may turn out to be an inverter."""
    changed: ConfigSubentry | None = None
    """The device that is changed; None: it is a new one."""
    running_port: Callable[[], RunningPort | None] = lambda: None
    """Returns the chosen port if this device's gateway has it open."""
    unused_ports: Sequence[tuple[str, PortConfig]] = ()
    """Chosen ports that no gateway has open yet, with their names."""
    other_batteries: OtherBatteries = field(default_factory=OtherBatteries)
    """The nominal voltages of the gateway's other batteries."""
    simulated: bool = False
    """Whether it exists only inside Home Assistant, and has no port to choose."""

    polls: bool = False
    """Whether the battery is polled, or was when it was detected."""
    scanning: asyncio.Task[Scanned] | None = None
    scanned: Scanned | None = None
    entered: Mapping[str, Any] = field(default_factory=dict)
    """The last input: not to be lost when a port is rejected."""

    @property
    def form(self) -> Form:
        """Return the form with the settings of this kind of device."""
        return DEVICE_FORMS[self.kind]

    @property
    def stored(self) -> Mapping[str, Any]:
        """Return the present data of a device that is changed."""
        return self.changed.data if self.changed else {}

    @property
    def placeholders(self) -> dict[str, str]:
        """Return the placeholders in the texts of all steps."""
        return {"name": self.name, **self.ports.placeholders}

    @property
    def values(self) -> Mapping[str, Any]:
        """Return what the form shows: the input, or what is stored or was detected."""
        return self.entered or {
            **self._detected_values,
            **self.stored,
            CONF_NAME: self.name,
        }

    @property
    def subentry(self) -> ConfigSubentryData:
        """Return the subentry to store, once the port and the input were accepted."""
        assert self.ports.stored is not None
        stored = {k: v for k, v in self.stored.items() if k not in PORT_DATA}
        data = merge(self.form, stored, self.entered)
        name = data.pop(CONF_NAME)
        return ConfigSubentryData(
            data={**self.ports.stored, **data},
            subentry_type=self.kind,
            title=name,
            unique_id=None,
        )

    def become(self, kind: str, name: str) -> None:
        """Turn into the other kind of device, on the same port."""
        self.kind, self.name, self.entered = kind, name, {}

    @property
    def may_scan(self) -> bool:
        """Return False for a port in use with another bitrate."""
        running = self.running_port()
        return running is None or running.config.bitrate == self.ports.config.bitrate

    @property
    def fault(self) -> str | None:
        """Return the error of a failed scan; the remedy depends on the kind of port."""
        assert self.scanned is not None
        result = self.scanned.result
        if result.fault is None:
            return None
        if result.reason is not None:
            return result.reason.value
        serial = self.ports.config.interface is Interface.SLCAN
        if serial and result.fault is PortFault.NO_PERMISSION:
            return "no_permission_serial"
        return result.fault.value

    @property
    def is_detected(self) -> bool:
        """Return whether the expected device was detected, on this port alone.

        A battery of another nominal voltage than the others is not expected.
        """
        return (
            self._finding is _EXPECTED[self.kind]
            and self.scanned is not None
            and self.scanned.same_bus == SameBusDevices()
            and not self._different
        )

    @property
    def detected_nominal(self) -> int | None:
        """Return the nominal voltage in V of the battery that was detected, if any."""
        battery = self.scanned.result.battery if self.scanned else None
        is_battery = self.kind == SUBENTRY_BATTERY and battery is not None
        return battery.nominal if battery and is_battery else None

    @property
    def voltage_error(self) -> dict[str, str]:
        """Return the error of an entered nominal voltage that no other battery has."""
        if self.kind != SUBENTRY_BATTERY:
            return {}
        rejected = self.other_batteries.reject(nominal_voltage(self.entered))
        return {SECTION_RARE: "mixed_voltages"} if rejected else {}

    @property
    def scan_options(self) -> list[str]:
        """Return the steps to choose from when something else was detected."""
        options = ["listen_again", "port"]
        if self.kind == SUBENTRY_BATTERY or self._finding not in _OF_A_BATTERY:
            options.insert(0, self.kind)
        if self._may_poll:
            options.insert(1, "poll")
        if self.may_change_kind and self._finding is _EXPECTED[OTHER_KIND[self.kind]]:
            options.insert(0, "detected_kind")
        return options

    def scan_text(self, texts: Texts, *, offers_poll: bool = False) -> str:
        """Return the scan result as a sentence; empty without a scan.

        A device that cannot be scanned because it is simulated is said to be that.
        `offers_poll`: whether the text stands above the choice of polling.
        """
        if self.simulated:
            return texts["scan_simulated"]
        if self.scanned is None:
            return ""
        running = self.running_port()
        received_before = running is not None and not running.state.is_silent
        text = describe_scan(
            self.scanned.result,
            texts,
            # Silence may come from a USB adapter that hangs
            replug=self.ports.config.is_usb and not received_before,
            may_ask=offers_poll and self._may_poll,
            asked=self.polls,
            alike=self.scanned.same_bus.received,
            own=self.scanned.same_bus.sent,
        )
        if self._different:
            text += " " + texts["scan_mixed"].format(
                nominal=self.detected_nominal, others=self._different
            )
        return text

    @property
    def _different(self) -> str:
        """Return the other batteries with another nominal voltage than the detected one.

        The configured one decides where a battery is changed that has one.
        """
        volts = nominal_voltage(self.stored) if self.stored else None
        return self.other_batteries.different(volts or self.detected_nominal)

    @property
    def _finding(self) -> Finding | None:
        return self.scanned.result.finding if self.scanned else None

    @property
    def _may_poll(self) -> bool:
        """Return whether a silent battery can be polled."""
        is_silent = self._finding is Finding.SILENCE
        return self.kind == SUBENTRY_BATTERY and is_silent and not self.running_port()

    @property
    def _detected_values(self) -> dict[str, Any]:
        """Return the proposed values by what was detected."""
        values: dict[str, Any] = {}
        if self.scanned and (battery := self.scanned.result.battery):
            if battery.capacity_ah:
                values["capacity_ah"] = battery.capacity_ah
            if self.polls:
                values |= POLLED
        if self.scanned and (make := proposed(self.scanned.result.seen_makes)):
            values[CONF_MAKE] = make.value
        return values
