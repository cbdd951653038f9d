"""The engine configuration from an entry, and the ports that are taken."""

from types import MappingProxyType
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bms_gateway.config_entry import (
    PortOwner,
    gateway_config,
    port_config,
    port_key,
    taken_ports,
)
from custom_components.bms_gateway.const import DOMAIN
from custom_components.bms_gateway.engine.config import (
    BatteryConfig,
    GatewayConfig,
    Interface,
    InverterConfig,
    LossPolicy,
    PortConfig,
    Strategy,
)
from custom_components.bms_gateway.engine.presets import FrameLength, Make, SendMode
from homeassistant.config_entries import ConfigSubentryDataWithId
from homeassistant.core import HomeAssistant

CAN0 = {"interface": "socketcan", "channel": "can0", "bitrate": 500_000}
CAN1 = {"interface": "socketcan", "channel": "can1", "bitrate": 250_000}


def subentry(
    kind: str, number: int, data: dict[str, Any], title: str = "Device"
) -> ConfigSubentryDataWithId:
    """Return a subentry as it is stored."""
    return ConfigSubentryDataWithId(
        data=MappingProxyType(data),
        subentry_type=kind,
        subentry_id=f"{kind}-{number}",
        title=title,
        unique_id=None,
    )


def gateway(
    *subentries: ConfigSubentryDataWithId,
    title: str = "Bank",
    options: dict[str, Any] | None = None,
) -> MockConfigEntry:
    """Return a gateway's entry."""
    return MockConfigEntry(
        domain=DOMAIN,
        title=title,
        data={"simulated": False},
        options=options or {},
        subentries_data=subentries,
    )


def test_entry_without_options_has_the_engines_defaults() -> None:
    """The defaults are the engine's."""
    assert gateway_config(gateway(title="House")) == GatewayConfig(name="House")


def test_every_option_reaches_the_engine() -> None:
    """Options use the engine's field names; the rest is not for the engine."""
    entry = gateway(
        title="House",
        options={
            "strategy": "sum",
            "charge_loss_policy": "reduce",
            "discharge_loss_policy": "stop",
            "discharge_grace": 0.0,
            "start_timeout": 20.0,
            "total_charge": 150.0,
            "total_discharge": 200.0,
            "current_factor": 1.1,
            "current_offset": -0.5,
            "forward_requests": True,
            "block_at_end": True,
            "update_interval": 10.0,
        },
    )
    config = gateway_config(entry)
    assert config == GatewayConfig(
        name="House",
        strategy=Strategy.SUM,
        charge_loss_policy=LossPolicy.REDUCE,
        discharge_loss_policy=LossPolicy.STOP,
        discharge_grace=0.0,
        start_timeout=20.0,
        total_charge=150.0,
        total_discharge=200.0,
        current_factor=1.1,
        current_offset=-0.5,
        forward_requests=True,
        block_at_end=True,
    )
    assert isinstance(config.strategy, Strategy)
    assert isinstance(config.charge_loss_policy, LossPolicy)


def test_batteries_keep_their_subentrys_id_title_and_order() -> None:
    """The id never changes; the name is the user's."""
    entry = gateway(
        subentry("battery", 2, {**CAN0, "capacity_ah": 280.0}, "Cellar"),
        subentry(
            "battery",
            1,
            {**CAN1, "capacity_ah": 100.0, "poll_interval": 2.0, "timeout": 30.0},
            "Garage",
        ),
    )
    assert gateway_config(entry).batteries == (
        BatteryConfig(
            id="battery-2",
            name="Cellar",
            port=PortConfig(Interface.SOCKETCAN, "can0", 500_000),
            capacity_ah=280.0,
        ),
        BatteryConfig(
            id="battery-1",
            name="Garage",
            port=PortConfig(Interface.SOCKETCAN, "can1", 250_000),
            capacity_ah=100.0,
            poll_interval=2.0,
            timeout=30.0,
        ),
    )


def test_every_field_of_an_inverter_reaches_the_engine() -> None:
    """Rare fields too."""
    data = {
        **CAN0,
        "rated_charge": 100.0,
        "rated_discharge": 120.0,
        "make": "deye",
        "mode": "reply",
        "min_send_interval": 0.5,
        "prompt_interval": 5.0,
        "current_factor": 0.5,
        "current_offset": 1.0,
        "frame_length": "exact",
        "stop_by_soc": True,
    }
    config = gateway_config(gateway(subentry("inverter", 1, data, "Roof")))
    assert config.inverters == (
        InverterConfig(
            id="inverter-1",
            name="Roof",
            port=PortConfig(Interface.SOCKETCAN, "can0", 500_000),
            rated_charge=100.0,
            rated_discharge=120.0,
            make=Make.DEYE,
            mode=SendMode.REPLY,
            min_send_interval=0.5,
            prompt_interval=5.0,
            current_factor=0.5,
            current_offset=1.0,
            frame_length=FrameLength.EXACT,
            stop_by_soc=True,
        ),
    )
    assert isinstance(config.inverters[0].mode, SendMode)


def test_unusable_configuration_is_rejected() -> None:
    """Never guessed: an unknown strategy or a battery without a capacity."""
    with pytest.raises(ValueError, match="guess"):
        gateway_config(gateway(options={"strategy": "guess"}))
    with pytest.raises(ValueError, match=r"Device: .*capacity_ah"):
        gateway_config(gateway(subentry("battery", 1, CAN0)))
    with pytest.raises(KeyError, match="channel"):
        port_config({"interface": "virtual"})


def test_port_without_a_bitrate_gets_the_default() -> None:
    """500 kbit/s, as every low-voltage battery."""
    port = port_config({"interface": "virtual", "channel": "a"})
    assert port == PortConfig(Interface.VIRTUAL, "a", 500_000)


def test_channel_is_the_same_port_at_any_bitrate() -> None:
    """A link has one bitrate: two devices cannot have it at two."""
    assert port_key(CAN0) == port_key(CAN0 | {"bitrate": 250_000})
    assert port_key(CAN0) != port_key(CAN1)
    assert port_key(CAN0) != port_key(CAN0 | {"interface": "virtual"})


def test_ports_of_all_gateways_count_as_taken(hass: HomeAssistant) -> None:
    """Of batteries and inverters, except the one named."""
    gateway(subentry("battery", 1, CAN0, "Cellar"), title="House").add_to_hass(hass)
    gateway(subentry("inverter", 2, CAN1, "Roof"), title="Barn").add_to_hass(hass)
    assert taken_ports(hass) == {
        (Interface.SOCKETCAN, "can0"): PortOwner("House", "Cellar"),
        (Interface.SOCKETCAN, "can1"): PortOwner("Barn", "Roof"),
    }
    assert taken_ports(hass, but="inverter-2") == {
        (Interface.SOCKETCAN, "can0"): PortOwner("House", "Cellar"),
    }


def test_adapter_is_the_same_under_another_name() -> None:
    """Names of links are swapped when adapters are plugged in in another order."""
    left, right = (CAN0 | {"identity": name} for name in ("usb:left", "usb:right"))
    assert port_key(left) == port_key(left | {"channel": "can1"})
    assert port_key(left) != port_key(right)
    assert port_config(left | {"bring_up": True}) == PortConfig(
        Interface.SOCKETCAN, "can0", identity="usb:left", bring_up=True
    )
