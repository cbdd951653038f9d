"""The steps that find a battery's or inverter's port: choose, listen, judge."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
import time
from types import MappingProxyType
from typing import Any, Final

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowHandler, FlowResult
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.helpers.translation import async_get_translations

from .connections import Connection, Texts, async_find_connections, async_identify
from .const import DOMAIN, SUBENTRY_BATTERY, SUBENTRY_INVERTER
from .engine.config import Interface
from .engine.heard import Finding, Heard
from .engine.links import set_up_commands
from .engine.listening import LISTEN_TIME, SETTLE_TIME, Tap, listen, overhear
from .engine.model import PortFault
from .entry import (
    CONF_BITRATE,
    CONF_BRING_UP,
    CONF_CHANNEL,
    CONF_INTERFACE,
    PortKey,
    PortOwner,
    port_config,
    port_key,
)
from .form import SECTION_RARE, Form
from .hearsay import tell
from .schemas import CONF_CONNECTION, MANUAL_FORM, USE_KEYS, Choice, connection_form

type Typed = dict[str, Any] | None
"""What was typed into a form; None while it is to be shown."""

PROGRESS_INTERVAL: Final = timedelta(seconds=0.25)

_EXPECTED: Final = {
    SUBENTRY_BATTERY: Finding.BATTERY,
    SUBENTRY_INVERTER: Finding.INVERTER,
}
_OTHER: Final = {
    SUBENTRY_BATTERY: SUBENTRY_INVERTER,
    SUBENTRY_INVERTER: SUBENTRY_BATTERY,
}


async def async_texts(hass: HomeAssistant) -> Texts:
    """Return the texts that no form or menu has for itself."""
    prefix = f"component.{DOMAIN}.common."
    found = await async_get_translations(
        hass, hass.config.language, "common", (DOMAIN,)
    )
    return {key.removeprefix(prefix): text for key, text in found.items()}


class PortSteps[ResultT: FlowResult[Any, Any]](FlowHandler[Any, ResultT, Any]):
    """Leads from the list of connections to `async_step_battery` or `…_inverter`.

    `kind` says for which of them a port is looked for; `port` is what was chosen, as it
    is stored.
    """

    kind: str
    device_name: str
    port: Mapping[str, Any] | None = None
    may_change_kind = False
    """Whether a battery may turn out to be an inverter."""
    _proposed_port: Mapping[str, Any] | None = None
    """The connection to propose first."""
    _connection: Connection | None = None
    """What was chosen; None as long as that is what is stored."""
    _use: Mapping[str, Any] = MappingProxyType({})
    """How a connection is to be used, as it was typed last."""
    _form_step = "port"
    _heard: Heard | None = None
    _asks = False
    _answered = False
    _listening: asyncio.Task[Heard] | None = None
    _found: Sequence[Connection] = ()

    def taken(self) -> Mapping[PortKey, PortOwner]:
        """Return the ports that this device cannot have."""
        raise NotImplementedError

    def tap(self) -> Tap | None:
        """Return how to listen to the chosen port if this device's gateway uses it."""
        return None

    def may_listen(self) -> bool:
        """Return whether that tells anything of the port as it is to be used."""
        return True

    def may_leave_out(self) -> bool:
        """Return whether it is possible to go on without this device."""
        return False

    async def async_leave_out(self) -> ResultT:
        """Go on without this device."""
        raise NotImplementedError

    async def async_step_port(self, user_input: Typed = None) -> ResultT:
        """Ask which connection of this machine it is."""
        if user_input is None:
            return await self._async_show_connections()
        values = connection_form({}).read(user_input)
        self._use = {key: values[key] for key in USE_KEYS}
        match values[CONF_CONNECTION]:
            case Choice.BY_HAND:
                return await self.async_step_manual()
            case Choice.AGAIN:
                return await self._async_show_connections()
            case Choice.LEAVE_OUT:
                return await self.async_leave_out()
            case key:
                [chosen] = [each for each in self._found if each.key == key]
                return await self._async_take(chosen, "port")

    async def async_step_manual(self, user_input: Typed = None) -> ResultT:
        """Ask for a connection that is not in the list; an empty one leads back."""
        if user_input is None:
            here = self._here()
            port = here.port if here else self.port or {}
            return self._show(MANUAL_FORM, {**port, **self._use}, "manual")
        values = MANUAL_FORM.read(user_input)
        self._use = {key: values[key] for key in USE_KEYS}
        if not values.get(CONF_CHANNEL):
            return await self.async_step_port()
        entered = await async_identify(self.hass, self._found, values)
        return await self._async_take(entered, "manual")

    async def async_step_listen(self, user_input: Typed = None) -> ResultT:
        """Listen for some seconds; nothing is sent but the 0x305 asked for."""
        if self._listening is None:
            self._listening = self.hass.async_create_task(self._async_listen())
        if not self._listening.done():
            return self.async_show_progress(
                step_id="listen",
                progress_action="ask" if self._asks else "listen",
                progress_task=self._listening,
                description_placeholders=self._placeholders,
            )
        self._heard = self._listening.result()
        self._listening = None
        return self.async_show_progress_done(next_step_id="judge")

    async def async_step_listen_again(self, user_input: Typed = None) -> ResultT:
        """Listen once more."""
        self._asks = False
        return await self.async_step_listen()

    async def async_step_ask(self, user_input: Typed = None) -> ResultT:
        """Ask the battery once, and listen to what it answers."""
        self._asks = True
        return await self.async_step_listen()

    async def async_step_judge(self, user_input: Typed = None) -> ResultT:
        """Go on if what was heard is what was looked for; else say what it was."""
        heard = self._heard
        assert heard is not None
        if heard.fault is not None:
            return await self.async_refuse(self._fault_key(heard.fault))
        self._answered = self._asks and heard.battery is not None
        if heard.finding is _EXPECTED[self.kind]:
            return await self.async_step_device()
        return await self.async_step_heard()

    async def async_step_heard(self, user_input: Typed = None) -> ResultT:
        """Say what was heard instead, and ask how to go on."""
        assert self._heard is not None
        finding = self._heard.finding
        options = ["listen_again", "port"]
        battery_here = finding in {Finding.BATTERY, Finding.BOTH}
        if self.kind == SUBENTRY_BATTERY or not battery_here:
            options.insert(0, self.kind)
        quiet = finding is Finding.SILENCE and self.tap() is None
        if self.kind == SUBENTRY_BATTERY and quiet:
            options.insert(1, "ask")
        if self.may_change_kind and finding is _EXPECTED[_OTHER[self.kind]]:
            options.insert(0, "other_kind")
        return self.async_show_menu(
            step_id="heard",
            menu_options=options,
            description_placeholders={
                **self._placeholders,
                "heard": await self.async_told(),
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
        return tell(self._heard, await async_texts(self.hass))

    @property
    def heard_values(self) -> dict[str, Any]:
        """Return what to propose in the device's form by what was heard."""
        values: dict[str, Any] = {}
        battery = self._heard.battery if self._heard else None
        if battery and battery.capacity_ah:
            values["capacity_ah"] = battery.capacity_ah
        if self._answered:
            values["poll_interval"] = 1.0  # as an inverter asks
        return values

    def port_error(self) -> str | None:
        """Return why the chosen port cannot be this device's, if so."""
        assert self.port is not None
        if self._owner:
            return "port_taken"
        suits = port_config(self.port).suits_inverters
        if self.kind == SUBENTRY_INVERTER and not suits:
            return "not_for_inverters"
        return None

    async def async_refuse(self, error: str) -> ResultT:
        """Show the form of the port again, with what is wrong."""
        if self._form_step == "port":
            return await self._async_show_connections({CONF_CONNECTION: error})
        values = {**(self.port or {}), **self._use}
        return self._show(MANUAL_FORM, values, "manual", {CONF_CHANNEL: error})

    def forget_port(self) -> None:
        """Begin anew, for the next device."""
        self.port = self._proposed_port = self._connection = self._heard = None
        self._use = {}
        self._asks = self._answered = False

    @property
    def names(self) -> tuple[PortKey, ...]:
        """Return all by which the chosen port may be stored."""
        assert self.port is not None
        return self._connection.names if self._connection else (port_key(self.port),)

    @property
    def _owner(self) -> PortOwner | None:
        taken = self.taken()
        return next((taken[name] for name in self.names if name in taken), None)

    def _fault_key(self, fault: PortFault) -> str:
        """Return the text for a fault; what cures it depends on the kind of port."""
        assert self.port is not None
        serial = self.port[CONF_INTERFACE] == Interface.SLCAN
        if serial and fault is PortFault.NO_PERMISSION:
            return "no_permission_serial"
        return fault.value

    async def _async_take(self, chosen: Connection, step: str) -> ResultT:
        self.port = {**chosen.port, CONF_BITRATE: self._use[CONF_BITRATE]}
        if chosen.port[CONF_INTERFACE] == Interface.SOCKETCAN:
            self.port[CONF_BRING_UP] = self._use[CONF_BRING_UP]
        self._connection, self._form_step = chosen, step
        if error := self.port_error():
            return await self.async_refuse(error)
        if not self.may_listen():
            self._heard = None
            return await self.async_step_device()
        return await self.async_step_listen_again()

    async def _async_listen(self) -> Heard:
        assert self.port is not None
        began = time.monotonic()

        def tell_progress(_: datetime) -> None:
            part = (time.monotonic() - began) / LISTEN_TIME
            self.async_update_progress(min(part, 1.0))

        stop = async_track_time_interval(
            self.hass, tell_progress, PROGRESS_INTERVAL, cancel_on_shutdown=True
        )
        try:
            if tap := self.tap():
                return await overhear(tap, seconds=LISTEN_TIME, settle=SETTLE_TIME)
            return await listen(
                port_config(self.port),
                seconds=LISTEN_TIME,
                settle=SETTLE_TIME,
                ask=self._asks,
            )
        finally:
            stop()

    async def _async_show_connections(
        self, errors: dict[str, str] | None = None
    ) -> ResultT:
        texts = await async_texts(self.hass)
        self._found = await async_find_connections(self.hass, texts)
        form = connection_form(self._labels(texts))
        return self._show(form, self._proposal(), "port", errors)

    def _show(
        self,
        form: Form,
        values: Mapping[str, Any],
        step: str,
        errors: dict[str, str] | None = None,
    ) -> ResultT:
        # What cures most of them is in there
        unfolded = [SECTION_RARE] if errors else []
        return self.async_show_form(
            step_id=step,
            data_schema=form.schema(values, unfolded),
            errors=errors or {},
            description_placeholders=self._placeholders,
        )

    def _labels(self, texts: Texts) -> dict[str, str]:
        """Return the choices: what was found, then what else can be done."""
        taken = self.taken()
        labels = {each.key: each.told(taken, texts) for each in self._found}
        for choice in Choice:
            if choice is not Choice.LEAVE_OUT or self.may_leave_out():
                labels[choice] = texts[f"connection_{choice}"]
        return labels

    def _proposal(self) -> dict[str, Any]:
        """Return the values of a fresh form: what was chosen, or the first free one."""
        use = {**(self.port or {}), **self._use}
        values = {key: use[key] for key in USE_KEYS if key in use}
        taken = self.taken()
        free = [each for each in self._found if each.is_can and not each.owner(taken)]
        if here := self._here():
            values[CONF_CONNECTION] = here.key
        elif self.port:
            local = self.port[CONF_INTERFACE] in {Interface.SOCKETCAN, Interface.SLCAN}
            # Unplugged, or not of this machine
            values[CONF_CONNECTION] = Choice.AGAIN if local else Choice.BY_HAND
        elif free:
            values[CONF_CONNECTION] = free[0].key
        return values

    def _here(self) -> Connection | None:
        """Return what is in the list of what was chosen, or is to be proposed."""
        wanted = self.port or self._proposed_port
        if wanted is None:
            return None
        name = port_key(wanted)
        return next((each for each in self._found if name in each.names), None)

    @property
    def _placeholders(self) -> dict[str, str]:
        placeholders = {"name": self.device_name}
        if self.port is None:
            return placeholders
        config = port_config(self.port)
        if owner := self._owner:
            placeholders |= {"gateway": owner.gateway, "device": owner.device}
        return placeholders | {
            "channel": config.channel,
            "bitrate": f"{config.bitrate / 1000:g}",
            "commands": " && ".join(set_up_commands(config.channel, config.bitrate)),
        }
