"""Asks for one battery or inverter whose port is known already."""

from collections.abc import Mapping
from typing import Any, TypedDict

from homeassistant.config_entries import ConfigSubentryData
from homeassistant.const import CONF_NAME
from homeassistant.util.ulid import ulid_now

from ..config_entry import CONF_BITRATE, CONF_CHANNEL, CONF_INTERFACE, PORT_DATA
from ..engine.config import DEFAULT_BITRATE, Interface
from .schemas import DEVICE_FORMS


def simulated_port() -> dict[str, Any]:
    """Return the stored keys of a virtual port that nobody else has.

    Simulated batteries must never reach a real inverter.
    """
    return {
        CONF_INTERFACE: Interface.VIRTUAL.value,
        CONF_CHANNEL: f"simulated-{ulid_now()}",
        CONF_BITRATE: DEFAULT_BITRATE,
    }


class Shown(TypedDict):
    """What `async_show_form` is given."""

    data_schema: Any
    errors: dict[str, str]


class DeviceForm:
    """One battery or inverter while it is asked for.

    `stored`: the data that it has, where it is changed; `values`: what to show first.
    """

    def __init__(
        self,
        kind: str,
        port: Mapping[str, Any],
        stored: Mapping[str, Any],
        values: Mapping[str, Any],
    ) -> None:
        """Begin with nothing typed."""
        self._kind = kind
        self._port = port
        self._stored = {k: v for k, v in stored.items() if k not in PORT_DATA}
        self._form = DEVICE_FORMS[kind]
        self._errors: dict[str, str] = {}
        self.values = values

    def accept(self, typed: Mapping[str, Any]) -> bool:
        """Take what was typed; return whether it can be stored as it is."""
        self.values = self._form.read(typed)
        self._errors = self._form.errors(self.values)
        return not self._errors

    @property
    def shown(self) -> Shown:
        """The form with what was typed and what is wrong with it."""
        return {
            "data_schema": self._form.schema(self.values, self._errors),
            "errors": self._errors,
        }

    @property
    def subentry(self) -> ConfigSubentryData:
        """The subentry to store, once it was accepted."""
        data = self._form.merge(self._stored, self.values)
        name = data.pop(CONF_NAME)
        return ConfigSubentryData(
            data={**self._port, **data},
            subentry_type=self._kind,
            title=name,
            unique_id=None,
        )
