"""The steps that set up one battery or inverter: its port, a scan, its settings."""

from typing import Any

from homeassistant.data_entry_flow import FlowHandler, FlowResult

from ..config_entry import CONF_CHANNEL
from .device_setup import DeviceSetup
from .forms.form import SECTION_RARE, UserInput, expanded, read, show_form
from .forms.schemas import CONF_CONNECTION, MANUAL_FORM, Choice, connection_form
from .ports.listen import async_scan
from .texts import async_texts


class DeviceSteps[ResultT: FlowResult[Any, Any]](FlowHandler[Any, ResultT, Any]):
    """The steps that Home Assistant calls by name, in their order.

    A flow sets `device` and begins with `async_step_port`.
    """

    device: DeviceSetup[ResultT]

    async def async_step_port(self, user_input: UserInput = None) -> ResultT:
        """Ask for a connection of this machine."""
        if user_input is None:
            return await self._async_show_connections()
        values, _ = read(connection_form({}), user_input)
        self.device.ports.use(values)
        match values[CONF_CONNECTION]:
            case Choice.MANUAL:
                return await self.async_step_manual()
            case Choice.RESCAN:
                return await self._async_show_connections()
            case Choice.SKIP:
                assert self.device.skip is not None
                return await self.device.skip()
            case key:
                self.device.ports.choose(key)
                return await self._async_use_port()

    async def async_step_manual(self, user_input: UserInput = None) -> ResultT:
        """Ask for a connection that is not in the list; empty input leads back."""
        if user_input is None:
            return self._show_manual()
        values, _ = read(MANUAL_FORM, user_input)
        self.device.ports.use(values)
        if not values.get(CONF_CHANNEL):
            return await self.async_step_port()
        await self.device.ports.async_enter(values)
        return await self._async_use_port()

    async def async_step_listen(self, user_input: UserInput = None) -> ResultT:
        """Show the progress of the scan until it ends."""
        scanning = self.device.scanning
        assert scanning is not None
        if not scanning.done():
            return self.async_show_progress(
                step_id="listen",
                progress_action="poll" if self.device.polls else "listen",
                progress_task=scanning,
                description_placeholders=self.device.placeholders,
            )
        self.device.scanned = scanning.result()
        return self.async_show_progress_done(next_step_id="evaluate")

    async def async_step_listen_again(self, user_input: UserInput = None) -> ResultT:
        """Scan; nothing is sent."""
        return await self._async_scan(poll=False)

    async def async_step_poll(self, user_input: UserInput = None) -> ResultT:
        """Ask the battery once, and listen to what it answers."""
        return await self._async_scan(poll=True)

    async def async_step_evaluate(self, user_input: UserInput = None) -> ResultT:
        """Continue if the expected device was detected; else show what was found."""
        if fault := self.device.fault:
            return await self.async_refuse_port(fault)
        if self.device.is_detected:
            return await self.async_ask_settings()
        return await self.async_step_scan_result()

    async def async_step_scan_result(self, user_input: UserInput = None) -> ResultT:
        """Show what was detected instead, and ask how to continue."""
        texts = await async_texts(self.hass)
        scan_result = self.device.scan_text(texts, offers_poll=True)
        return self.async_show_menu(
            step_id="scan_result",
            menu_options=self.device.scan_options,
            description_placeholders={
                **self.device.placeholders,
                "scan_result": scan_result,
            },
        )

    async def async_step_battery(self, user_input: UserInput = None) -> ResultT:
        """Ask for the settings of a battery."""
        return await self.async_ask_settings(user_input)

    async def async_step_inverter(self, user_input: UserInput = None) -> ResultT:
        """Ask for the settings of an inverter."""
        return await self.async_ask_settings(user_input)

    async def async_ask_settings(self, user_input: UserInput = None) -> ResultT:
        """Ask for the settings, then store the device."""
        device = self.device
        errors: dict[str, str] = {}
        if user_input is not None:
            device.entered, errors = read(device.form, user_input)
            errors |= device.voltage_error
        if user_input is None or errors:
            scan_result = device.scan_text(await async_texts(self.hass))
            return show_form(
                self,
                device.kind,
                device.form,
                device.values,
                errors,
                {"scan_result": scan_result},
            )
        # Another flow may have taken it in the meantime
        if error := device.ports.error:
            return await self.async_refuse_port(error)
        return await device.accept(device.subentry)

    async def async_refuse_port(self, error: str) -> ResultT:
        """Show the form of the port again with an error."""
        if self.device.ports.by_hand:
            return self._show_manual({CONF_CHANNEL: error})
        return await self._async_show_connections({CONF_CONNECTION: error})

    async def _async_use_port(self) -> ResultT:
        self.device.scanned = None
        if error := self.device.ports.error:
            return await self.async_refuse_port(error)
        if not self.device.may_scan:
            return await self.async_ask_settings()
        return await self.async_step_listen_again()

    async def _async_scan(self, *, poll: bool) -> ResultT:
        device = self.device
        device.polls = poll
        device.scanning = self.hass.async_create_task(
            async_scan(
                self.hass,
                device.ports.config,
                self.async_update_progress,
                running=device.running_port(),
                poll=poll,
                but=device.changed.subentry_id if device.changed else None,
                unused_ports=device.unused_ports,
            )
        )
        return await self.async_step_listen()

    async def _async_show_connections(
        self, errors: dict[str, str] | None = None
    ) -> ResultT:
        texts = await async_texts(self.hass)
        ports = self.device.ports
        is_there = await ports.async_find(texts)
        form = ports.form(texts, may_skip=self.device.skip is not None)
        return show_form(
            self,
            "port",
            # The remedy for most errors is in there
            expanded(form, [SECTION_RARE] if errors else []),
            ports.list_values(),
            errors,
            {
                **self.device.placeholders,
                "hint": "" if is_there else texts["connection_none"],
            },
        )

    def _show_manual(self, errors: dict[str, str] | None = None) -> ResultT:
        return show_form(
            self,
            "manual",
            expanded(MANUAL_FORM, [SECTION_RARE] if errors else []),
            self.device.ports.manual_values(),
            errors,
            self.device.placeholders,
        )
