"""The gateway seen from outside: its snapshots, and frames that it ignores."""

from custom_components.bms_gateway.engine.model import (
    Frame,
    PortStatus,
    Snapshot,
    Status,
)

from ..plant import Plant
from .two_inverters import two_inverters


def test_error_and_29_bit_frames_are_ignored_on_a_battery_bus() -> None:
    """They change nothing."""
    plant = Plant()
    plant.port("b1").push(
        Frame(0x351, bytes(8), extended=True), Frame(0x40, bytes(8), error=True)
    )
    plant.step()
    assert plant.state().last_frame_at is None


def test_listeners_get_every_snapshot_until_unsubscribed() -> None:
    """Then no more."""
    plant = Plant()
    seen: list[Snapshot] = []
    end = plant.gateway.subscribe(seen.append)
    plant.started(1.0)
    assert seen[-1].status is Status.RUNNING
    end()
    count = len(seen)
    plant.run(1.0)
    assert len(seen) == count


def test_snapshot_contains_everything_known() -> None:
    """Limits, batteries, inverters and ports."""
    plant = two_inverters().started()
    plant.port("i2").lose()
    plant.step()
    snapshot = plant.snapshot
    assert snapshot.at == plant.now == plant.gateway.now
    assert snapshot.ports["i2"].status is PortStatus.LOST
    assert snapshot.ports["b1"].status is PortStatus.OPEN
    assert snapshot.charge_voltage_limit == 56.0
    assert snapshot.discharge_voltage_limit == 46.0
    assert snapshot.inverters["i1"].listening is True
    assert plant.gateway.learned == {"b1": 1.0}
