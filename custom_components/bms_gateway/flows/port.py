"""The steps that choose a battery's or inverter's port, from a list or by hand."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowHandler, FlowResult
from homeassistant.helpers.translation import async_get_translations

from ..config_entry import (
    CONF_BITRATE,
    CONF_BRING_UP,
    CONF_CHANNEL,
    CONF_INTERFACE,
    PortKey,
    PortOwner,
    port_config,
    port_key,
)
from ..const import DOMAIN
from ..engine.can.interface.discovery import set_up_commands
from ..engine.config import Interface
from .connections import Connection, Texts, async_find_connections, async_identify
from .forms import SECTION_RARE, Form
from .schemas import CONF_CONNECTION, MANUAL_FORM, USE_KEYS, Choice, connection_form

type UserInput = dict[str, Any] | None
"""The input of a form; None while it is to be shown."""


async def async_texts(hass: HomeAssistant) -> Texts:
    """Return the texts that belong to no form or menu."""
    prefix = f"component.{DOMAIN}.common."
    found = await async_get_translations(
        hass, hass.config.language, "common", (DOMAIN,)
    )
    return {key.removeprefix(prefix): text for key, text in found.items()}


async def async_propose_name(hass: HomeAssistant, kind: str, number: int = 1) -> str:
    """Return a name in Home Assistant's language, such as "Battery 2"."""
    texts = await async_texts(hass)
    return texts[f"name_{kind}"].format(number=number)


class PortSteps[ResultT: FlowResult[Any, Any]](FlowHandler[Any, ResultT, Any]):
    """Leads from the list of connections to `async_use_port`.

    `kind` is the kind of device the port is for; `port` is the chosen port as it is
    stored.
    """

    kind: str
    device_name: str
    port: Mapping[str, Any] | None = None
    _proposed_port: Mapping[str, Any] | None = None
    """The connection to propose first."""
    _connection: Connection | None = None
    """The chosen connection; None as long as it is the stored one."""
    _use: Mapping[str, Any] = MappingProxyType({})
    """The last input for how to use the connection."""
    _form_step = "port"
    _found: Sequence[Connection] = ()

    def taken(self) -> Mapping[PortKey, PortOwner]:
        """Return the ports that this device cannot have."""
        raise NotImplementedError  # a new entry counts the devices of its own form

    def may_leave_out(self) -> bool:
        """Return whether the flow can continue without this device."""
        return False

    async def async_leave_out(self) -> ResultT:
        """Continue without this device."""
        raise NotImplementedError  # only where may_leave_out returns True

    async def async_use_port(self) -> ResultT:
        """Continue with a port that this device can have."""
        raise NotImplementedError  # the step that follows depends on the flow

    async def async_step_port(self, user_input: UserInput = None) -> ResultT:
        """Ask for a connection of this machine."""
        if user_input is None:
            return await self._async_show_connections()
        values = connection_form({}).read(user_input)
        self._use = {key: values[key] for key in USE_KEYS}
        match values[CONF_CONNECTION]:
            case Choice.MANUAL:
                return await self.async_step_manual()
            case Choice.RESCAN:
                return await self._async_show_connections()
            case Choice.SKIP:
                return await self.async_leave_out()
            case key:
                [chosen] = [each for each in self._found if each.key == key]
                return await self._async_choose(chosen, "port")

    async def async_step_manual(self, user_input: UserInput = None) -> ResultT:
        """Ask for a connection that is not in the list; empty input leads back."""
        if user_input is None:
            here = self._here()
            port = here.port if here else self.port or {}
            return self._show(MANUAL_FORM, {**port, **self._use}, "manual")
        values = MANUAL_FORM.read(user_input)
        self._use = {key: values[key] for key in USE_KEYS}
        if not values.get(CONF_CHANNEL):
            return await self.async_step_port()
        entered = await async_identify(self.hass, self._found, values)
        return await self._async_choose(entered, "manual")

    def port_error(self) -> str | None:
        """Return the error if the chosen port cannot be this device's."""
        assert self.port is not None
        return "port_taken" if self._owner else None

    async def async_refuse(self, error: str) -> ResultT:
        """Show the form of the port again with an error."""
        if self._form_step == "port":
            return await self._async_show_connections({CONF_CONNECTION: error})
        values = {**(self.port or {}), **self._use}
        return self._show(MANUAL_FORM, values, "manual", {CONF_CHANNEL: error})

    def forget_port(self) -> None:
        """Start again for the next device."""
        self.port = self._proposed_port = self._connection = None
        self._use = {}

    @property
    def names(self) -> tuple[PortKey, ...]:
        """Return all keys under which the chosen port may be stored."""
        assert self.port is not None
        return self._connection.names if self._connection else (port_key(self.port),)

    @property
    def _owner(self) -> PortOwner | None:
        taken = self.taken()
        return next((taken[name] for name in self.names if name in taken), None)

    async def _async_choose(self, chosen: Connection, step: str) -> ResultT:
        self.port = {**chosen.port, CONF_BITRATE: self._use[CONF_BITRATE]}
        if chosen.port[CONF_INTERFACE] == Interface.SOCKETCAN:
            self.port[CONF_BRING_UP] = self._use[CONF_BRING_UP]
        self._connection, self._form_step = chosen, step
        if error := self.port_error():
            return await self.async_refuse(error)
        return await self.async_use_port()

    async def _async_show_connections(
        self, errors: dict[str, str] | None = None
    ) -> ResultT:
        texts = await async_texts(self.hass)
        self._found = await async_find_connections(self.hass, texts)
        form = connection_form(self._labels(texts))
        is_there = any(each.is_can for each in self._found)
        hint = "" if is_there else texts["connection_none"]
        return self._show(form, self._proposal(), "port", errors, hint=hint)

    def _show(
        self,
        form: Form,
        values: Mapping[str, Any],
        step: str,
        errors: dict[str, str] | None = None,
        **placeholders: str,
    ) -> ResultT:
        # The remedy for most errors is in there
        unfolded = [SECTION_RARE] if errors else []
        return self.async_show_form(
            step_id=step,
            data_schema=form.schema(values, unfolded),
            errors=errors or {},
            description_placeholders=self.placeholders | placeholders,
        )

    def _labels(self, texts: Texts) -> dict[str, str]:
        """Return the choices: found connections, then the other options."""
        taken = self.taken()
        labels = {each.key: each.list_label(taken, texts) for each in self._found}
        for choice in Choice:
            if choice is not Choice.SKIP or self.may_leave_out():
                labels[choice] = texts[f"connection_{choice}"]
        return labels

    def _proposal(self) -> dict[str, Any]:
        """Return the initial values: the chosen connection, or the first free one."""
        use = {**(self.port or {}), **self._use}
        values = {key: use[key] for key in USE_KEYS if key in use}
        taken = self.taken()
        free = [each for each in self._found if each.is_can and not each.owner(taken)]
        if here := self._here():
            values[CONF_CONNECTION] = here.key
        elif self.port:
            local = self.port[CONF_INTERFACE] in {Interface.SOCKETCAN, Interface.SLCAN}
            # Unplugged, or not of this machine
            values[CONF_CONNECTION] = Choice.RESCAN if local else Choice.MANUAL
        elif free:
            values[CONF_CONNECTION] = free[0].key
        return values

    def _here(self) -> Connection | None:
        """Return the chosen or proposed connection if it is in the list."""
        searched = self.port or self._proposed_port
        if searched is None:
            return None
        name = port_key(searched)
        return next((each for each in self._found if name in each.names), None)

    @property
    def placeholders(self) -> dict[str, str]:
        """Return the placeholders for the chosen port in the texts of all steps."""
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
