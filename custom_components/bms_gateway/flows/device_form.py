"""The form of one battery or inverter whose port is known."""

from collections.abc import Mapping
from typing import Any, TypedDict

from homeassistant.config_entries import ConfigSubentryData
from homeassistant.const import CONF_NAME
from homeassistant.util.ulid import ulid_now

from ..config_entry import CONF_BITRATE, CONF_CHANNEL, CONF_INTERFACE, PORT_DATA
from ..engine.config import DEFAULT_BITRATE, Interface
from .schemas import DEVICE_FORMS


def simulated_port() -> dict[str, Any]:
    """Return the stored data of a virtual port that no other device has.

    Simulated batteries must never reach a real inverter.
    """
    return {
        CONF_INTERFACE: Interface.VIRTUAL.value,
        CONF_CHANNEL: f"simulated-{ulid_now()}",
        CONF_BITRATE: DEFAULT_BITRATE,
    }


class Shown(TypedDict):
    """The arguments of `async_show_form`."""

    data_schema: Any
    errors: dict[str, str]


class DeviceForm:
    """The input for one battery or inverter.

    `stored`: its present data if it is being changed; `values`: the initial values.
    """

    def __init__(
        self,
        kind: str,
        port: Mapping[str, Any],
        stored: Mapping[str, Any],
        values: Mapping[str, Any],
    ) -> None:
        """Start without input."""
        self._kind = kind
        self._port = port
        self._stored = {k: v for k, v in stored.items() if k not in PORT_DATA}
        self._form = DEVICE_FORMS[kind]
        self._errors: dict[str, str] = {}
        self.values = values

    def accept(self, user_input: Mapping[str, Any]) -> bool:
        """Take the input; return whether it can be stored."""
        self.values = self._form.read(user_input)
        self._errors = self._form.errors(self.values)
        return not self._errors

    @property
    def shown(self) -> Shown:
        """The form with the input and its errors."""
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
