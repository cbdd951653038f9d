"""Changes while running: inverters are added, removed, or moved to another port."""

from dataclasses import replace

from custom_components.bms_gateway.engine.setpoints import AllSetpoints, Setpoints

from ..plant import Plant, inverter
from .two_inverters import REQUEST, ccls, two_inverters


def test_added_inverter_gets_its_part() -> None:
    """Once the other has followed down."""
    plant = Plant(inverters=[inverter("i1", 100.0)]).started()
    plant.apply(inverters=(inverter("i1", 100.0), inverter("i2", 100.0)))
    plant.run(40.0)
    assert ccls(plant) == {"i1": 50.0, "i2": 50.0}


def test_removed_inverter_is_sent_nothing() -> None:
    """Frames that its port still delivers are ignored."""
    plant = two_inverters().started()
    old = plant.port("i2")
    count = len(old.sent)
    plant.apply(inverters=(inverter("i1"),))
    old.push(REQUEST)
    old.leave()
    old.drain()
    plant.run(100.0)
    assert len(old.sent) == count
    assert plant.sent("i1")[1] == 100.0
    assert set(plant.snapshot.inverters) == {"i1"}


def test_changed_rating_keeps_the_port() -> None:
    """Only what differs is touched."""
    plant = Plant().started()
    before = plant.port()
    plant.apply(inverters=(inverter("i1", 40.0),))
    plant.step()
    assert plant.port() is before
    assert plant.sent()[1:] == (40.0, 40.0)


def test_inverter_at_the_same_place_inherits_the_sent_limits() -> None:
    """It is the same device, and continues without a gap."""
    plant = Plant().started()
    at = plant.now
    plant.apply(inverters=(replace(inverter("i2"), port=inverter("i1").port),))
    plant.run(2.0)
    assert set(plant.sent_since(at)) == {(56.0, 100.0, 100.0)}


def test_port_with_other_settings_inherits_the_sent_limits() -> None:
    """Its inverter is the same."""
    plant = Plant().started()
    at = plant.now
    port = replace(inverter("i1").port, bring_up=True)
    plant.apply(inverters=(replace(inverter("i1"), port=port),))
    plant.run(2.0)
    assert set(plant.sent_since(at)) == {(56.0, 100.0, 100.0)}


def test_swapped_ports_keep_the_sent_limits_of_their_place() -> None:
    """The wires stay."""
    plant = two_inverters(rated=(90.0, 30.0)).started()
    one, other = plant.config.inverters
    plant.apply(
        inverters=(replace(one, port=other.port), replace(other, port=one.port))
    )
    at = plant.now
    plant.run(2.0)
    assert {ccl for _, ccl, _ in plant.sent_since(at, "i1")} == {25.0}
    assert {ccl for _, ccl, _ in plant.sent_since(at, "i2")} == {25.0}
    plant.run(40.0)
    assert plant.sent("i2")[1] == 75.0


def test_inverter_at_another_place_leaves_its_limit_reserved() -> None:
    """The device left behind may act on it until its time-out."""
    plant = Plant().started()
    plant.apply(inverters=(inverter("i2"),))
    plant.run(2.0)
    assert plant.sent("i2")[1:] == (0.0, 0.0)
    plant.run(90.0)
    assert plant.sent("i2")[1:] == (100.0, 100.0)


def test_current_of_a_removed_inverter_is_not_unmanaged() -> None:
    """It is not subtracted twice: the other inverter keeps its part."""
    plant = two_inverters().started()
    plant.packs["b1"].reports(current=-100.0)
    plant.run(10.0)
    at = plant.now
    plant.apply(inverters=plant.config.inverters[:1])
    plant.run(55.0)
    assert {dcl for _, _, dcl in plant.sent_since(at, "i1")} == {50.0}


def test_part_of_a_removed_inverter_is_free_after_its_time_out() -> None:
    """It acts on its last limit until then."""
    plant = Plant(
        inverters=[inverter("i1", 100.0), inverter("i2", 100.0)],
        reports={"b1": {"charge_current_limit": 100.0}},
    ).started()
    plant.run(5)
    assert plant.sent("i1")[1] == 50.0
    plant.apply(inverters=plant.config.inverters[:1])
    plant.run(40)
    assert plant.sent("i1")[1] == 50.0
    plant.run(60)
    assert plant.sent("i1")[1] == 100.0


def test_part_of_a_slow_removed_inverter_stays_reserved() -> None:
    """Slower than its own time-out, it draws until it has surely followed.

    Also where its reaction time is corrected meanwhile.
    """
    slow = {"timeout": 5.0, "reaction_time": 10.0}
    plant = Plant(inverters=[inverter("i1", 100.0), inverter("i2", 100.0, **slow)])
    plant.started(10.0)
    plant.set(AllSetpoints(inverters={"i2": Setpoints(charge_current=0.0)}))
    plant.run(2.0)
    first, second = plant.config.inverters
    plant.apply(inverters=(first, replace(second, reaction_time=1.0)))
    plant.apply(inverters=(first,))
    plant.run(10.0)
    assert plant.sent("i1")[1] == 50.0
    plant.run(30.0)
    assert plant.sent("i1")[1] == 100.0
