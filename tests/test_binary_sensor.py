"""Binary sensors: alarms, enables and connections."""

import pytest

from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE, STATE_UNKNOWN

from .bench import Bench, telegram


async def test_connections_have_a_state_from_the_start(bench: Bench) -> None:
    """Also before any frame was received."""
    await bench.battery("b1").inverter("i1").start()
    assert bench.state("binary_sensor", "b1_online").state == STATE_OFF
    assert bench.state("binary_sensor", "i1_receiving").state == STATE_UNKNOWN
    assert bench.state("binary_sensor", "i1_requesting").state == STATE_UNKNOWN
    await bench.shows("binary_sensor", "b1_port", STATE_ON)
    await bench.shows("binary_sensor", "i1_port", STATE_ON)


async def test_requesting_inverter_is_connected(bench: Bench) -> None:
    """And one that acknowledges frames is listening."""
    await bench.battery("b1").inverter("i1").start()
    await bench.shows("binary_sensor", "i1_port", STATE_ON)
    bench.send("i1", [(0x305, bytes(8))])
    await bench.online("b1")
    await bench.until(lambda: bench.snapshot.inverters["i1"].telegrams_sent > 0)
    await bench.send_telegrams("b1")
    await bench.shows("binary_sensor", "b1_online", STATE_ON)
    await bench.shows("binary_sensor", "i1_receiving", STATE_ON)
    await bench.shows("binary_sensor", "i1_requesting", STATE_ON)


@pytest.mark.usefixtures("socket_enabled")
async def test_closed_port_is_shown(bench: Bench) -> None:
    """In addition to the repair."""
    bench.battery("b1", interface="socketcan", channel="nosuchcan0")
    await bench.start()
    await bench.until(lambda: "port_b1" in bench.issues())
    assert bench.state("binary_sensor", "b1_port").state == STATE_OFF


async def test_alarms_are_shown(bench: Bench) -> None:
    """Of the battery and of the bank, with their names."""
    await bench.battery("b1").battery("b2").inverter("i1").start()
    assert bench.state("binary_sensor", "b1_protections").state == STATE_UNAVAILABLE
    await bench.online("b1", "b2")
    await bench.shows("binary_sensor", "b1_protections", STATE_OFF)
    # 0x359 byte 0: bit 1 over-voltage, bit 3 over-temperature
    await bench.send_telegrams("b1", protections=(0b1010, 0))
    shown = await bench.shows("binary_sensor", "b1_protections", STATE_ON)
    assert shown.attributes["alarms"] == ["over_temperature", "over_voltage"]
    assert bench.state("binary_sensor", "b2_protections").state == STATE_OFF
    # The end of a protection counts once two telegrams report it
    for _ in range(2):
        await bench.move(1.0)
        await bench.send_telegrams("b1", "b2")
    shown = await bench.shows("binary_sensor", "b1_protections", STATE_OFF)
    assert shown.attributes["alarms"] == []


async def test_missing_alarm_frames_are_not_no_alarm(bench: Bench) -> None:
    """A battery that never sends them may have any."""
    await bench.battery("b1").start()
    for _ in range(2):
        bench.send("b1", [row for row in telegram() if row[0] not in {0x359, 0x35C}])
    await bench.shows("binary_sensor", "b1_online", STATE_ON)
    for key in "b1_protections", "b1_warnings", "b1_charge_enabled", "gw_protections":
        state = bench.state("binary_sensor", key)
        assert state.state == STATE_UNKNOWN
        assert "alarms" not in state.attributes


async def test_enables_are_shown(bench: Bench) -> None:
    """0x35C: bit 7 charge, bit 6 discharge, bit 5 force-charge."""
    await bench.battery("b1").inverter("i1").start()
    await bench.online("b1", enables=0x40)
    await bench.shows("binary_sensor", "b1_charge_enabled", STATE_OFF)
    await bench.shows("binary_sensor", "b1_discharge_enabled", STATE_ON)
    await bench.shows("binary_sensor", "gw_charge_enabled", STATE_OFF)
    await bench.shows("binary_sensor", "gw_discharge_enabled", STATE_ON)
    # A charge request counts once two telegrams make it
    for _ in range(2):
        await bench.move(1.0)
        await bench.send_telegrams("b1", enables=0xE0)
    await bench.shows("binary_sensor", "b1_force_charge", STATE_ON)
    await bench.shows("binary_sensor", "gw_force_charge", STATE_ON)
