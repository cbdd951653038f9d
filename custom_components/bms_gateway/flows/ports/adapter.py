"""An adapter that was plugged in: whether it is free, and the gateways to add it to."""

from types import MappingProxyType

from homeassistant.components.usb import human_readable_device_name
from homeassistant.config_entries import ConfigEntry, ConfigSubentry, ConfigSubentryData
from homeassistant.core import HomeAssistant
from homeassistant.helpers.service_info.usb import UsbServiceInfo

from ...config_entry import taken_ports
from ...const import CONF_SIMULATED, DOMAIN
from ..forms.form import Form
from ..forms.schemas import NEW, gateway_choice
from ..texts import async_texts
from .connections import adapter_port, async_find_connections, async_identify


async def async_is_in_use(hass: HomeAssistant, device: str) -> bool:
    """Return whether a gateway has the adapter, by whatever name it is stored."""
    found = await async_find_connections(hass, await async_texts(hass))
    adapter = await async_identify(hass, found, adapter_port(device))
    return adapter.owner(taken_ports(hass)) is not None


def adapter_name(info: UsbServiceInfo) -> str:
    """Return the name under which Home Assistant shows the adapter."""
    return human_readable_device_name(
        info.device,
        info.serial_number,
        info.manufacturer,
        info.description,
        info.vid,
        info.pid,
    )


async def async_gateway_form(hass: HomeAssistant) -> Form | None:
    """Return the choice between a new gateway and those with real hardware, if any."""
    names = {
        entry.entry_id: entry.title
        for entry in hass.config_entries.async_entries(DOMAIN, include_ignore=False)
        if not entry.data.get(CONF_SIMULATED, False)
    }
    if not names:
        return None
    texts = await async_texts(hass)
    return gateway_choice({**names, NEW: texts["gateway_new"]})


def add_device(
    hass: HomeAssistant, gateway: ConfigEntry, device: ConfigSubentryData
) -> dict[str, str]:
    """Add a device to a gateway, while it runs; return the placeholders of its text."""
    hass.config_entries.async_add_subentry(
        gateway,
        ConfigSubentry(
            data=MappingProxyType(device["data"]),
            subentry_type=device["subentry_type"],
            title=device["title"],
            unique_id=None,
        ),
    )
    return {"device": device["title"], "gateway": gateway.title}
