"""BMS CAN Gateway: combines CAN batteries into one and presents it to inverters."""

from homeassistant.const import EVENT_HOMEASSISTANT_STOP, Platform
from homeassistant.core import Event, HomeAssistant
from homeassistant.exceptions import ConfigEntryError
from homeassistant.helpers import config_validation as cv, device_registry as dr
from homeassistant.helpers.typing import ConfigType

from .can_log.services import async_register_traffic_action
from .config_entry import gateway_config
from .const import DOMAIN
from .energy.store import EnergyStore
from .engine.config import GatewayConfig
from .issues.registry import async_remove_issues
from .monitor import EVENT_DETECTORS
from .mqtt import Uplink, async_await_mqtt
from .runtime import BmsGatewayConfigEntry, async_build
from .services import async_register_actions
from .setpoints.store import SetpointStore

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)
PLATFORMS = (
    Platform.BINARY_SENSOR,
    Platform.EVENT,
    Platform.NUMBER,
    Platform.SENSOR,
    Platform.SWITCH,
)


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Register the actions and wait for MQTT, once for all gateways."""
    async_register_actions(hass)
    async_register_traffic_action(hass)
    async_await_mqtt(hass)
    return True


async def async_setup_entry(hass: HomeAssistant, entry: BmsGatewayConfigEntry) -> bool:
    """Start a gateway. A port that cannot be opened does not fail the set-up."""
    runtime = await async_build(hass, entry, _config(entry))
    entry.runtime_data = runtime
    uplink = Uplink(hass, entry)

    async def async_stop(_: Event | None = None) -> None:
        await runtime.async_stop()

    async def async_apply(_: HomeAssistant, entry: BmsGatewayConfigEntry) -> None:
        await runtime.async_apply()
        await uplink.async_apply()
        if runtime.simulation:
            await runtime.simulation.async_apply(runtime.config)

    entry.async_on_unload(async_stop)
    entry.async_on_unload(
        hass.bus.async_listen_once(EVENT_HOMEASSISTANT_STOP, async_stop)
    )
    await runtime.async_start()
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    # Not earlier: event entities that do not exist yet would miss events
    runtime.async_follow()
    uplink.async_start()
    entry.async_on_unload(entry.add_update_listener(async_apply))
    return True


async def async_unload_entry(hass: HomeAssistant, entry: BmsGatewayConfigEntry) -> bool:
    """Unload the entities; the gateway then stops sending and closes its ports."""
    return await hass.config_entries.async_unload_platforms(entry, PLATFORMS)


async def async_remove_entry(hass: HomeAssistant, entry: BmsGatewayConfigEntry) -> None:
    """Delete the stored data of a gateway and its repairs."""
    async_remove_issues(hass, entry.entry_id)
    await SetpointStore(hass, entry.entry_id).async_remove()
    await EnergyStore(hass, entry.entry_id, entry.title).async_remove()
    hass.data.get(EVENT_DETECTORS, {}).pop(entry.entry_id, None)


async def async_remove_config_entry_device(
    hass: HomeAssistant,
    entry: BmsGatewayConfigEntry,
    device_entry: dr.AnyDeviceEntry,
) -> bool:
    """Allow a device to be removed unless the entry still has it."""
    in_use = {(DOMAIN, key) for key in (entry.entry_id, *entry.subentries)}
    return in_use.isdisjoint(device_entry.identifiers)


def _config(entry: BmsGatewayConfigEntry) -> GatewayConfig:
    try:
        return gateway_config(entry)
    except (KeyError, ValueError) as err:
        raise ConfigEntryError(
            translation_domain=DOMAIN,
            translation_key="unusable_configuration",
            translation_placeholders={"name": entry.title, "error": repr(err)},
        ) from err
