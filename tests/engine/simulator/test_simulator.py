"""The simulator: frames out, frames in, and the physics in between."""

import asyncio
from math import isfinite

from hypothesis import given, strategies as st
import pytest

from custom_components.bms_gateway.engine.can.port import Port
from custom_components.bms_gateway.engine.config import Interface, PortConfig
from custom_components.bms_gateway.engine.model import (
    Alarm,
    Frame,
    PortStatus,
    Telegram,
)
from custom_components.bms_gateway.engine.protocol import encode
from custom_components.bms_gateway.engine.simulator import (
    Bms,
    Inverter,
    Pack,
    SimulatedBattery,
    SimulatedInverter,
    Simulator,
    TelegramTiming,
)

from ...waiting import until

HOUR = 3600


def _battery(
    name: str, resistance: float = 0.02, period: float = 1.0
) -> SimulatedBattery:
    return SimulatedBattery(
        name,
        Pack(capacity_ah=100, resistance=resistance),
        Bms(max_charge=50, max_discharge=100),
        soc=60.0,
        timing=TelegramTiming(period=period),
    )


def _inverter(name: str, power: float, lag: float = 2.0) -> SimulatedInverter:
    return SimulatedInverter(
        name, Inverter(rated_charge=60, rated_discharge=80, lag=lag), lambda _: power
    )


def _send_limits(
    simulator: Simulator, charge: float, discharge: float, now: float
) -> None:
    """Send every inverter the same limits."""
    telegram = Telegram(
        charge_voltage_limit=56.0,
        charge_current_limit=charge,
        discharge_current_limit=discharge,
        soc=60,
        voltage=53,
        charge_enabled=True,
        discharge_enabled=True,
        discharge_voltage_limit=46.0,
    )
    for name in simulator.inverters:
        for frame in encode(telegram):
            simulator.on_frame(name, frame, now)


def _run(simulator: Simulator, begin: float, end: float) -> list[tuple[str, Frame]]:
    """Advance in steps of 0.1 s; return all frames."""
    steps = range(round(begin * 10), round(end * 10))
    return [due for k in steps for due in simulator.step(k / 10)]


@pytest.fixture
def simulator() -> Simulator:
    """Return two equal batteries with an inverter that needs 2.6 kW."""
    return Simulator([_battery("a"), _battery("b")], [_inverter("i", -2650.0)])


@pytest.mark.slow
def test_an_hour_in_the_closed_loop_stays_within_all_limits(
    simulator: Simulator,
) -> None:
    """36,000 steps.

    The charge drawn is missing from the packs, and all of it is reported.
    """
    for second in range(HOUR):
        _send_limits(simulator, 30, 40, second)
        for k in range(10):
            for name, frame in simulator.step(second + k / 10):
                assert name in {"a", "b", "i"}
                assert len(frame.data) == 8
    drawn = 120.0 - sum(b.cells.charge_ah for b in simulator.batteries.values())
    # The inverter wants 50 A and is allowed 40
    assert drawn == pytest.approx(40.0, rel=0.01)
    assert simulator.current == pytest.approx(-40.0, abs=0.1)
    assert simulator.batteries["a"].soc == pytest.approx(40.0, abs=0.5)


def test_nothing_flows_before_an_inverter_gets_limits(simulator: Simulator) -> None:
    """And nothing after its time-out."""
    _run(simulator, 0, 5)
    assert simulator.current == pytest.approx(0.0)
    _send_limits(simulator, 30, 40, 5.0)
    _run(simulator, 5, 60)
    assert simulator.current == pytest.approx(-40.0, abs=0.1)
    _run(simulator, 60, 100)
    assert simulator.current == pytest.approx(0.0, abs=0.1)


def test_current_divides_by_resistance() -> None:
    """Half the resistance carries twice the current, as long as the packs are equal."""
    low, high = _battery("low", 0.01), _battery("high", 0.02)
    simulator = Simulator([low, high], [_inverter("i", -1600.0, lag=0.1)])
    simulator.step(0.0)
    _send_limits(simulator, 30, 40, 0.0)
    simulator.step(0.1)
    simulator.step(0.2)
    assert low.cells.current < -10
    assert low.cells.current == pytest.approx(2 * high.cells.current, rel=0.01)


def test_an_unplugged_battery_leaves_the_current_to_the_other(
    simulator: Simulator,
) -> None:
    """So does one that protects itself, in its direction."""
    _send_limits(simulator, 30, 40, 0.0)
    _run(simulator, 0, 30)
    simulator.batteries["a"].breaker_closed = False
    _run(simulator, 30, 31)
    currents = [battery.cells.current for battery in simulator.batteries.values()]
    assert currents == pytest.approx([0.0, -40.0], abs=0.1)
    simulator.batteries["b"].protections = frozenset({Alarm.UNDER_VOLTAGE})
    _run(simulator, 31, 32)
    assert simulator.current == 0.0


def test_unmanaged_current_flows_too(simulator: Simulator) -> None:
    """A charger on the bus that no gateway knows."""
    simulator.unmanaged = 30.0
    _run(simulator, 0, 1)
    assert simulator.current == pytest.approx(30.0)


def test_demand_can_be_set(simulator: Simulator) -> None:
    """Another house from one step to the next."""
    simulator.inverters["i"].demand = lambda _: 1000.0
    _send_limits(simulator, 30, 40, 0.0)
    _run(simulator, 0, 30)
    assert simulator.current == pytest.approx(1000 / simulator.voltage, abs=0.1)


def test_demand_goes_by_the_seconds_since_the_start() -> None:
    """At any time of day: a demo always begins on the same morning."""
    requests = []

    def demand(at: float) -> float:
        requests.append(at)
        return 0.0

    simulator = Simulator(
        [_battery("a")],
        [SimulatedInverter("i", Inverter(rated_charge=1, rated_discharge=1), demand)],
    )
    for k in range(3):
        simulator.step(98765 + k / 10)
    assert requests == pytest.approx([0.0, 0.1, 0.2])


def test_each_device_sends_at_its_own_time() -> None:
    """One per second, one every other second, the inverter's request every second."""
    simulator = Simulator(
        [_battery("a"), _battery("b", period=2.0)], [_inverter("i", 0.0)]
    )
    frames = _run(simulator, 0, 9.95)
    limits = [name for name, frame in frames if frame.can_id == 0x351]
    assert limits.count("a") == 10
    assert limits.count("b") == 5
    assert [frame.can_id for name, frame in frames if name == "i"] == [0x305] * 10


def test_a_machine_that_slept_continues_where_it_was(simulator: Simulator) -> None:
    """It catches up with some seconds, not with a night; a clock never runs back."""
    simulator.unmanaged = 36.0
    simulator.step(0.0)
    simulator.step(HOUR)
    # 36 A for 10 s are 0.1 Ah
    gained = sum(b.cells.charge_ah for b in simulator.batteries.values()) - 120
    assert gained == pytest.approx(0.1)
    simulator.step(HOUR - 1)
    assert simulator.current == pytest.approx(36.0)


@given(
    st.lists(
        st.tuples(
            st.floats(0.1, 3),
            st.sampled_from(["a", "b"]),
            st.sampled_from(["silent", "breaker", "trip", "unmanaged", "send", "well"]),
            st.floats(-300, 300),
        ),
        max_size=30,
    )
)
def test_no_sequence_of_events_breaks_it(
    events: list[tuple[float, str, str, float]],
) -> None:
    """Every number stays finite, and an open breaker open, whatever happens to it."""
    simulator = Simulator(
        [_battery("a", 0.01), _battery("b")],
        [_inverter("i", -4000), _inverter("j", 900)],
    )
    now = 0.0
    for seconds, name, event, number in events:
        battery = simulator.batteries[name]
        match event:
            case "silent":
                battery.silent = True
            case "breaker":
                battery.breaker_closed = False
            case "trip":
                battery.protections = frozenset({Alarm.INTERNAL})
            case "unmanaged":
                simulator.unmanaged = number
            case "send":
                _send_limits(simulator, abs(number), abs(number), now)
            case _:
                battery.silent, battery.breaker_closed = False, True
                battery.protections = frozenset()
        now += seconds
        simulator.step(now)
        assert isfinite(simulator.voltage)
        assert all(isfinite(b.cells.charge_ah) for b in simulator.batteries.values())
        if not battery.breaker_closed:
            assert battery.cells.current == 0.0


async def test_on_ports_its_frames_reach_the_other_end_and_back() -> None:
    """On a virtual channel.

    A battery is received, an inverter gets limits and draws current.
    """
    ports = {
        name: PortConfig(Interface.VIRTUAL, f"simulator test {name}") for name in "ai"
    }
    simulator = Simulator(
        [_battery("a")], [_inverter("i", -1000, lag=0.1)], ports=ports
    )
    received: dict[str, set[int]] = {"a": set(), "i": set()}

    def listener(name: str) -> Port:
        return Port(
            ports[name],
            on_frame=lambda frame: received[name].add(frame.can_id),
            on_echo=lambda _: None,
            on_change=lambda _: None,
        )

    def complete() -> bool:
        return {0x351, 0x355, 0x356} <= received["a"] and 0x305 in received["i"]

    others = {name: listener(name) for name in ports}
    tasks = [asyncio.create_task(port.run()) for port in others.values()]
    await until(
        lambda: all(p.state.status is PortStatus.OPEN for p in others.values()),
        "all listeners are open",
    )
    await simulator.start()
    await until(complete, lambda: f"all is received, not {received}")
    assert not received["i"] & received["a"]
    assert others["i"].send(Frame(0x351, bytes.fromhex("3002C8002C010000")))
    await until(lambda: simulator.inverters["i"].received.at, "the inverter has limits")
    assert simulator.inverters["i"].received.discharge == 30.0
    own = list(simulator._ports.values())
    await simulator.stop()
    assert [port.state.status for port in own] == [PortStatus.CLOSED] * 2
    assert simulator._timer is None
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_simulator_can_be_stopped_at_any_time_and_started_again() -> None:
    """Before its start, twice, and with a battery that has no port."""
    simulator = Simulator([_battery("a")], [])
    await simulator.stop()
    for _ in range(2):
        await simulator.start()
        assert simulator._timer is not None
        await simulator.stop()
        assert simulator._timer is None
