"""Counterparts made for a configuration, and the command line."""

import asyncio
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from custom_components.bms_gateway.engine.can.interface.state import Link
from custom_components.bms_gateway.engine.config import (
    BatteryConfig,
    GatewayConfig,
    Interface,
    InverterConfig,
    PortConfig,
)
from custom_components.bms_gateway.engine.model import Telegram
from custom_components.bms_gateway.engine.protocol import POLL, encode
from custom_components.bms_gateway.engine.simulator import (
    Simulator,
    __main__ as simulator_main,
    simulator_for,
)
from custom_components.bms_gateway.engine.simulator.__main__ import run, simulator_of

from ...waiting import until


def _battery(
    name: str,
    interface: Interface = Interface.VIRTUAL,
    poll_interval: float | None = None,
) -> BatteryConfig:
    return BatteryConfig(
        id=name,
        name=name,
        port=PortConfig(interface, name),
        capacity_ah=100,
        poll_interval=poll_interval,
    )


def _inverter(name: str, interface: Interface = Interface.VIRTUAL) -> InverterConfig:
    return InverterConfig(
        id=name,
        name=name,
        port=PortConfig(interface, name),
        rated_charge=60,
        rated_discharge=80,
    )


DEMO = GatewayConfig(
    name="demo",
    batteries=(_battery("b1"), _battery("b2")),
    inverters=(_inverter("i1"), _inverter("i2")),
)


def test_each_has_a_counterpart_by_its_id() -> None:
    """Of its capacity and rating."""
    simulator = simulator_for(DEMO)
    assert list(simulator.batteries) == ["b1", "b2"]
    assert list(simulator.inverters) == ["i1", "i2"]
    assert simulator.batteries["b1"].pack.capacity_ah == 100
    assert simulator.inverters["i1"].inverter.rated_charge == 60


def test_batteries_are_unequal() -> None:
    """Of the same capacity, but different in resistance, limits, charge and period."""
    one, other = simulator_for(DEMO).batteries.values()
    assert one.pack.resistance != other.pack.resistance
    assert one.bms.max_charge != other.bms.max_charge
    assert one.soc != other.soc
    assert one.timing.period != other.timing.period


@pytest.mark.parametrize(("volts", "cells"), [(12, 4), (24, 8), (36, 12)])
def test_voltages_scale_with_the_cells(volts: int, cells: int) -> None:
    """Of a battery whose nominal voltage is configured; currents stay."""
    low = replace(
        DEMO, batteries=tuple(replace(b, nominal_voltage=volts) for b in DEMO.batteries)
    )
    usual, other = simulator_for(DEMO), simulator_for(low)
    for key, one in other.batteries.items():
        of_48 = usual.batteries[key]
        assert one.pack.cells == cells
        for value, usual_value in (
            (one.bms.charge_voltage_limit, of_48.bms.charge_voltage_limit),
            (one.bms.discharge_voltage_limit, of_48.bms.discharge_voltage_limit),
            (one.pack.resistance, of_48.pack.resistance),
        ):
            assert value == pytest.approx(usual_value * volts / 48)
        assert one.bms.max_charge == of_48.bms.max_charge


def test_real_ports_are_not_simulated_unless_named() -> None:
    """A SocketCAN port has a real battery; a mapping names the port for another."""
    mixed = GatewayConfig(
        name="mixed",
        batteries=(_battery("b1"), _battery("can0", Interface.SOCKETCAN)),
        inverters=(_inverter("can1", Interface.SOCKETCAN),),
    )
    assert list(simulator_for(mixed).batteries) == ["b1"]
    assert not simulator_for(mixed).inverters
    named = simulator_for(mixed, ports={"can1": PortConfig(Interface.SOCKETCAN, "x")})
    assert not named.batteries
    assert list(named.inverters) == ["can1"]


def test_a_polled_battery_sends_when_polled() -> None:
    """One that is configured to be polled waits for it."""
    config = GatewayConfig(name="polled", batteries=(_battery("b1", poll_interval=2),))
    simulator = simulator_for(config)
    assert not [due for k in range(50) for due in simulator.step(k / 10)]
    simulator.on_frame("b1", POLL, 5.0)
    assert [due for k in range(50, 100) for due in simulator.step(k / 10)]


def test_a_demo_moves_within_seconds_and_both_ways_within_minutes() -> None:
    """With sufficient limits, the bank charges and discharges visibly."""
    simulator = simulator_for(DEMO)
    frames = encode(
        Telegram(
            charge_voltage_limit=56.0,
            charge_current_limit=50,
            discharge_current_limit=50,
            soc=60,
            voltage=53,
            charge_enabled=True,
            discharge_enabled=True,
            discharge_voltage_limit=46.0,
        )
    )
    seen = []
    for second in range(300):
        for name in simulator.inverters:
            for frame in frames:
                simulator.on_frame(name, frame, second)
        simulator.step(second)
        seen.append(simulator.current)
    assert max(seen[:30]) - min(seen[:30]) > 5
    assert max(seen) > 15
    assert min(seen) < -15


def test_the_same_seed_is_the_same_demo() -> None:
    """Noise and households repeat."""

    def received(seed: int) -> list[object]:
        simulator = simulator_for(DEMO, seed=seed)
        return [due for k in range(50) for due in simulator.step(k / 10)]

    assert received(1) == received(1) != received(2)


def test_the_command_line_names_channels_and_sizes() -> None:
    """A channel and a number each, as often as wanted; SocketCAN by default."""
    simulator = simulator_of(
        ["--battery", "can0:280", "--battery", "can1:100.5", "--inverter", "can2:60"]
    )
    sizes = [battery.pack.capacity_ah for battery in simulator.batteries.values()]
    assert sizes == [280, 100.5]
    (inverter,) = simulator.inverters.values()
    assert inverter.inverter.rated_discharge == 60
    assert list(simulator._configs.values()) == [
        PortConfig(Interface.SOCKETCAN, f"can{k}") for k in range(3)
    ]


@pytest.mark.parametrize(
    ("option", "cells"),
    [("", 16), ("--nominal-voltage 12", 4), ("--nominal-voltage 24", 8)],
)
def test_the_command_line_takes_a_nominal_voltage(option: str, cells: int) -> None:
    """Of all batteries, which are on one DC bus."""
    line = f"--battery can0:280 --battery can1:100 {option}"
    packs = [battery.pack for battery in simulator_of(line.split()).batteries.values()]
    assert [pack.cells for pack in packs] == [cells, cells]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "--battery can0",
        "--battery can0:280 --nominal-voltage 50",
        "--battery :280",
        "--battery can0:0",
        "--battery can0:nan",
        "--inverter can0:-5",
        "--battery can0:280 --interface telepathy",
        "--battery can0:280 --replay can0",
        "--battery can0:280 --replay :a.log",
    ],
)
def test_an_invalid_command_line_is_rejected(
    line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the usage, and an exit status."""
    with pytest.raises(SystemExit, match="2"):
        simulator_of(line.split())
    assert "usage: simulator" in capsys.readouterr().err


LINE = "(1700000000.000000) can0 7AB#01 R\n"
VIRTUAL = ["--battery", "a:100", "--inverter", "b:60", "--interface", "virtual"]


async def test_command_line_replays_a_log_in_place_of_a_battery(tmp_path: Path) -> None:
    """As often as wanted."""
    log = tmp_path / "a:b.log"
    log.write_text(LINE)
    simulator = simulator_of([*VIRTUAL, "--replay", f"a:{log}", "--loops", "2"])
    assert simulator.replaying == {"battery 1"}
    due = [one for k in range(30) for one in simulator.step(k / 10)]
    assert [frame.can_id for name, frame in due if name == "battery 1"][:2] == [
        0x7AB
    ] * 2


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        (LINE, [*VIRTUAL, "--replay", "c:LOG"], "name a --battery or --inverter on c"),
        (LINE, [*VIRTUAL, "--replay", "a:LOG", "--loops", "0"], "less than one loop"),
        (
            LINE + "(1.0) can0 351#0",
            [*VIRTUAL, "--replay", "a:LOG"],
            "line 2 is no CAN",
        ),
        ("", [*VIRTUAL, "--replay", "a:LOG"], "no frame of another node"),
        (LINE, [*VIRTUAL, "--replay", "a:LOG.gz"], "No such file"),
    ],
)
def test_unusable_log_is_explained(
    text: str,
    line: list[str],
    reason: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With the usage, and an exit status."""
    log = tmp_path / "a.log"
    log.write_text(text)
    with pytest.raises(SystemExit, match="2"):
        simulator_of([each.replace("LOG", str(log)) for each in line])
    assert reason in capsys.readouterr().err


@pytest.mark.parametrize("interface", ["socketcan", "slcan"])
def test_log_is_never_replayed_on_real_hardware(
    interface: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever it holds: an inverter may be connected there. It is not even read."""
    link = partial(Link, is_can=True, is_up=True, echoes=False, bitrate=None)
    monkeypatch.setattr(simulator_main, "read_link", lambda _: link(is_virtual=False))
    arguments = ["--battery", "a:100", "--interface", interface]
    with pytest.raises(SystemExit, match="2"):
        simulator_of([*arguments, "--replay", "a:none.log"])
    assert "the link is not virtual" in capsys.readouterr().err


def test_log_is_replayed_on_a_virtual_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On vcan another process receives it."""
    log = tmp_path / "a.log"
    log.write_text(LINE)
    link = partial(Link, is_can=True, is_up=True, echoes=False, bitrate=None)
    monkeypatch.setattr(simulator_main, "read_link", lambda _: link(is_virtual=True))
    simulator = simulator_of(
        ["--inverter", "vcan0:60", "--battery", "b:9", "--replay", f"vcan0:{log}"]
    )
    assert simulator.replaying == {"inverter 1"}


def test_help_describes_the_simulator(capsys: pytest.CaptureFixture[str]) -> None:
    """And how to end it."""
    with pytest.raises(SystemExit, match="0"):
        simulator_of(["--help"])
    assert "Ctrl-C" in capsys.readouterr().out


async def test_simulator_runs_until_it_is_ended() -> None:
    """Its ports are closed then."""
    simulator: Simulator = simulator_of(
        ["--battery", "cli test:100", "--interface", "virtual"]
    )
    task = asyncio.create_task(run(simulator))
    ports = await until(lambda: list(simulator._ports.values()), "it has its port")
    await until(lambda: ports[0].state.status == "open", "its port is open")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ports[0].state.status == "closed"
