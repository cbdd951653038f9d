"""The published data of a snapshot: the bank, each battery and each inverter."""

from collections.abc import Set as AbstractSet
from dataclasses import fields
from typing import Any, Final

from ..engine.config import GatewayConfig
from ..engine.model import (
    BankState,
    BatteryState,
    InverterState,
    Limit,
    PortState,
    Readings,
    Snapshot,
    Telegram,
)
from ..throttle.availability import is_served
from .legacy_payload import daemon_state
from .settings import topic_ids

type Payload = dict[str, Any]
type Model = BankState | Readings | Telegram

_OTHER_NAMES: Final = {"name": "manufacturer"}
"""`name` is the user's name for it."""
_BY_DAEMON_KEYS: Final = frozenset(
    {
        *("soc", "soh", "voltage", "current", "temperature", "capacity_ah", "modules"),
        *("force_charge", "force_charge_2", "full_charge", "name"),
        # Before the rules; the sent values are published next to it
        *("charge_voltage_limit", "discharge_voltage_limit"),
    }
)
"""Bank values published under the daemon's keys or as sent."""


class Report:
    """One snapshot as JSON objects. `wall_now`: Unix seconds at the snapshot."""

    def __init__(self, now: Snapshot, config: GatewayConfig, wall_now: float) -> None:
        """Take the snapshot and the names used for publishing."""
        self._now = now
        self._config = config
        self._wall_now = wall_now
        self._batteries = topic_ids(config.batteries)
        self._inverters = topic_ids(config.inverters)

    def state(self) -> Payload:
        """Return the bank: the daemon's keys, then our own."""
        now = self._now
        batteries, inverters = now.batteries.values(), now.inverters.values()
        return {
            **daemon_state(now, self._wall),
            "name": self._config.name,
            "timestamp": self._wall_now,
            "status": now.status,
            **self._limit("charge", now.charge),
            **self._limit("discharge", now.discharge),
            "discharge_voltage_limit": now.discharge_voltage_limit,
            **_plain(BankState, now.bank, _BY_DAEMON_KEYS),
            "n_batteries": len(batteries),
            "n_batteries_online": sum(battery.online for battery in batteries),
            "n_inverters": len(inverters),
            "n_inverters_receiving": sum(each.listening is True for each in inverters),
        }

    def batteries(self) -> dict[str, Payload]:
        """Return each battery by its id in topics."""
        return {
            topic_id: self._battery(topic_id, state)
            for key, topic_id in self._batteries.items()
            if (state := self._now.batteries.get(key))
        }

    def inverters(self) -> dict[str, Payload]:
        """Return each inverter by its id in topics."""
        return {
            topic_id: self._inverter(topic_id, state)
            for key, topic_id in self._inverters.items()
            if (state := self._now.inverters.get(key))
        }

    def _battery(self, topic_id: str, battery: BatteryState) -> Payload:
        readings = battery.readings
        volts, amps = readings.voltage, readings.current
        return {
            **self._device(topic_id, battery.id),
            "state": battery.status,
            "dialect": battery.dialect,
            "capacity_ah": battery.capacity_ah,
            **_plain(Readings, readings, {"flag_bytes"}),
            "power": None if volts is None or amps is None else volts * amps,
            "current_share": battery.current_share,
            "circulating_current": battery.circulating_current,
            "excluded": sorted(battery.excluded),
            "telegrams": battery.telegrams,
            "losses": battery.losses,
            "n_invalid_data_telegrams": battery.invalid,
            "timestamp_last_bms_update": self._wall(battery.last_frame_at),
        }

    def _inverter(self, topic_id: str, inverter: InverterState) -> Payload:
        confirmed = is_served(inverter, self._now.status)
        limits = {"charge_current_limit", "discharge_current_limit"}
        return {
            **self._device(topic_id, inverter.id),
            "receiving": inverter.listening,
            "requesting": inverter.connected,
            **self._sent_limit("charge", inverter.charge if confirmed else None),
            **self._sent_limit("discharge", inverter.discharge if confirmed else None),
            **_plain(Telegram, inverter.confirmed if confirmed else None, limits),
            "telegrams_sent": inverter.telegrams_sent,
            "telegrams_dropped": inverter.telegrams_dropped,
            "timestamp_last_telegram": self._wall(inverter.last_telegram_at),
            "timestamp_last_inverter_request": self._wall(inverter.last_request_at),
        }

    def _device(self, topic_id: str, device_id: str) -> Payload:
        names = {device.id: device.name for device in self._config.devices}
        port = self._now.ports.get(device_id, PortState())
        return {
            "id": topic_id,
            "name": names[device_id],
            "timestamp": self._wall_now,
            "port": port.status,
        }

    def _sent_limit(self, direction: str, limit: Limit | None) -> Payload:
        amps = None if limit is None else limit.amps
        return {
            f"{direction}_current_limit": amps,
            **self._limit(direction, limit),
        }

    def _limit(self, direction: str, limit: Limit | None) -> Payload:
        """Return the binding rule of a limit with its source, device and figure."""
        names = self._batteries | self._inverters
        source = limit.source if limit else None
        return {
            f"{direction}_limited_by": limit.rule if limit else None,
            f"{direction}_limited_by_source": names.get(source or "", source),
            f"{direction}_limited_by_device": self._inverters.get(
                (limit.device if limit else None) or ""
            ),
            f"{direction}_limited_by_number": limit.number if limit else None,
        }

    def _wall(self, at: float | None) -> float | None:
        """Return Unix seconds for a time of the gateway's clock."""
        return None if at is None else self._wall_now - (self._now.at - at)


def _plain(model: type[Model], values: Model | None, but: AbstractSet[str]) -> Payload:
    """Return a model's fields by their names; all None without values."""
    return {
        _OTHER_NAMES.get(each.name, each.name): _value(values, each.name)
        for each in fields(model)
        if each.name not in but
    }


def _value(values: Model | None, name: str) -> Any:
    value: Any = getattr(values, name, None)
    return sorted(value) if isinstance(value, frozenset) else value
