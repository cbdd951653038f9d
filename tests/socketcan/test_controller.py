"""The CAN controller of a link: its states, bus-off, and recovery.

The kernel's slcan driver takes reports from its adapter: `s`, the state (a, w, p, b for
bus-off), three digits of receive errors, three of transmit errors. At bus-off it drops
the link's carrier, as every driver does; it can restart no controller.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
import errno
from functools import partial
from typing import Final

import can
import pytest

from custom_components.bms_gateway.const import DOMAIN
from custom_components.bms_gateway.engine.can.interface import setup as link_setup
from custom_components.bms_gateway.engine.can.interface.bus_off import LOWER_AFTER
from custom_components.bms_gateway.engine.can.interface.state import read_link
from custom_components.bms_gateway.engine.config import Interface, PortConfig
from custom_components.bms_gateway.engine.inverter import transmission
from custom_components.bms_gateway.engine.inverter.sent_limits import UNPROVEN
from custom_components.bms_gateway.engine.model import (
    BusState,
    Frame,
    PortFault,
    PortStatus,
)
from homeassistant.components.number import ATTR_VALUE, DOMAIN as NUMBER
from homeassistant.components.number.const import SERVICE_SET_VALUE
from homeassistant.components.repairs import DOMAIN as REPAIRS
from homeassistant.const import ATTR_ENTITY_ID
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from tests.bench import Bench, telegram
from tests.engine.ports import Recorder, other_node
from tests.waiting import PATIENCE, wait_until

from .adapter import Adapter, plugged
from .conftest import CablePair

pytestmark = pytest.mark.socketcan

BUS_OFF = "sb128255"
WARNING = "sw100002"
PASSIVE = "sp130001"
ACTIVE = "sa000000"

NAME: Final = Frame(can_id=0x35E, data=b"PYLON   ", at=0.0)


def send_telegram(adapter: Adapter, *, soc: int = 50) -> None:
    """Pass on a telegram of a battery."""
    for can_id, data in telegram(soc=soc):
        adapter.send(f"t{can_id:03X}{len(data)}{data.hex().upper()}")


def has_received(bench: Bench, telegrams: int) -> bool:
    """Return whether that many telegrams of the battery came."""
    return bench.snapshot.batteries["b1"].telegrams >= telegrams


@asynccontextmanager
async def battery_behind(
    adapter: Adapter, bench: Bench, *, bring_up: bool
) -> AsyncIterator[None]:
    """Run with a battery online behind an adapter, and an inverter on another bus."""
    port = {"interface": "socketcan", "channel": adapter.name, "bring_up": bring_up}
    bench.battery("b1", **port).inverter("i1")
    await bench.start()
    async with adapter.taking():
        await bench.opened("b1")
        # Repeated for a busy machine: telegrams with a gap in between count anew
        while not bench.snapshot.batteries["b1"].online:
            count = bench.snapshot.batteries["b1"].telegrams + 1
            send_telegram(adapter)
            await bench.until(partial(has_received, bench, count))
        yield
        # Before the adapter stops accepting
        await bench.hass.config_entries.async_unload("gw")


def is_zero_charge(line: str) -> bool:
    """Return whether a line sends 0x351 with a charge current limit of 0 A."""
    return line.startswith("t351") and line[9:13] == "0000"


def port_of(bench: Bench, device_id: str) -> tuple[PortStatus, PortFault | None]:
    """Return status and fault of a port."""
    port = bench.snapshot.ports[device_id]
    return port.status, port.fault


@pytest.mark.parametrize("may_set_up", [False, True])
async def test_bus_off_of_a_battery_link_is_reported_for_the_port(
    bench: Bench, may_set_up: bool
) -> None:
    """Not for the battery; the link is not brought down at once."""
    with plugged(500_000) as adapter:
        async with battery_behind(adapter, bench, bring_up=may_set_up):
            adapter.send(BUS_OFF)
            await bench.until(lambda: "port_b1" in bench.issues())
            assert bench.issues()["port_b1"] == "port_bus_off"
            assert "battery_b1" not in bench.issues()
            assert port_of(bench, "b1") == (PortStatus.LOST, PortFault.BUS_OFF)
            state = bench.state("binary_sensor", "b1_port")
            assert (state.state, state.attributes["fault"]) == ("off", "bus_off")
            assert bench.state("sensor", "b1_controller").state == "bus_off"
            assert read_link(adapter.name).controller.carrier is False


async def test_states_and_counters_are_shown(bench: Bench) -> None:
    """Each report of the controller, while the port stays open."""
    with plugged(500_000) as adapter:
        async with battery_behind(adapter, bench, bring_up=False):
            for report, state, transmit, receive in (
                (WARNING, BusState.ERROR_WARNING, 2, 100),
                (PASSIVE, BusState.ERROR_PASSIVE, 1, 130),
                (ACTIVE, BusState.ERROR_ACTIVE, 0, 0),
            ):
                adapter.send(report)

                def is_known(state: BusState = state, transmit: int = transmit) -> bool:
                    known = bench.snapshot.ports["b1"].controller
                    return (known.state, known.transmit_errors) == (state, transmit)

                await bench.until(is_known)
                known = bench.snapshot.ports["b1"].controller
                assert (known.carrier, known.receive_errors) == (True, receive)
                assert port_of(bench, "b1") == (PortStatus.OPEN, None)


async def test_nothing_counts_as_sent_on_a_link_without_carrier(
    bench: Bench, hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last confirmed limits still count, and the excess is reported."""
    # This process is the adapter, too: a busy machine may delay a frame
    monkeypatch.setattr(transmission, "ECHO_TIMEOUT", PATIENCE)
    with plugged(500_000) as adapter:
        bench.battery("b1").inverter(
            "i1", interface="socketcan", channel=adapter.name, bring_up=True
        )
        await bench.start()
        async with adapter.taking():
            await bench.opened("i1")
            await bench.online("b1", soc=50)

            def is_sent() -> bool:
                confirmed = bench.snapshot.inverters["i1"].confirmed
                return confirmed is not None and confirmed.charge_current_limit == 50.0

            # On a busy machine the battery may be lost meanwhile
            while not is_sent():
                await bench.send_telegrams("b1", soc=50)
            # Twice: what was confirmed just before bus-off may not have arrived
            await bench.move(UNPROVEN)
            telegrams_sent = bench.snapshot.inverters["i1"].telegrams_sent
            while bench.snapshot.inverters["i1"].telegrams_sent == telegrams_sent:
                await bench.send_telegrams("b1", soc=50)
            adapter.send(BUS_OFF)
            await bench.until(
                lambda: port_of(bench, "i1") == (PortStatus.LOST, PortFault.BUS_OFF)
            )
            await hass.services.async_call(
                NUMBER,
                SERVICE_SET_VALUE,
                {
                    ATTR_ENTITY_ID: bench.entity_id(
                        "number", "gw_charge_current_setpoint"
                    ),
                    ATTR_VALUE: 0,
                },
                blocking=True,
            )
            for _ in range(5):
                await bench.move(1.0)
                await bench.send_telegrams("b1", soc=50, current=30.0)

            def is_reported() -> bool:
                bench.send("b1", telegram(soc=50, current=30.0))
                return "inverter_unreachable" in bench.issues().values()

            await bench.until(is_reported)
            assert not bench.snapshot.inverters["i1"].listening
            assert is_sent()
            assert not any(map(is_zero_charge, adapter.received))
            await hass.config_entries.async_unload("gw")


@pytest.mark.parametrize("obeys", [False, True])
async def test_bus_off_ends_automatically_where_the_link_may_be_set_up(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, obeys: bool
) -> None:
    """After LOWER_AFTER the link is brought down and up, and the battery is back.

    Also where the driver obeys the order to restart, and then does nothing.
    """
    if obeys:
        monkeypatch.setattr(link_setup, "restart", lambda _: None)
    with plugged(500_000) as adapter:
        async with battery_behind(adapter, bench, bring_up=True):
            adapter.send(BUS_OFF)
            await bench.until(lambda: port_of(bench, "b1")[1] is PortFault.BUS_OFF)
            await bench.move(LOWER_AFTER - 1)
            assert read_link(adapter.name).state is BusState.BUS_OFF
            await bench.move(1)
            await bench.opened("b1")
            assert read_link(adapter.name).state is BusState.ERROR_ACTIVE
            # LAWICEL: channel closed, 500 kbit/s, channel opened
            assert adapter.received[-3:] == ["C", "S6", "O"]
            await bench.until(lambda: "port_b1" not in bench.issues())


async def test_fault_stays_bus_off_where_setting_up_is_refused(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often it is tried."""
    refused: list[str] = []

    def refuse(name: str, **_: object) -> None:
        refused.append(name)
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(link_setup, "bring_up", refuse)
    monkeypatch.setattr(link_setup, "restart", refuse)
    with plugged(500_000) as adapter:
        async with battery_behind(adapter, bench, bring_up=True):
            adapter.send(BUS_OFF)
            await bench.until(lambda: "port_b1" in bench.issues())
            await bench.move(LOWER_AFTER)
            count = len(refused) + 4
            while len(refused) < count:
                await bench.move(5)
                assert port_of(bench, "b1") == (PortStatus.LOST, PortFault.BUS_OFF)
                assert bench.issues()["port_b1"] == "port_bus_off"
                assert bench.state("sensor", "b1_controller").state == "bus_off"


async def test_bus_off_stays_where_the_link_may_not_be_set_up(bench: Bench) -> None:
    """Nothing is changed without permission; the user ends it."""
    with plugged(500_000) as adapter:
        async with battery_behind(adapter, bench, bring_up=False):
            adapter.send(BUS_OFF)
            await bench.until(lambda: port_of(bench, "b1")[1] is PortFault.BUS_OFF)
            await bench.move(2 * LOWER_AFTER)
            assert port_of(bench, "b1")[1] is PortFault.BUS_OFF
            await asyncio.to_thread(
                link_setup.bring_up, adapter.name, bitrate=500_000, lower=True
            )
            await bench.opened("b1")


async def test_button_of_the_repair_restarts_the_controller(
    bench: Bench, hass: HomeAssistant
) -> None:
    """At once, and the gateway may do so from then on."""
    assert await async_setup_component(hass, REPAIRS, {})
    with plugged(500_000) as adapter:
        async with battery_behind(adapter, bench, bring_up=False):
            adapter.send(BUS_OFF)
            await bench.until(lambda: "port_b1" in bench.issues())
            flows = hass.data[REPAIRS]["flow_manager"]
            form = await flows.async_init(DOMAIN, context={"issue_id": "port_b1"})
            done = await flows.async_configure(form["flow_id"], {})
            assert done["type"] == "create_entry"
            await bench.opened("b1")
            assert read_link(adapter.name).state is BusState.ERROR_ACTIVE
            assert bench.entry.subentries["b1"].data["bring_up"] is True


async def test_port_without_carrier_is_not_open(
    can_cable: Callable[[], CablePair],
) -> None:
    """A virtual cable whose far end is down; it is opened when that is up."""
    near, far = can_cable()
    far.down()
    recorder = Recorder(near.name, Interface.SOCKETCAN)
    async with recorder.running():
        await recorder.becomes(PortStatus.LOST, PortFault.NO_CARRIER)
        far.up()
        await recorder.becomes(PortStatus.OPEN)
        far.down()
        await recorder.becomes(PortStatus.LOST, PortFault.NO_CARRIER)


async def test_kernel_understands_the_restart_request() -> None:
    """The slcan driver refuses it, as it has none."""
    with plugged(500_000) as adapter, pytest.raises(OSError) as raised:
        await asyncio.to_thread(link_setup.restart, adapter.name)
    assert raised.value.errno == errno.EOPNOTSUPP


@pytest.mark.parametrize(("may_set_up", "length"), [(False, 10), (True, 100)])
async def test_link_that_is_up_gets_the_queue(may_set_up: bool, length: int) -> None:
    """Without being brought down: nothing is sent to the adapter."""
    with plugged(500_000) as adapter:
        port = PortConfig(Interface.SOCKETCAN, adapter.name, bring_up=may_set_up)
        recorder = Recorder(adapter.name, Interface.SOCKETCAN)
        recorder.port.config = port
        async with adapter.taking(), recorder.opened():
            assert read_link(adapter.name).queue_length == length
            assert adapter.received == []


async def test_bus_off_reported_by_another_program_is_checked() -> None:
    """Any program can send error frames on a link; the kernel knows the state."""
    with plugged(500_000) as adapter:
        recorder = Recorder(adapter.name, Interface.SOCKETCAN)
        with other_node(adapter.name, Interface.SOCKETCAN) as other:
            async with adapter.taking(), recorder.opened() as port:
                for _ in range(3):
                    other.send(
                        can.Message(
                            arbitration_id=0x40, data=bytes(8), is_error_frame=True
                        )
                    )
                    assert port.send(NAME)
                await recorder.receives(3)
                await recorder.sees_echoes(3)
                assert recorder.statuses == [
                    (PortStatus.OPENING, None),
                    (PortStatus.OPEN, None),
                ]


async def test_no_echo_counts_after_bus_off() -> None:
    """The kernel makes them for a driver without echoes, carrier or not."""
    with plugged(500_000) as adapter:
        recorder = Recorder(adapter.name, Interface.SOCKETCAN)
        async with adapter.taking(), recorder.opened() as port:
            assert port.send(NAME)
            await recorder.sees_echoes(1)
            # In one turn of the loop: the report waits when the frame is sent
            adapter.send(BUS_OFF)
            wait_until(lambda: read_link(adapter.name).controller.fault, "bus-off")
            port.send(NAME)
            port.drain()
            await recorder.becomes(PortStatus.LOST, PortFault.BUS_OFF)
            assert len(recorder.echoes) == 1
