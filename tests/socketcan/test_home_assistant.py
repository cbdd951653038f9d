"""A real Home Assistant between real nodes on the kernel's CAN links."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
import time
from typing import Final

import pytest
from pytest_socket import enable_socket

from tests.waiting import wait_until

from .adapter import Adapter, plugged
from .conftest import Link, LinkFactory
from .home_assistant import HomeAssistant, running
from .peers import (
    STACK,
    STACK_INVERTER,
    Amps,
    Battery,
    Contents,
    Record,
    Seen,
    changed,
    recording,
    without,
)

pytestmark = [pytest.mark.socketcan, pytest.mark.timeout(600)]

# The captures allow 922.5 A each. By its capacity the first battery (250 Ah of 400 Ah)
# has the share 0.625 of the bank's current, -80.1 A - 94.6 A = -174.7 A; but it carries
# 29.1 A less of that discharge. So it holds the bank to (922.5 A - 29.1 A) / 0.625 =
# 1429.4 A charging and (922.5 A + 29.1 A) / 0.625 discharging, which is more than the
# inverters' 1000 A and 500 A. They share charging 2 : 1.
ALL: Final[Amps] = (952.9, 476.4)
TOGETHER: Final[Contents] = {
    0x35E: "50594C4F4E000000",
    0x351: "3302........D501",  # CVL 56.3 V and DVL 46.9 V, as both report
    0x355: "5000640000000000",  # (80 x 250 + 81 x 150) / 400 = 80.4 %
    0x356: "A914....CE000000",  # 52.89 V and 20.6 degC by capacity
    0x35C: "C000000000000000",
    0x359: "000000000A504E00",  # 5 + 5 modules
    0x373: "D80CF10C22012A01",  # only the first reports its cells
    0x379: "9001000000000000",  # 400 Ah
}
TOGETHER_SENT: Final[tuple[Contents, Contents]] = (
    # 952.9 A, 1000.0 A; two thirds of -174.7 A are -116.5 A
    {**TOGETHER, 0x351: "330239251027D501", 0x356: "A91473FBCE000000"},
    # 476.4 A, 500.0 A; one third is -58.2 A
    {**TOGETHER, 0x351: "33029C128813D501", 0x356: "A914BAFDCE000000"},
)

# The second battery is lost: policy "block" for both directions. The charge voltage
# limit is the bank's voltage, a system error is raised (0x359, byte 1, bit 3).
BLOCKED: Final[Contents] = {
    0x35E: "50594C4F4E000000",
    0x351: "110200000000D501",  # CVL 52.9 V of 52.91 V
    0x355: "5000640000000000",
    0x356: "AB14....CC000000",
    0x35C: "0000000000000000",
    0x359: "0008000005504E00",
    0x373: "D80CF10C22012A01",
    0x379: "FA00000000000000",  # 250 Ah
}
BLOCKED_SENT: Final[tuple[Contents, Contents]] = (
    {**BLOCKED, 0x356: "AB14EAFDCC000000"},  # two thirds of -80.1 A: -53.4 A
    {**BLOCKED, 0x356: "AB14F5FECC000000"},  # one third: -26.7 A
)
NOTHING: Final[Amps] = (0.0, 0.0)

LOW: Final = changed(STACK, 0x351, "3302E803E803D501")
"""The first battery, when it allows 100.0 A: (100 A - 29.1 A) / 0.625 = 113.4 A."""
LOW_SHARES: Final[Amps] = (75.6, 37.8)
NEWS: Final = (0x355, "4D00640000000000")
"""Sent when the first battery is at 75 %: (75 x 250 + 81 x 150) / 400 = 77 %.
More than 5 % at once would be doubted for a minute."""

FRESH: Final = 3.0
"""Time-out in seconds of a frame that comes about twice a second."""
CONTROL: Final = (0x351, 0x359, 0x35C)
"""The frames whose time-out makes a battery lost."""

REQUESTS: Final = 20
"""Requests that an idle Home Assistant answers long before a telegram is due."""

MORE_THAN_FIT: Final = 5
"""Telegrams of eight frames; the kernel keeps twelve for who does not accept them."""

NAME: Final = "t35E850594C4F4E000000"
"""The only frame that may wait in a queue, in slcan form."""


@dataclass(frozen=True, slots=True)
class Context:
    """A gateway in Home Assistant with two batteries and two inverters."""

    home_assistant: HomeAssistant
    record: Record
    batteries: tuple[Battery, Battery]
    inverters: tuple[str, str]

    def waits_for_limits(self, charge: Amps, since: float = 0.0) -> None:
        """Wait until each inverter gets its charge current limit (A)."""
        for inverter, amps in zip(self.inverters, charge, strict=True):
            self.record.wait_for_limit(inverter, since, low=amps, high=amps)

    def waits_for_frame(self, battery: Battery, since: float) -> float:
        """Wait until a battery has sent a frame after `since`; return when."""
        frames = wait_until(
            lambda: self.record.frames(battery.link.name, since),
            f"{battery.link.name} sends",
        )
        return frames[0].at

    def counts_until(self, battery: Battery) -> float:
        """Return when a silent battery is lost, by its last frames."""
        frames = self.record.frames(battery.link.name)
        return FRESH + min(
            max(frame.at for frame in frames if frame.can_id == can_id)
            for can_id in CONTROL
        )

    def stopped(self, inverter: str, missed: float) -> list[Seen]:
        """Return the telegrams since a battery was lost: 0 A."""
        limits = self.record.limits(inverter, missed)
        # One telegram may have been in transmission then
        assert {frame.charge for frame in limits[1:]} == {0}
        return limits

    def status(self, wanted: str) -> None:
        """Wait until Home Assistant shows the gateway's status."""
        wait_until(
            lambda: self.home_assistant.state("sensor.bank_status") == wanted,
            f"the status is {wanted}",
        )


@pytest.fixture(scope="module")
def home_assistant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HomeAssistant]:
    """Start Home Assistant once for all these tests; it must log no error of ours."""
    enable_socket()  # Home Assistant's test helpers forbid sockets between the tests
    with running(tmp_path_factory.mktemp("home-assistant")) as home_assistant:
        yield home_assistant
        log = home_assistant.log
    assert "custom_components/bms_gateway" not in log  # no traceback of ours
    complaints = (
        "custom_components.bms_gateway",
        "can.",
        "asyncio",
        "homeassistant.core",
    )
    errors = [line for line in log.splitlines() if " ERROR " in line]
    assert [line for line in errors if any(f"[{of}" in line for of in complaints)] == []


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    """Record all that is sent."""
    with recording(tmp_path / "candump") as record:
        yield record


@pytest.fixture
def batteries(
    can_link: LinkFactory, tmp_path: Path
) -> Iterator[tuple[Battery, Battery]]:
    """Send the two captures repeatedly, each on a link of its own."""
    first = Battery(can_link(), tmp_path / "first.dump")
    second = Battery(can_link(), tmp_path / "second.dump")
    first.play(STACK)
    second.play(STACK_INVERTER)
    yield first, second
    first.silence()
    second.silence()


@pytest.fixture
def links(can_link: LinkFactory) -> tuple[Link, Link]:
    """Create the links of the inverters."""
    return can_link(), can_link()


@pytest.fixture
def context(
    home_assistant: HomeAssistant,
    record: Record,
    batteries: tuple[Battery, Battery],
    links: tuple[Link, Link],
) -> Iterator[Context]:
    """Set up a gateway between all of them and wait until it runs."""
    inverters = (links[0].name, links[1].name)
    entry_id = home_assistant.add_gateway(_capacities(batteries), _ratings(*inverters))
    context = Context(home_assistant, record, batteries, inverters)
    context.waits_for_limits(ALL)
    yield context
    home_assistant.remove_gateway(entry_id)


def test_both_inverters_get_the_combined_battery(context: Context) -> None:
    """Byte by byte, in every telegram."""
    for inverter, expected in zip(context.inverters, TOGETHER_SENT, strict=True):
        telegrams = context.record.wait_for_telegrams(inverter, 5)
        assert all(each.contents == list(expected.items()) for each in telegrams)


@pytest.mark.parametrize(
    ("entity", "shares"),
    [
        ("number.bank_max_charge_current", (2 / 3, 1 / 3)),
        ("number.i1_max_charge_current", (1, None)),
    ],
)
def test_changed_number_is_on_the_wire_at_once(
    context: Context, entity: str, shares: tuple[float | None, float | None]
) -> None:
    """It waits neither for the next telegram nor for the disk.

    Measured by what the same loop does meanwhile: at most some more requests. How long
    that takes is measured by scripts/bench: it depends on the machine, too.
    """
    for amps in (900, 750, 600, 450, 300):
        called = time.time()
        context.home_assistant.call(
            "number/set_value", {"entity_id": entity, "value": amps}
        )
        for _ in range(REQUESTS):
            assert context.home_assistant.state("sensor.bank_status") == "running"
        answered = time.time()
        for inverter, share in zip(context.inverters, shares, strict=True):
            if share is not None:
                limit = amps * share
                frame = context.record.wait_for_limit(
                    inverter, called, low=limit, high=limit
                )
                assert frame.at < answered, (frame.at - called, answered - called)


def test_silent_battery_ends_in_the_loss_policy(context: Context) -> None:
    """0 A while it is lost; the limits rise by the ramp when it is received again."""
    silenced = time.time()
    context.batteries[1].silence()
    missed = context.counts_until(context.batteries[1])
    context.waits_for_limits(NOTHING, silenced)
    for inverter, expected in zip(context.inverters, BLOCKED_SENT, strict=True):
        frame = context.record.wait_for_limit(inverter, silenced, high=0)
        first, *_ = context.record.wait_for_telegrams(inverter, 1, frame.at)
        assert first.contents == list(expected.items())
        assert first.at > missed - 0.5
    context.status("blocked")
    for inverter in context.inverters:
        context.stopped(inverter, missed)

    back = time.time()
    context.batteries[1].play(STACK_INVERTER)
    for inverter, amps in zip(context.inverters, ALL, strict=True):
        frame = context.record.wait_for_limit(inverter, back, low=0.1)
        assert frame.charge < amps / 2
    context.status("running")


def test_gateway_stops_sending_when_all_batteries_are_silent(context: Context) -> None:
    """After a few seconds of 0 A: no stale value is repeated."""
    silenced = time.time()
    for battery in context.batteries:
        battery.silence()
    missed = max(context.counts_until(battery) for battery in context.batteries)
    context.waits_for_limits(NOTHING, silenced)
    context.status("not_sending")
    silent = time.time()
    # What it sends is received, but it reports no limits
    context.batteries[0].play(without(STACK, *CONTROL))
    context.waits_for_frame(
        context.batteries[0], silent + 2
    )  # a repeat is due after 1 s
    assert context.home_assistant.state("sensor.bank_status") == "not_sending"
    for inverter in context.inverters:
        # Each second for 5 s; a busy machine may omit some
        assert 2 <= len(context.stopped(inverter, missed)) <= 7
        assert context.record.limits(inverter, silent) == []


@pytest.mark.parametrize("breaks", [Link.down, Link.delete])
def test_battery_with_a_broken_link_is_lost(
    context: Context, breaks: Callable[[Link], None]
) -> None:
    """Its link is opened again when it is back."""
    link = context.batteries[0].link
    broken = time.time()
    breaks(link)
    context.waits_for_limits(NOTHING, broken)
    context.status("blocked")
    repaired = time.time()
    _repair(link)
    context.batteries[0].play(STACK)
    for inverter in context.inverters:
        context.record.wait_for_limit(inverter, repaired, low=0.1)
    context.status("running")


def test_inverter_is_served_again_when_its_link_is_back(
    context: Context, links: tuple[Link, Link]
) -> None:
    """The other inverter is served meanwhile."""
    links[0].delete()
    broken = time.time()
    context.record.wait_for_telegrams(context.inverters[1], 4, broken)
    assert context.record.frames(context.inverters[0], broken) == []
    repaired = time.time()
    _repair(links[0])
    context.waits_for_limits(ALL, repaired)
    frames = context.record.frames(context.inverters[0], repaired)
    assert frames[0].can_id == 0x35E


def test_inverter_link_that_is_down_is_brought_up(
    context: Context, links: tuple[Link, Link]
) -> None:
    """As the form permits; a telegram opens with the name."""
    with (
        context.home_assistant.held()
    ):  # otherwise it might be up again before the check
        links[0].down()
        broken = time.time()
    context.waits_for_limits(ALL, broken)
    assert context.record.frames(context.inverters[0], broken)[0].can_id == 0x35E


def test_blocked_loop_sends_values_that_changed_meanwhile(context: Context) -> None:
    """After 5 s the frames of that time are read before anything is sent."""
    with context.home_assistant.held():
        held = time.time()
        context.batteries[0].play(LOW)
        released = context.waits_for_frame(context.batteries[0], held + 5)
    for inverter, amps in zip(context.inverters, LOW_SHARES, strict=True):
        first = context.record.wait_for_limit(inverter, held)
        assert first.at > released
        assert first.charge == amps


def test_blocked_loop_loses_a_battery_that_was_silent_meanwhile(
    context: Context,
) -> None:
    """Frames that waited keep their age."""
    with context.home_assistant.held():
        held = time.time()
        context.batteries[1].silence()
        released = context.waits_for_frame(context.batteries[0], held + 5)
    for inverter in context.inverters:
        first = context.record.wait_for_limit(inverter, held)
        assert first.at > released
        assert first.charge == 0


def test_inverter_that_returns_gets_no_stale_limits(
    home_assistant: HomeAssistant,
    record: Record,
    batteries: tuple[Battery, Battery],
    can_link: LinkFactory,
) -> None:
    """For a time its frames are not accepted; then names come, and present limits."""
    with plugged() as adapter, ExitStack() as undo:
        received_one, never_reported = can_link().name, adapter.name
        entry_id = home_assistant.add_gateway(
            _capacities(batteries), _ratings(received_one, never_reported)
        )
        undo.callback(home_assistant.remove_gateway, entry_id)
        while f"t3518{TOGETHER_SENT[1][0x351]}" not in adapter.received:
            _take_telegrams(adapter, 1)
        adapter.received.clear()

        silent = time.time()
        batteries[0].play(LOW)
        record.wait_for_telegrams(received_one, MORE_THAN_FIT, silent)
        batteries[0].play(changed(LOW, 0x355, "4B00640000000000"))  # 75 %
        wait_until(
            lambda: [s for s in record.telegrams(received_one) if NEWS in s.contents],
            "the news has come through",
        )
        queued = record.frames(never_reported, silent)
        # On a busy machine the waiting name may be an earlier one
        assert {frame.can_id for frame in queued} <= {0x35E}

        _take_telegrams(adapter, 1)  # long before another name is due
    assert adapter.received[0] == NAME
    while adapter.received[0] == NAME:
        adapter.received.pop(0)
    limits, soc = adapter.received[:2]
    assert limits.startswith("t3518")
    assert int.from_bytes(bytes.fromhex(limits[9:13]), "little") <= 378
    assert soc == f"t3558{NEWS[1]}"


def _capacities(batteries: tuple[Battery, Battery]) -> dict[str, float]:
    return {batteries[0].link.name: 250, batteries[1].link.name: 150}


def _ratings(first: str, second: str) -> dict[str, float]:
    return {first: 1000, second: 500}


def _take_telegrams(adapter: Adapter, telegrams: int) -> None:
    """Accept frames until `count` telegrams were complete, then no more."""
    for _ in range(telegrams):
        while True:
            asyncio.run(adapter.takes(len(adapter.received) + 1))
            if adapter.received[-1].startswith("t379"):
                break


def _repair(link: Link) -> None:
    if not link.exists:
        link.create()
    link.up()
