"""Command line of the simulator: batteries and inverters on CAN links."""

import argparse
import asyncio
from collections.abc import Sequence
import contextlib
import logging
from pathlib import Path

from ..can.interface.state import read_link
from ..can.log.candump import parse
from ..config import BatteryConfig, GatewayConfig, Interface, InverterConfig, PortConfig
from ..model.nominal_voltage import NOMINAL_VOLTAGES, STANDARD
from ..presets import Make
from .factory import simulator_for
from .replay import Replay
from .simulator import Simulator

_LOGGER = logging.getLogger(__name__)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    result = argparse.ArgumentParser(
        prog="simulator",
        description="Simulate batteries and inverters, all on one DC bus, on the "
        "CAN links that a gateway is connected to. Ctrl-C ends it.",
    )
    result.add_argument(
        "--battery",
        action="append",
        default=[],
        type=_channel_and_number,
        metavar="CHANNEL:AH",
        help="a battery of that capacity on a channel, such as can0:280; may be repeated",
    )
    result.add_argument(
        "--inverter",
        action="append",
        default=[],
        type=_inverter,
        metavar="CHANNEL:AMPERES[:MAKE]",
        help="an inverter with that rated current, such as can1:100 or can1:100:victron "
        "(any make of the settings); may be repeated",
    )
    result.add_argument(
        "--nominal-voltage",
        type=int,
        choices=list(NOMINAL_VOLTAGES),
        default=STANDARD,
        help="of all batteries, in V (default: %(default)s)",
    )
    result.add_argument(
        "--replay",
        action="append",
        default=[],
        type=_channel_and_file,
        metavar="CHANNEL:FILE",
        help="play a log of candump -L on a channel in place of the battery or "
        "inverter there; may be repeated. Only on virtual links: recorded traffic must "
        "never reach real hardware",
    )
    result.add_argument(
        "--loops",
        type=int,
        default=1,
        help="how often to play each log in a row (default: %(default)s)",
    )
    result.add_argument(
        "--interface",
        type=Interface,
        choices=list(Interface),
        default=Interface.SOCKETCAN,
        help="the kind of all channels (default: %(default)s)",
    )
    result.add_argument(
        "--seed", type=int, default=0, help="seed of the simulated households"
    )
    return result


def simulator_of(arguments: Sequence[str] | None = None) -> Simulator:
    """Return the simulator for a command line; exits on an invalid one."""
    options = parser().parse_args(arguments)
    config = GatewayConfig(
        name="simulator",
        batteries=tuple(
            BatteryConfig(
                id=f"battery {k}",
                name=f"Battery {k}",
                port=PortConfig(options.interface, channel),
                capacity_ah=capacity,
                nominal_voltage=options.nominal_voltage,
            )
            for k, (channel, capacity) in enumerate(options.battery, 1)
        ),
        inverters=tuple(
            InverterConfig(
                id=f"inverter {k}",
                name=f"Inverter {k}",
                port=PortConfig(options.interface, channel),
                rated_charge=current,
                rated_discharge=current,
                make=make,
            )
            for k, (channel, current, make) in enumerate(options.inverter, 1)
        ),
    )
    ports = {one.id: one.port for one in config.batteries}
    ports |= {one.id: one.port for one in config.inverters}
    if not ports:
        parser().error("name at least one --battery or --inverter")
    simulator = simulator_for(config, ports=ports, seed=options.seed)
    for channel, file in options.replay:
        port = PortConfig(options.interface, channel)
        replaced = [one for one, each in ports.items() if each == port]
        if not replaced:
            parser().error(f"name a --battery or --inverter on {channel}")
        try:
            replay = _replay(port, file, options.loops)
        except (OSError, ValueError) as error:
            parser().error(f"{file} cannot be replayed on {channel}: {error}")
        simulator.replay(replaced[0], replay)
    return simulator


async def run(simulator: Simulator) -> None:
    """Run until cancelled."""
    await simulator.start()
    _LOGGER.info(
        "Simulating %s", ", ".join([*simulator.batteries, *simulator.inverters])
    )
    try:
        await asyncio.Event().wait()
    finally:
        await simulator.stop()


def _channel_and_number(text: str) -> tuple[str, float]:
    """Return the two parts of CHANNEL:NUMBER; the number has to be above 0."""
    channel, _, number = text.rpartition(":")
    value = float(number)
    if not channel or not 0 < value < 100_000:
        raise ValueError(text)
    return channel, value


def _inverter(text: str) -> tuple[str, float, Make]:
    """Return the parts of CHANNEL:NUMBER or CHANNEL:NUMBER:MAKE."""
    rest, _, last = text.rpartition(":")
    if last in list(Make):
        return *_channel_and_number(rest), Make(last)
    return *_channel_and_number(text), Make.OTHER_PYLONTECH


def _channel_and_file(text: str) -> tuple[str, Path]:
    """Return the two parts of CHANNEL:FILE."""
    channel, _, name = text.partition(":")
    if not (channel and name):
        raise ValueError(text)
    return channel, Path(name)


def _replay(port: PortConfig, path: Path, loops: int) -> Replay:
    """Return a log to replay; ValueError or OSError if it cannot or must not be."""
    is_virtual = port.interface is Interface.VIRTUAL or (
        port.interface is Interface.SOCKETCAN and read_link(port.channel).is_virtual
    )
    if not is_virtual:
        raise ValueError("the link is not virtual")
    if loops < 1:
        raise ValueError("less than one loop")
    with path.open(encoding="ascii", errors="replace") as file:
        return Replay(parse(file), loops)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(run(simulator_of()))
