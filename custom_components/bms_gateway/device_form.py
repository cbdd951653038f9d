"""Asks for one battery or inverter: its form, and whether its port can be had."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypedDict

from homeassistant.config_entries import ConfigSubentryData
from homeassistant.const import CONF_NAME
from homeassistant.util.ulid import ulid_now

from .engine.config import DEFAULT_BITRATE, Interface
from .engine.port import probe
from .entry import (
    CONF_BITRATE,
    CONF_CHANNEL,
    CONF_INTERFACE,
    PortKey,
    PortOwner,
    port_config,
    port_key,
)
from .schemas import DEVICE_FORMS, PORT_KEYS

type TakenPorts = Callable[[], Mapping[PortKey, PortOwner]]
"""Looks up the ports that are taken now."""


def simulated_port() -> dict[str, Any]:
    """Return the stored keys of a virtual port that nobody else has."""
    return {
        CONF_INTERFACE: Interface.VIRTUAL.value,
        CONF_CHANNEL: f"simulated-{ulid_now()}",
        CONF_BITRATE: DEFAULT_BITRATE,
    }


class Shown(TypedDict):
    """What `async_show_form` is given."""

    data_schema: Any
    errors: dict[str, str]
    description_placeholders: dict[str, str]


class DeviceForm:
    """One battery or inverter while it is asked for.

    `stored`: the data that it has, where it is changed. A simulated one is not asked
    for its port: simulated batteries must never reach a real inverter.
    """

    def __init__(
        self,
        kind: str,
        name: str,
        stored: Mapping[str, Any] = MappingProxyType({}),
        *,
        simulated: bool = False,
    ) -> None:
        """Begin with the device's name, or one to propose."""
        self._kind = kind
        self._stored = simulated_port() | dict(stored) if simulated else stored
        self._form = DEVICE_FORMS[kind].without(PORT_KEYS if simulated else ())
        self._values = {**stored, CONF_NAME: name}
        self._errors: dict[str, str] = {}
        self._placeholders: dict[str, str] = {}

    async def async_accept(self, typed: Mapping[str, Any], taken: TakenPorts) -> bool:
        """Take what was typed; return whether it can be stored as it is."""
        self._values = self._form.read(typed)
        self._errors = self._form.errors(self._values)
        if CONF_CHANNEL not in self._errors and (
            error := await self._port_error(taken)
        ):
            self._errors[CONF_CHANNEL] = error
        return not self._errors

    @property
    def shown(self) -> Shown:
        """The form with what was typed and what is wrong with it."""
        return {
            "data_schema": self._form.schema(self._values, self._errors),
            "errors": self._errors,
            "description_placeholders": self._placeholders,
        }

    @property
    def subentry(self) -> ConfigSubentryData:
        """The subentry to store, once it was accepted."""
        return ConfigSubentryData(
            data=self._data,
            subentry_type=self._kind,
            title=self._values[CONF_NAME],
            unique_id=None,
        )

    @property
    def _data(self) -> dict[str, Any]:
        data = self._form.merge(self._stored, self._values)
        return {key: value for key, value in data.items() if key != CONF_NAME}

    async def _port_error(self, taken: TakenPorts) -> str | None:
        port = port_config(self._data)
        self._placeholders = {"channel": port.channel, "bitrate": str(port.bitrate)}
        if error := self._taken_error(taken):
            return error
        # A port that stays is not tried: a lost one must not prevent other changes
        if self._stored and port == port_config(self._stored):
            return None
        if fault := await probe(port):
            return fault.value
        # Another flow may have taken it in the meantime
        return self._taken_error(taken)

    def _taken_error(self, taken: TakenPorts) -> str | None:
        owner = taken().get(port_key(self._data))
        if owner is None:
            return None
        self._placeholders |= {"gateway": owner.gateway, "device": owner.device}
        return "port_taken"
