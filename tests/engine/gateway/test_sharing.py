"""What each inverter is sent: its part of the bank's limit and current."""

from custom_components.bms_gateway.engine.model import Rule
from custom_components.bms_gateway.engine.presets import SendMode
from custom_components.bms_gateway.engine.setpoints import AllSetpoints, Setpoints

from ..plant import Plant, inverter
from .two_inverters import REQUEST, ccls, two_inverters

SET = [0x35E, 0x351, 0x355, 0x356, 0x35C, 0x359, 0x379]


def test_limit_is_divided_by_rating() -> None:
    """Not the whole bank limit to each, as the daemon sends it."""
    plant = two_inverters(rated=(90.0, 30.0)).started()
    assert plant.sent("i1")[1:] == (75.0, 75.0)
    assert plant.sent("i2")[1:] == (25.0, 25.0)


def test_setpoint_of_one_inverter_leaves_the_rest_to_the_other() -> None:
    """After twice the reaction time, then ramped."""
    plant = two_inverters().started()
    inverters = {"i1": Setpoints(charge_current=10.0)}
    plant.set(AllSetpoints(inverters=inverters))
    assert ccls(plant) == {"i1": 10.0, "i2": 50.0}
    plant.run(19.0)
    assert ccls(plant) == {"i1": 10.0, "i2": 50.0}
    plant.run(3.0)
    assert 50.0 < plant.sent("i2")[1] < 90.0
    plant.run(5.0)
    assert ccls(plant) == {"i1": 10.0, "i2": 90.0}
    limit = plant.inverter("i1").charge
    assert limit is not None
    assert (limit.rule, limit.number) == (Rule.SETPOINT, 10.0)


def test_full_queue_of_one_port_delays_no_other() -> None:
    """Ports are independent."""
    plant = two_inverters()
    plant.port("i1").queue = [REQUEST] * 12
    plant.port("i1").acknowledged = False
    plant.started()
    assert plant.sent("i2")[1] == 100.0
    assert plant.inverter("i1").listening is False


def test_reply_mode_sends_one_telegram_per_request() -> None:
    """Through the gateway."""
    plant = Plant(inverters=[inverter("i1", mode=SendMode.REPLY)]).started()
    assert plant.port().sent == []
    plant.port().push(REQUEST)
    plant.step()
    assert plant.port().ids() == SET
    assert plant.inverter().connected is True


def test_out_of_service_inverter_leaves_its_part_to_the_other() -> None:
    """It is sent 0 A."""
    plant = two_inverters().started()
    plant.set(AllSetpoints(out_of_service=frozenset({"i1"})))
    plant.run(40.0)
    assert ccls(plant) == {"i1": 0.0, "i2": 100.0}


def test_each_inverter_is_sent_its_part_of_the_current() -> None:
    """Or the current by its own factor and offset."""
    plant = Plant(
        inverters=[
            inverter("i1", 75.0),
            inverter("i2", 25.0),
            inverter("i3", 100.0, current_factor=2.0, current_offset=1.5),
        ],
        reports={"b1": {"current": -20.0}},
    ).started()
    currents = [
        int.from_bytes(plant.port(key).last(0x356)[2:4], "little", signed=True) / 10
        for key in ("i1", "i2", "i3")
    ]
    assert currents == [-7.5, -2.5, -38.5]


def test_current_is_divided_by_weight_at_a_limit_of_0() -> None:
    """There are no parts of the limit."""
    plant = two_inverters().started()
    plant.packs["b1"].reports(charge_current_limit=0.0, current=10.0)
    plant.run(2.0)
    data = plant.port("i1").last(0x356)
    assert int.from_bytes(data[2:4], "little", signed=True) == 50


def test_unknown_current_is_not_sent() -> None:
    """0x8000 would be -3276.8 A to an inverter."""
    plant = Plant().started()
    plant.packs["b1"].reports(current=None)
    plant.run(2.0)
    assert plant.port().last(0x356)[2:4] == b"\0\0"
    assert plant.snapshot.bank.current is None


def test_inverter_without_a_rating_gets_0() -> None:
    """It takes nothing."""
    plant = Plant(inverters=[inverter("i1", 0.0)]).started()
    assert plant.sent()[1:] == (0.0, 0.0)
