"""The published payload: the daemon's keys with its calculations, and our own."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import reduce
import json
from operator import and_, or_
from struct import Struct
import time
from typing import Any, Final

import pytest

from custom_components.bms_gateway.engine.config import (
    BatteryConfig,
    GatewayConfig,
    Interface,
    InverterConfig,
    PortConfig,
)
from custom_components.bms_gateway.engine.model import (
    Alarm,
    BankState,
    BatteryState,
    BatteryStatus,
    Direction,
    InverterState,
    Limit,
    PortState,
    PortStatus,
    Readings,
    Rule,
    Snapshot,
    Status,
    Telegram,
)
from custom_components.bms_gateway.mqtt.legacy_payload import daemon_state
from custom_components.bms_gateway.mqtt.payload import Report
from homeassistant.helpers.json import json_dumps

from ..bench import Bench

# Pylontech CAN protocol 1.2: the frames of a battery
LIMITS: Final = Struct("<HhhH")
STATE: Final = Struct("<HH")
MEASURED: Final = Struct("<hhh")

DAEMON_KEYS: Final = {
    *("manufacturer", "soc", "soh", "v_charge_cmd", "i_lim_charge", "i_lim_discharge"),
    *("v_avg", "t_avg", "i_total", "error_flags_1", "error_flags_2"),
    *("warning_flags_1", "warning_flags_2", "n_modules", "charge_enable"),
    *("discharge_enable", "force_charge_request", "force_charge_request_2"),
    *("balancing_charge_request", "timestamp_last_bms_update"),
    *("timestamp_last_inverter_request", "n_invalid_data_telegrams", "capacity_ah"),
}


@dataclass(frozen=True, kw_only=True)
class SentBattery:
    """The data of one battery, in the protocol's own counts."""

    capacity: float
    cvl: int = 560
    ccl: int = 1000
    dcl: int = 1000
    soc: int = 50
    soh: int = 99
    voltage: int = 5200
    current: int = 0
    temperature: int = 215
    flags: tuple[int, int, int, int] = (0, 0, 0, 0)
    modules: int = 2
    requests: int = 0xC0
    name: bytes = b"PYLON   "

    @property
    def frames(self) -> list[tuple[int, bytes]]:
        """Return one telegram."""
        return [
            (0x359, bytes((*self.flags, self.modules, 0x50, 0x4E))),
            (0x351, LIMITS.pack(self.cvl, self.ccl, self.dcl, 480)),
            (0x355, STATE.pack(self.soc, self.soh)),
            (0x356, MEASURED.pack(self.voltage, self.current, self.temperature)),
            (0x35C, bytes((self.requests, 0))),
            (0x35E, self.name),
        ]


def reference(
    batteries: Sequence[SentBattery],
    *,
    charge_cap: float,
    discharge_cap: float,
    scaling: float = 1.0,
    offset: float = 0.0,
) -> dict[str, Any]:
    """Calculate the daemon's values by its source, from the frames' counts."""
    weight = sum(one.capacity for one in batteries)

    def mean(name: str, per_unit: int) -> float:
        total = sum(getattr(one, name) * one.capacity for one in batteries)
        value: float = total / weight / per_unit
        return value

    flags = [
        reduce(or_, place) for place in zip(*(s.flags for s in batteries), strict=True)
    ]
    all_, any_ = (reduce(how, (s.requests for s in batteries)) for how in (and_, or_))
    return {
        "manufacturer": batteries[0].name.decode().strip(),
        "soc": mean("soc", 1),
        "soh": mean("soh", 1),
        "v_charge_cmd": min(one.cvl for one in batteries) / 10,
        "i_lim_charge": min(sum(one.ccl for one in batteries) / 10, charge_cap),
        "i_lim_discharge": min(sum(one.dcl for one in batteries) / 10, discharge_cap),
        "v_avg": mean("voltage", 100),
        "t_avg": mean("temperature", 10),
        "i_total": sum(one.current for one in batteries) / 10 * scaling + offset,
        "error_flags_1": flags[0],
        "error_flags_2": flags[1],
        "warning_flags_1": flags[2],
        "warning_flags_2": flags[3],
        "n_modules": sum(one.modules for one in batteries),
        "charge_enable": bool(all_ & 0x80),
        "discharge_enable": bool(all_ & 0x40),
        "force_charge_request": bool(any_ & 0x20),
        "force_charge_request_2": bool(any_ & 0x10),
        "balancing_charge_request": bool(any_ & 0x08),
        "n_invalid_data_telegrams": 0,
        "capacity_ah": weight,
    }


TWO: Final = (
    SentBattery(
        capacity=280, soc=63, soh=98, voltage=5230, current=123, temperature=187
    ),
    SentBattery(
        capacity=100,
        cvl=565,
        ccl=372,
        dcl=401,
        soc=58,
        voltage=5229,
        current=41,
        modules=4,
        name=b"OTHER   ",
    ),
)


def two(**second: Any) -> tuple[SentBattery, SentBattery]:
    """Return the two batteries with other values of the second."""
    return TWO[0], replace(TWO[1], **second)


async def payload_of(
    bench: Bench, batteries: Sequence[SentBattery], **options: Any
) -> dict[str, Any]:
    """Send this from batteries to a gateway; return the published payload."""
    ids = [f"b{place}" for place in range(len(batteries))]
    for key, one in zip(ids, batteries, strict=True):
        bench.battery(key, capacity_ah=one.capacity)
    await bench.inverter("i1").start(options={"strategy": "sum"} | options)
    for count in (1, 2, 3):
        for key, one in zip(ids, batteries, strict=True):
            bench.send(key, one.frames)
        await bench.until(
            lambda count=count: all(  # type: ignore[misc] # its type is that of count
                bench.snapshot.batteries[key].telegrams >= count for key in ids
            )
        )
    await bench.until(lambda: bench.snapshot.status is Status.RUNNING)
    return published(bench)


def published(bench: Bench) -> dict[str, Any]:
    """Return the state as a subscriber receives it."""
    report = Report(bench.snapshot, bench.runtime.config, time.time())
    state: dict[str, Any] = json.loads(json_dumps(report.state()))
    return state


WIDE: Final = {"total_charge": 700.0, "total_discharge": 700.0}
"""The daemon's own defaults."""


@pytest.mark.parametrize(
    "batteries",
    [
        TWO,
        two(flags=(0, 0, 0x02, 0x09)),
        two(requests=0xF8),
        two(requests=0xE0),
        two(requests=0xC8),
        two(current=-421, temperature=-55),
    ],
)
async def test_state_equals_the_daemons(
    bench: Bench, batteries: Sequence[SentBattery]
) -> None:
    """Key by key, value by value, for the same frames."""
    expected = reference(batteries, charge_cap=700, discharge_cap=700)
    state = await payload_of(bench, batteries, **WIDE)
    assert {key: state[key] for key in expected} == pytest.approx(expected, rel=1e-12)
    assert {key: type(state[key]) for key in expected if key[0] in "cdfb"} == {
        key: type(value) for key, value in expected.items() if key[0] in "cdfb"
    }


@pytest.mark.parametrize(
    "batteries",
    [
        two(flags=(0x0E, 0x08, 0x10, 0x01), requests=0x80),
        (
            replace(TWO[0], flags=(0x10, 0, 0, 0x08)),
            replace(TWO[1], flags=(2, 1, 4, 0)),
        ),
        two(requests=0x00),
    ],
)
async def test_flags_equal_the_daemons(
    bench: Bench, batteries: Sequence[SentBattery]
) -> None:
    """Only its limits do not: with a protection raised or an enable cleared, 0 A."""
    expected = reference(batteries, charge_cap=700, discharge_cap=700)
    state = await payload_of(bench, batteries, **WIDE)
    for key in ("i_lim_charge", "i_lim_discharge"):
        assert state[key] <= expected.pop(key)
    assert {key: state[key] for key in expected} == pytest.approx(expected, rel=1e-12)


async def test_total_limits_and_current_equal_the_daemons(bench: Bench) -> None:
    """Its caps, its scaling and its offset."""
    expected = reference(
        TWO, charge_cap=90, discharge_cap=120, scaling=1.5, offset=-2.5
    )
    state = await payload_of(
        bench,
        TWO,
        total_charge=90.0,
        total_discharge=120.0,
        current_factor=1.5,
        current_offset=-2.5,
    )
    assert {key: state[key] for key in expected} == pytest.approx(expected, rel=1e-12)
    assert state["i_lim_charge"] == 90
    assert state["i_lim_discharge"] == 120


async def test_times_are_unix_seconds(bench: Bench) -> None:
    """Of the last frame, and of the last request: unknown until there is one."""
    before = time.time()
    state = await payload_of(bench, TWO)
    assert before - 1 <= state["timestamp_last_bms_update"] <= time.time() + 1
    assert state["timestamp_last_inverter_request"] is None
    before = time.time()
    bench.send("i1", [(0x305, bytes(8))])
    await bench.until(
        lambda: bench.snapshot.inverters["i1"].last_request_at is not None
    )
    asked = published(bench)["timestamp_last_inverter_request"]
    assert before - 1 <= asked <= time.time() + 1


# Snapshots made by hand ------------------------------------------------------

READINGS: Final = Readings(
    soc=50.0,
    voltage=52.0,
    current=-10.0,
    charge_enabled=True,
    discharge_enabled=True,
    protections=frozenset(),
    warnings=frozenset({Alarm.UNDER_VOLTAGE, Alarm.INTERNAL}),
    flag_bytes=bytes((0, 0, 4, 8)),
    name="PYLON",
    serial="S1",
)
PORT: Final = PortConfig(Interface.VIRTUAL, "x")
CONFIG: Final = GatewayConfig(
    name="Bank",
    batteries=(
        BatteryConfig(id="01", name="Cellar", port=PORT, capacity_ah=280),
        BatteryConfig(id="02", name="Cellar", port=PORT, capacity_ah=100),
    ),
    inverters=(
        InverterConfig(
            id="03", name="Roof", port=PORT, rated_charge=50, rated_discharge=50
        ),
    ),
)
CONFIRMED: Final = Telegram(
    charge_voltage_limit=56.0,
    charge_current_limit=40.0,
    discharge_current_limit=50.0,
    soc=50.0,
    voltage=52.0,
    charge_enabled=True,
    discharge_enabled=True,
    discharge_voltage_limit=46.0,
    name="PYLON",
)
NOW: Final = Snapshot(
    at=100.0,
    status=Status.RUNNING,
    bank=BankState(soc=50.0, voltage=52.0, warnings=READINGS.warnings, name="PYLON"),
    charge=Limit(amps=40.0, rule=Rule.BATTERY, source="02", number=20.0),
    discharge=Limit(amps=50.0, rule=Rule.TEMPORARY_LIMIT, source="tariff", number=50.0),
    charge_voltage_limit=56.0,
    discharge_voltage_limit=46.0,
    batteries={
        "01": BatteryState(
            id="01",
            status=BatteryStatus.ONLINE,
            capacity_ah=280,
            readings=READINGS,
            last_frame_at=99.5,
            current_share=0.7,
            excluded=frozenset({Direction.CHARGE}),
            invalid=3,
        ),
        "02": BatteryState(
            id="02", status=BatteryStatus.LOST, capacity_ah=100, invalid=1
        ),
    },
    inverters={
        "03": InverterState(
            id="03",
            listening=True,
            charge=Limit(amps=40.0, rule=Rule.SHARING, source="02", number=41.0),
            discharge=Limit(amps=50.0, rule=Rule.RATING, device="03", number=50.0),
            confirmed=CONFIRMED,
            telegrams_sent=7,
            last_telegram_at=99.0,
            last_request_at=98.0,
        )
    },
    ports={"01": PortState(status=PortStatus.OPEN)},
)
WALL: Final = 1_700_000_000.0


def report(now: Snapshot = NOW) -> Report:
    """Return the payload of a snapshot."""
    return Report(now, CONFIG, WALL)


def test_all_daemon_keys_are_present_whatever_is_known() -> None:
    """Unknown is null: not 0, and not missing."""
    nothing = Snapshot(at=0.0, status=Status.STARTING)
    state = daemon_state(nothing, lambda at: at)
    assert set(state) == DAEMON_KEYS
    counted = {"n_invalid_data_telegrams", "capacity_ah"}
    assert {state[key] for key in DAEMON_KEYS - counted} == {None}


def test_own_keys_do_not_replace_daemon_keys() -> None:
    """Its readers would silently get another value."""
    state = report(replace(NOW, bank=BankState())).state()
    daemon_values = daemon_state(replace(NOW, bank=BankState()), lambda at: at)
    kept = {key: state[key] for key in daemon_values if not key.startswith("timestamp")}
    assert kept == {
        k: v for k, v in daemon_values.items() if not k.startswith("timestamp")
    }
    assert not {field.name for field in fields(BankState)} & (
        set(daemon_values) - {"soc", "soh", "capacity_ah"}
    )


def test_state_includes_the_reason_of_limits() -> None:
    """The binding rule and its device, by the names of the topics."""
    state = report().state()
    assert state["name"] == "Bank"
    assert state["status"] == "running"
    assert state["timestamp"] == WALL
    assert state["charge_limited_by"] == "battery"
    assert state["charge_limited_by_source"] == "cellar_2"
    assert state["charge_limited_by_number"] == 20
    assert state["discharge_limited_by_source"] == "tariff"
    assert state["discharge_limited_by_device"] is None
    assert state["discharge_voltage_limit"] == 46
    assert state["warnings"] == ["internal", "under_voltage"]
    assert state["protections"] is None
    assert state["timestamp_last_bms_update"] == WALL - 0.5
    assert state["timestamp_last_inverter_request"] == WALL - 2
    assert state["n_invalid_data_telegrams"] == 4
    assert (state["n_batteries"], state["n_batteries_online"]) == (2, 1)
    assert (state["n_inverters"], state["n_inverters_receiving"]) == (1, 1)


def test_blocking_loss_clears_the_enable() -> None:
    """Although every received battery allows it: the inverters are sent the same."""
    blocked = Limit(amps=0.0, rule=Rule.LOSS, source="02")
    state = report(replace(NOW, charge=blocked)).state()
    assert state["charge_enable"] is False
    assert state["discharge_enable"] is True


@pytest.mark.parametrize(
    "life", [BatteryStatus.OUT_OF_SERVICE, BatteryStatus.DUPLICATE]
)
def test_battery_out_of_service_has_no_capacity(life: BatteryStatus) -> None:
    """It is not part of the bank, or is counted already."""
    out = replace(NOW.batteries["02"], status=life)
    state = report(replace(NOW, batteries=NOW.batteries | {"02": out})).state()  # type: ignore[operator] # a dict here
    assert state["capacity_ah"] == 280


def test_batteries_are_published_by_name() -> None:
    """A lost one has no values."""
    found = report().batteries()
    assert set(found) == {"cellar", "cellar_2"}
    cellar, lost = found["cellar"], found["cellar_2"]
    assert set(cellar) == set(lost)
    assert cellar["id"] == "cellar"
    assert cellar["name"] == "Cellar"
    assert cellar["manufacturer"] == "PYLON"
    assert cellar["power"] == -520
    assert cellar["current_share"] == 0.7
    assert cellar["excluded"] == ["charge"]
    assert cellar["warnings"] == ["internal", "under_voltage"]
    assert cellar["port"] == "open"
    assert cellar["timestamp_last_bms_update"] == WALL - 0.5
    assert lost["state"] == "lost"
    assert lost["soc"] is lost["power"] is lost["timestamp_last_bms_update"] is None
    assert lost["port"] == "closed"


def test_unknown_battery_is_left_out() -> None:
    """It has only just been added."""
    assert report(replace(NOW, batteries={})).batteries() == {}
    assert report(replace(NOW, inverters={})).inverters() == {}


def test_inverters_are_published_with_their_limits() -> None:
    """The limits that each was sent, and their rules."""
    roof = report().inverters()["roof"]
    assert roof["name"] == "Roof"
    assert roof["charge_current_limit"] == 40
    assert roof["charge_limited_by"] == "sharing"
    assert roof["charge_limited_by_source"] == "cellar_2"
    assert roof["charge_limited_by_device"] is None
    assert roof["discharge_limited_by_device"] == "roof"
    assert roof["charge_voltage_limit"] == 56
    assert roof["manufacturer"] == "PYLON"
    assert roof["telegrams_sent"] == 7
    assert roof["timestamp_last_telegram"] == WALL - 1
    assert roof["timestamp_last_inverter_request"] == WALL - 2


@pytest.mark.parametrize(
    "changes",
    [{"listening": False}, {"confirmed": None, "charge": None, "discharge": None}],
)
def test_unserved_inverter_has_no_values(changes: dict[str, Any]) -> None:
    """The keys stay, the values are unknown."""
    inverter = replace(NOW.inverters["03"], **changes)
    roof = report(replace(NOW, inverters={"03": inverter})).inverters()["roof"]
    assert set(roof) == set(report().inverters()["roof"])
    assert roof["charge_current_limit"] is None
    assert roof["charge_limited_by"] is None
    assert roof["soc"] is None


def test_payload_is_json() -> None:
    """Read back it is the same: no set, no enum, no infinity."""
    state = report().state()
    assert json.loads(json_dumps(state)) == state
    endless = replace(NOW, charge=Limit(amps=float("inf")))
    assert json.loads(json_dumps(report(endless).state()))["i_lim_charge"] is None
