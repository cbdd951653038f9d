"""The steps that scan a port, and continue by what they detect."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
import time
from typing import Any, Final, override

from homeassistant.data_entry_flow import FlowResult
from homeassistant.helpers.event import async_track_time_interval

from ..config_entry import CONF_INTERFACE, port_config
from ..const import POLLED, SUBENTRY_BATTERY, SUBENTRY_INVERTER
from ..engine.config import Interface, PortConfig
from ..engine.detection.classify import Finding, ScanResult
from ..engine.detection.listener import Tap
from ..engine.detection.scan import LISTEN_TIME, SETTLE_TIME, listen, listen_in
from ..engine.model import PortFault, PortReason
from .detected import describe_scan
from .port import PortSteps, UserInput, async_texts
from .same_bus import SameBus, SameBusDevices

PROGRESS_INTERVAL: Final = timedelta(seconds=0.25)

_EXPECTED: Final = {
    SUBENTRY_BATTERY: Finding.BATTERY,
    SUBENTRY_INVERTER: Finding.INVERTER,
}
_OF_A_BATTERY: Final = frozenset({Finding.BATTERY, Finding.REFUSED, Finding.BOTH})
_OTHER: Final = {
    SUBENTRY_BATTERY: SUBENTRY_INVERTER,
    SUBENTRY_INVERTER: SUBENTRY_BATTERY,
}


class ListenSteps[ResultT: FlowResult[Any, Any]](PortSteps[ResultT]):
    """Leads from the chosen port to `async_step_battery` or `async_step_inverter`."""

    may_change_kind = False
    """Whether a battery may turn out to be an inverter."""
    _scan_result: ScanResult | None = None
    _alike = SameBusDevices()
    """The devices with the same frames on another port."""
    _polls = False
    """Whether the battery is polled, or was when it was detected."""
    _listening: asyncio.Task[ScanResult] | None = None

    def tap(self) -> Tap | None:
        """Return how to scan the chosen port if this device's gateway has it open."""
        return None

    def may_listen(self) -> bool:
        """Return whether a scan is valid for the port with its new settings."""
        return True

    def own_id(self) -> str | None:
        """Return the id of the device that is changed; None: it is a new one."""
        return None

    def unused_ports(self) -> Sequence[tuple[str, PortConfig]]:
        """Return chosen ports that no gateway has open yet, with their names."""
        return ()

    def may_want_replugging(self) -> bool:
        """Return whether silence may come from a USB adapter that hangs."""
        return self.port is not None and port_config(self.port).is_usb

    @override
    def forget_port(self) -> None:
        super().forget_port()
        self._scan_result, self._alike = None, SameBusDevices()

    @override
    async def async_use_port(self) -> ResultT:
        self._scan_result, self._alike = None, SameBusDevices()
        if not self.may_listen():
            return await self.async_step_device()
        return await self.async_step_listen_again()

    async def async_step_listen(self, user_input: UserInput = None) -> ResultT:
        """Scan for some seconds; nothing is sent except a requested 0x305."""
        if self._listening is None:
            self._listening = self.hass.async_create_task(self._async_listen())
        if not self._listening.done():
            return self.async_show_progress(
                step_id="listen",
                progress_action="poll" if self._polls else "listen",
                progress_task=self._listening,
                description_placeholders=self.placeholders,
            )
        self._scan_result = self._listening.result()
        self._listening = None
        return self.async_show_progress_done(next_step_id="evaluate")

    async def async_step_listen_again(self, user_input: UserInput = None) -> ResultT:
        """Scan once more."""
        self._polls = False
        return await self.async_step_listen()

    async def async_step_poll(self, user_input: UserInput = None) -> ResultT:
        """Ask the battery once, and listen to what it answers."""
        self._polls = True
        return await self.async_step_listen()

    async def async_step_evaluate(self, user_input: UserInput = None) -> ResultT:
        """Continue if the expected device was detected; else show what was found."""
        result = self._scan_result
        assert result is not None
        if result.fault is not None:
            return await self.async_refuse(self._fault_key(result.fault, result.reason))
        if result.finding is _EXPECTED[self.kind] and self._alike == SameBusDevices():
            return await self.async_step_device()
        return await self.async_step_scan_result()

    async def async_step_scan_result(self, user_input: UserInput = None) -> ResultT:
        """Show what was detected instead, and ask how to continue."""
        assert self._scan_result is not None
        finding = self._scan_result.finding
        options = ["listen_again", "port"]
        if self.kind == SUBENTRY_BATTERY or finding not in _OF_A_BATTERY:
            options.insert(0, self.kind)
        if self._may_poll:
            options.insert(1, "poll")
        if self.may_change_kind and finding is _EXPECTED[_OTHER[self.kind]]:
            options.insert(0, "detected_kind")
        return self.async_show_menu(
            step_id="scan_result",
            menu_options=options,
            description_placeholders={
                **self.placeholders,
                "scan_result": await self.async_scan_text(),
            },
        )

    async def async_step_device(self) -> ResultT:
        """Continue with the form of the battery or inverter."""
        steps = {
            SUBENTRY_BATTERY: self.async_step_battery,
            SUBENTRY_INVERTER: self.async_step_inverter,
        }
        return await steps[self.kind]()

    async def async_step_battery(self, user_input: UserInput = None) -> ResultT:
        """Ask for the data of a battery."""
        raise NotImplementedError  # in DeviceSteps, which knows the forms

    async def async_step_inverter(self, user_input: UserInput = None) -> ResultT:
        """Ask for the data of an inverter."""
        raise NotImplementedError  # in DeviceSteps, which knows the forms

    async def async_scan_text(self) -> str:
        """Return the scan result as a sentence; empty without a scan."""
        if self._scan_result is None:
            return ""
        texts = await async_texts(self.hass)
        return describe_scan(
            self._scan_result,
            texts,
            replug=self.may_want_replugging(),
            may_ask=self._may_poll,
            asked=self._polls,
            alike=self._alike.received,
            own=self._alike.sent,
        )

    @property
    def _may_poll(self) -> bool:
        """Return whether a silent battery can be polled."""
        quiet = (
            self._scan_result is not None
            and self._scan_result.finding is Finding.SILENCE
        )
        return self.kind == SUBENTRY_BATTERY and quiet and self.tap() is None

    @property
    def detected_values(self) -> dict[str, Any]:
        """Return the proposed form values by what was detected."""
        values: dict[str, Any] = {}
        if self._scan_result and (battery := self._scan_result.battery):
            if battery.capacity_ah:
                values["capacity_ah"] = battery.capacity_ah
            if self._polls:
                values |= POLLED
        return values

    def _fault_key(self, fault: PortFault, reason: PortReason | None) -> str:
        """Return the text for a fault; the remedy depends on the kind of port."""
        assert self.port is not None
        if reason is not None:
            return reason.value
        serial = self.port[CONF_INTERFACE] == Interface.SLCAN
        if serial and fault is PortFault.NO_PERMISSION:
            return "no_permission_serial"
        return fault.value

    async def _async_listen(self) -> ScanResult:
        began = time.monotonic()

        def show_progress(_: datetime) -> None:
            part = (time.monotonic() - began) / LISTEN_TIME
            self.async_update_progress(min(part, 1.0))

        stop = async_track_time_interval(
            self.hass, show_progress, PROGRESS_INTERVAL, cancel_on_shutdown=True
        )
        try:
            result = await self._async_scan()
            # The frontend asks for progress once it shows this step: it would never
            # learn of a scan that ended before, such as one of a link that does not
            # exist
            await asyncio.sleep(max(0.0, began + SETTLE_TIME - time.monotonic()))
        finally:
            stop()
        return result

    async def _async_scan(self) -> ScanResult:
        assert self.port is not None
        others = SameBus(self.hass, self.own_id())
        async with others.compared(self.unused_ports()):
            if tap := self.tap():
                result = await listen_in(
                    tap,
                    seconds=LISTEN_TIME,
                    settle=SETTLE_TIME,
                    comparison=others.comparison,
                )
            else:
                result = await listen(
                    port_config(self.port),
                    seconds=LISTEN_TIME,
                    settle=SETTLE_TIME,
                    poll=self._polls,
                    comparison=others.comparison,
                )
        self._alike = others.alike
        return result
