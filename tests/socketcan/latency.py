"""Measures how long the gateway takes from the batteries to an inverter.

Run by scripts/bench. `latency SECONDS` prints the table; `latency --gateway` with the
names of three links is the gateway without Home Assistant.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from math import inf
from pathlib import Path
from statistics import median, quantiles
import subprocess
import sys
from tempfile import TemporaryDirectory
import time
from typing import Final

from custom_components.bms_gateway.engine.config import (
    BatteryConfig,
    GatewayConfig,
    Interface,
    InverterConfig,
    PortConfig,
)
from custom_components.bms_gateway.engine.gateway import Gateway

from .conftest import Link
from .home_assistant import running
from .peers import STACK, STACK_INVERTER, Battery, Record, Seen, recording

PERIOD: Final = 1.0
"""Seconds between two telegrams of a battery, as a Pylontech sends them."""
SPACING: Final = 0.37
"""Seconds by which the second battery is later: they are not synchronised."""
CONTROL: Final = (0x351, 0x359, 0x35C)
"""Frames that a battery has to renew before a new telegram is due."""
CAPACITY: Final = 250.0
"""Ah of each battery."""
RATING: Final = 100.0
"""A of the inverter."""
SETTLING: Final = 10.0
"""Seconds at the start that are not measured."""

type Links = tuple[Link, Link, Link]
"""The links of two batteries and an inverter."""


def main() -> None:
    """Measure without and with Home Assistant."""
    if "--gateway" in sys.argv:
        asyncio.run(_serve(*sys.argv[-3:]))
        return
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 120.0
    _print(f"{'':<20}{'median':>10}{'p99':>10}{'max':>10}{'count':>7}{'by time':>9}")
    for name, gateway in (("alone", _alone), ("in Home Assistant", _in_home_assistant)):
        with (
            TemporaryDirectory() as folder,
            _links() as links,
            gateway(Path(folder) / "gateway", links),
        ):
            found = _measure(Path(folder), links, seconds)
        _print_row(name, found)


def latencies(record: Record, links: Links, since: float) -> list[float | None]:
    """Return how late the last frame of each telegram was, in seconds.

    It is due with the frame by which both batteries have renewed their control frames
    since the set before. None: it was sent for its time, 1 s after that.
    """
    *batteries, inverter = links
    received = [record.frames(battery.name, since) for battery in batteries]
    telegrams = record.telegrams(inverter.name, since)
    found: list[float | None] = []
    for before, each in pairwise(telegrams):
        due = max(_renewed(frames, before.at) for frames in received)
        by_news = due <= each.frames[0].at
        found.append(each.frames[-1].at - due if by_news else None)
    return found


def _renewed(frames: Sequence[Seen], since: float) -> float:
    """Return when every control frame of a battery had come after `since`."""
    return max(
        next((f.at for f in frames if f.can_id == can_id and f.at > since), inf)
        for can_id in CONTROL
    )


def _measure(folder: Path, links: Links, seconds: float) -> list[float | None]:
    with recording(folder / "candump") as record:
        first = Battery(links[0], folder / "first.dump")
        second = Battery(links[1], folder / "second.dump")
        try:
            first.play(_each_period(STACK, SETTLING + seconds))
            time.sleep(SPACING)
            second.play(_each_period(STACK_INVERTER, SETTLING + seconds))
            time.sleep(SETTLING)
            begin = time.time()
            time.sleep(seconds)
        finally:
            first.silence()
            second.silence()
        return latencies(record, links, begin)


def _each_period(telegram: str, seconds: float) -> str:
    """Return a capture of many telegrams, one in each period."""
    frames = [line.split(maxsplit=1) for line in telegram.splitlines()]
    begin = float(frames[0][0].strip("()"))
    return "".join(
        f"({float(at.strip('()')) - begin + number * PERIOD:.6f}) {frame}\n"
        for number in range(int(seconds / PERIOD) + 1)
        for at, frame in frames
    )


def _print_row(name: str, found: Sequence[float | None]) -> None:
    late = [1000 * seconds for seconds in found if seconds is not None]
    p99 = quantiles(late, n=100, method="inclusive")[98]
    figures = "".join(f"{ms:7.2f} ms" for ms in (median(late), p99, max(late)))
    _print(f"{name:<20}{figures}{len(late):7}{len(found) - len(late):9}")


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


@contextmanager
def _links() -> Iterator[Links]:
    links = Link(), Link(), Link()
    for link in links:
        link.create()
        link.up()
    try:
        yield links
    finally:
        for link in links:
            link.delete()


@contextmanager
def _alone(_: Path, links: Links) -> Iterator[None]:
    names = (link.name for link in links)
    command = (sys.executable, "-m", "tests.socketcan.latency", "--gateway", *names)
    with subprocess.Popen(command) as process:
        try:
            yield
        finally:
            process.terminate()


@contextmanager
def _in_home_assistant(folder: Path, links: Links) -> Iterator[None]:
    *batteries, inverter = links
    with running(folder) as home_assistant:
        home_assistant.add_gateway(
            {battery.name: CAPACITY for battery in batteries}, {inverter.name: RATING}
        )
        yield


async def _serve(first: str, second: str, inverter: str) -> None:
    """Be the gateway until the process ends."""
    batteries = tuple(
        BatteryConfig(id=name, name=name, port=_port(name), capacity_ah=CAPACITY)
        for name in (first, second)
    )
    inverters = (
        InverterConfig(
            id=inverter,
            name=inverter,
            port=_port(inverter),
            rated_charge=RATING,
            rated_discharge=RATING,
        ),
    )
    gateway = Gateway(
        GatewayConfig(name="Bank", batteries=batteries, inverters=inverters)
    )
    await gateway.start()
    await asyncio.Event().wait()


def _port(name: str) -> PortConfig:
    return PortConfig(Interface.SOCKETCAN, name)


if __name__ == "__main__":
    main()
