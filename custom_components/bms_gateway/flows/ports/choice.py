"""The choice of a battery's or inverter's port, from a list or by hand."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from homeassistant.core import HomeAssistant

from ...config_entry import (
    CONF_BITRATE,
    CONF_BRING_UP,
    CONF_INTERFACE,
    PortKey,
    PortOwner,
    port_config,
    port_key,
)
from ...engine.can.interface.discovery import set_up_commands
from ...engine.config import Interface, PortConfig
from ..forms.form import Form
from ..forms.schemas import CONF_CONNECTION, Choice, connection_form
from ..texts import Texts
from .connections import Connection, async_find_connections, async_identify


class PortChoice:
    """The port of one device: what is offered, and what was chosen.

    `taken`: returns the ports that the device cannot have. `stored`: its present port,
    as it is stored. `proposed`: the connection to propose first.
    """

    def __init__(
        self,
        hass: HomeAssistant,
        taken: Callable[[], Mapping[PortKey, PortOwner]],
        *,
        stored: Mapping[str, Any] | None = None,
        proposed: Mapping[str, Any] | None = None,
    ) -> None:
        """Start with the stored port, or none."""
        self.stored = stored
        """The chosen port as it is to be stored."""
        self.by_hand = False
        """Whether it was entered by hand, and not chosen from the list."""
        self._hass = hass
        self._taken = taken
        self._proposed = proposed
        self._found: Sequence[Connection] = ()
        self._connection: Connection | None = None
        """The chosen connection; None as long as it is the stored one."""
        self._use: Mapping[str, Any] = MappingProxyType({})
        """The last input for how to use the connection."""

    @property
    def config(self) -> PortConfig:
        """The chosen port."""
        assert self.stored is not None
        return port_config(self.stored)

    @property
    def names(self) -> tuple[PortKey, ...]:
        """All keys under which the chosen port may be stored."""
        assert self.stored is not None
        if self._connection:
            return self._connection.names
        return (port_key(self.stored),)

    @property
    def error(self) -> str | None:
        """The error if the chosen port cannot be this device's."""
        return "port_taken" if self._owner else None

    @property
    def placeholders(self) -> dict[str, str]:
        """The placeholders for the chosen port in the texts of all steps."""
        if self.stored is None:
            return {}
        config, owner = self.config, self._owner
        owned = {"gateway": owner.gateway, "device": owner.device} if owner else {}
        return owned | {
            "channel": config.channel,
            "bitrate": f"{config.bitrate / 1000:g}",
            "commands": " && ".join(set_up_commands(config.channel, config.bitrate)),
        }

    async def async_find(self, texts: Texts) -> bool:
        """Find the connections of this machine; return whether one is for CAN."""
        self._found = await async_find_connections(self._hass, texts)
        return any(each.is_can for each in self._found)

    def form(self, texts: Texts, *, may_skip: bool) -> Form:
        """Return the list: the connections that were found, then the other choices."""
        taken = self._taken()
        labels = {each.key: each.list_label(taken, texts) for each in self._found}
        for choice in Choice:
            if may_skip or choice is not Choice.SKIP:
                labels[choice.value] = texts[f"connection_{choice}"]
        return connection_form(labels)

    def list_values(self) -> dict[str, Any]:
        """Return what the list shows: the chosen connection, or the first free one.

        Without a free one: another search, since an adapter has to be plugged in first.
        """
        taken = self._taken()
        free = [each for each in self._found if each.is_can and not each.owner(taken)]
        values = self._shown_use()
        if here := self._here():
            values[CONF_CONNECTION] = here.key
        elif self.stored:
            local = self.config.interface in {Interface.SOCKETCAN, Interface.SLCAN}
            # Unplugged, or not of this machine
            values[CONF_CONNECTION] = Choice.RESCAN if local else Choice.MANUAL
        else:
            values[CONF_CONNECTION] = free[0].key if free else Choice.RESCAN
        return values

    def manual_values(self) -> dict[str, Any]:
        """Return what the form by hand shows: the connection by its present name."""
        here = self._here()
        return {**(here.port if here else self.stored or {}), **self._shown_use()}

    def use(self, values: Mapping[str, Any]) -> None:
        """Take the input for how to use whatever connection is chosen."""
        self._use = {
            CONF_BITRATE: int(values[CONF_BITRATE]),
            CONF_BRING_UP: values[CONF_BRING_UP],
        }

    def choose(self, key: str) -> None:
        """Take a connection from the list."""
        [chosen] = [each for each in self._found if each.key == key]
        self._take(chosen, by_hand=False)

    async def async_enter(self, values: Mapping[str, Any]) -> None:
        """Take a connection that was entered by hand."""
        entered = await async_identify(self._hass, self._found, values)
        self._take(entered, by_hand=True)

    def _take(self, chosen: Connection, *, by_hand: bool) -> None:
        use = dict(self._use)
        if chosen.port[CONF_INTERFACE] != Interface.SOCKETCAN:
            del use[CONF_BRING_UP]  # an adapter has no link to set up
        self.stored = {**chosen.port, **use}
        self._connection, self.by_hand = chosen, by_hand

    def _shown_use(self) -> dict[str, Any]:
        """Return how the connection is used, as the form's fields show it."""
        use = {**(self.stored or {}), **self._use}
        shown: dict[str, Any] = {}
        if CONF_BITRATE in use:
            shown[CONF_BITRATE] = str(use[CONF_BITRATE])
        if CONF_BRING_UP in use:
            shown[CONF_BRING_UP] = use[CONF_BRING_UP]
        return shown

    @property
    def _owner(self) -> PortOwner | None:
        taken = self._taken()
        return next((taken[name] for name in self.names if name in taken), None)

    def _here(self) -> Connection | None:
        """Return the chosen or proposed connection if it is in the list."""
        searched = self.stored or self._proposed
        if searched is None:
            return None
        name = port_key(searched)
        return next((each for each in self._found if name in each.names), None)
