"""The steps that listen to a port: who talks there, and how to go on then."""

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
from ..engine.detection.scan import LISTEN_TIME, SETTLE_TIME, Tap, listen, listen_in
from ..engine.model import PortFault, PortReason
from .detected import tell
from .port import PortSteps, Typed, async_texts
from .same_bus import Alike, SameBus

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
    """Leads from a port that was chosen to `async_step_battery` or `…_inverter`."""

    may_change_kind = False
    """Whether a battery may turn out to be an inverter."""
    _heard: ScanResult | None = None
    _alike = Alike()
    """Who was heard on another port, too."""
    _asks = False
    """Whether the battery is asked, or was when it was heard."""
    _listening: asyncio.Task[ScanResult] | None = None

    def tap(self) -> Tap | None:
        """Return how to listen to the chosen port if this device's gateway uses it."""
        return None

    def may_listen(self) -> bool:
        """Return whether that tells anything of the port as it is to be used."""
        return True

    def own_id(self) -> str | None:
        """Return the id of the device that is changed; None: it is a new one."""
        return None

    def unused_ports(self) -> Sequence[tuple[str, PortConfig]]:
        """Return ports that were chosen and that no gateway has open yet, with names."""
        return ()

    def may_want_replugging(self) -> bool:
        """Return whether a silence may be that of a USB adapter that hangs."""
        return self.port is not None and port_config(self.port).is_usb

    @override
    def forget_port(self) -> None:
        super().forget_port()
        self._heard, self._alike = None, Alike()

    @override
    async def async_use_port(self) -> ResultT:
        self._heard, self._alike = None, Alike()
        if not self.may_listen():
            return await self.async_step_device()
        return await self.async_step_listen_again()

    async def async_step_listen(self, user_input: Typed = None) -> ResultT:
        """Listen for some seconds; nothing is sent but the 0x305 asked for."""
        if self._listening is None:
            self._listening = self.hass.async_create_task(self._async_listen())
        if not self._listening.done():
            return self.async_show_progress(
                step_id="listen",
                progress_action="poll" if self._asks else "listen",
                progress_task=self._listening,
                description_placeholders=self.placeholders,
            )
        self._heard = self._listening.result()
        self._listening = None
        return self.async_show_progress_done(next_step_id="judge")

    async def async_step_listen_again(self, user_input: Typed = None) -> ResultT:
        """Listen once more."""
        self._asks = False
        return await self.async_step_listen()

    async def async_step_poll(self, user_input: Typed = None) -> ResultT:
        """Ask the battery once, and listen to what it answers."""
        self._asks = True
        return await self.async_step_listen()

    async def async_step_judge(self, user_input: Typed = None) -> ResultT:
        """Go on if what was heard is what was looked for; else say what it was."""
        heard = self._heard
        assert heard is not None
        if heard.fault is not None:
            return await self.async_refuse(self._fault_key(heard.fault, heard.reason))
        if heard.finding is _EXPECTED[self.kind] and self._alike == Alike():
            return await self.async_step_device()
        return await self.async_step_scan_result()

    async def async_step_scan_result(self, user_input: Typed = None) -> ResultT:
        """Say what was heard instead, and ask how to go on."""
        assert self._heard is not None
        finding = self._heard.finding
        options = ["listen_again", "port"]
        if self.kind == SUBENTRY_BATTERY or finding not in _OF_A_BATTERY:
            options.insert(0, self.kind)
        if self._may_ask:
            options.insert(1, "poll")
        if self.may_change_kind and finding is _EXPECTED[_OTHER[self.kind]]:
            options.insert(0, "detected_kind")
        return self.async_show_menu(
            step_id="scan_result",
            menu_options=options,
            description_placeholders={
                **self.placeholders,
                "scan_result": await self.async_told(),
            },
        )

    async def async_step_device(self) -> ResultT:
        """Go on to the form of the battery or inverter."""
        steps = {
            SUBENTRY_BATTERY: self.async_step_battery,
            SUBENTRY_INVERTER: self.async_step_inverter,
        }
        return await steps[self.kind]()

    async def async_step_battery(self, user_input: Typed = None) -> ResultT:
        """Ask for what is to be known of a battery."""
        raise NotImplementedError

    async def async_step_inverter(self, user_input: Typed = None) -> ResultT:
        """Ask for what is to be known of an inverter."""
        raise NotImplementedError

    async def async_told(self) -> str:
        """Return what was heard in a sentence; nothing where nobody listened."""
        if self._heard is None:
            return ""
        texts = await async_texts(self.hass)
        return tell(
            self._heard,
            texts,
            replug=self.may_want_replugging(),
            may_ask=self._may_ask,
            asked=self._asks,
            alike=self._alike.heard,
            own=self._alike.sent,
        )

    @property
    def _may_ask(self) -> bool:
        """Return whether a battery can be asked that says nothing."""
        quiet = self._heard is not None and self._heard.finding is Finding.SILENCE
        return self.kind == SUBENTRY_BATTERY and quiet and self.tap() is None

    @property
    def heard_values(self) -> dict[str, Any]:
        """Return what to propose in the device's form by what was heard."""
        values: dict[str, Any] = {}
        if self._heard and (battery := self._heard.battery):
            if battery.capacity_ah:
                values["capacity_ah"] = battery.capacity_ah
            if self._asks:
                values |= POLLED
        return values

    def _fault_key(self, fault: PortFault, reason: PortReason | None) -> str:
        """Return the text for a fault; what cures it depends on the kind of port."""
        assert self.port is not None
        if reason is not None:
            return reason.value
        serial = self.port[CONF_INTERFACE] == Interface.SLCAN
        if serial and fault is PortFault.NO_PERMISSION:
            return "no_permission_serial"
        return fault.value

    async def _async_listen(self) -> ScanResult:
        began = time.monotonic()

        def tell_progress(_: datetime) -> None:
            part = (time.monotonic() - began) / LISTEN_TIME
            self.async_update_progress(min(part, 1.0))

        stop = async_track_time_interval(
            self.hass, tell_progress, PROGRESS_INTERVAL, cancel_on_shutdown=True
        )
        try:
            heard = await self._async_heard()
            # The frontend asks for news once it shows this step: of what ends before
            # that, as a link that is not there, it would never learn
            await asyncio.sleep(max(0.0, began + SETTLE_TIME - time.monotonic()))
        finally:
            stop()
        return heard

    async def _async_heard(self) -> ScanResult:
        assert self.port is not None
        others = SameBus(self.hass, self.own_id())
        async with others.compared(self.unused_ports()):
            if tap := self.tap():
                heard = await listen_in(
                    tap,
                    seconds=LISTEN_TIME,
                    settle=SETTLE_TIME,
                    comparison=others.comparison,
                )
            else:
                heard = await listen(
                    port_config(self.port),
                    seconds=LISTEN_TIME,
                    settle=SETTLE_TIME,
                    poll=self._asks,
                    comparison=others.comparison,
                )
        self._alike = others.alike
        return heard
