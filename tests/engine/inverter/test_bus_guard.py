"""Bus guard: nothing is sent where a battery is received; that ends by itself."""

from dataclasses import replace

from hypothesis import given, strategies as st
import pytest

from custom_components.bms_gateway.engine.config import Interface, PortConfig, Proof
from custom_components.bms_gateway.engine.inverter.bus_guard import (
    BATTERY_GONE,
    BURST,
    BURST_GONE,
    PRESENT,
    BusGuard,
)
from custom_components.bms_gateway.engine.model import Frame
from custom_components.bms_gateway.engine.scheduling import next_wake

from ..plant import Plant, battery, inverter
from ..telegrams import telegram

REQUEST = Frame(0x305, bytes(8))
LIMITS_IDS = {0x351, 0x355, 0x35C}
HARMLESS = [0x35E, 0x356]


def _battery_sends(plant: Plant, key: str = "i1", seconds: float = 3.0) -> None:
    """Have a battery send on a port that is not its own."""
    for _ in range(int(seconds)):
        plant.port(key).push(*telegram(plant.now))
        plant.step()
        plant.run(1.0)


def test_any_frame_of_another_device_shows_presence() -> None:
    """An error frame does not."""
    plant = Plant().started()
    assert plant.inverter().last_foreign_frame_at is None
    at = plant.now
    plant.port().push(Frame(0x307, bytes(8)))
    plant.run(1.0)
    assert plant.inverter().last_foreign_frame_at == at
    plant.port().push(Frame(0x40, bytes(8), error=True))
    plant.run(1.0)
    assert plant.inverter().last_foreign_frame_at == at


# A battery on an inverter's port


def test_nothing_is_sent_where_a_battery_is_received() -> None:
    """Not one frame, from its first one on; the state shows why."""
    plant = Plant().started()
    _battery_sends(plant, seconds=1.0)
    received = plant.now
    _battery_sends(plant, seconds=10.0)
    assert plant.port().since(received - 1.0 + 1e-9) == []
    assert plant.inverter().battery_detected
    assert plant.inverter().listening is None


def test_sending_resumes_30_s_after_the_last_battery_frame() -> None:
    """Without any action of the user."""
    plant = Plant().started()
    _battery_sends(plant)
    last = plant.now - 1.0
    plant.run(BATTERY_GONE - 2.0)
    assert plant.inverter().battery_detected
    assert plant.port().since(last) == []
    plant.run(2.0)
    assert not plant.inverter().battery_detected
    assert plant.sent()
    assert plant.port().since(last)[0].at == pytest.approx(last + BATTERY_GONE, abs=0.3)


@pytest.mark.parametrize("can_id", [0x351, 0x355, 0x356])
def test_every_limit_and_measurement_frame_marks_a_battery(can_id: int) -> None:
    """In any dialect."""
    plant = Plant().started()
    (frame,) = [f for f in telegram() if f.can_id == can_id]
    for _ in range(3):
        plant.port().push(replace(frame, at=plant.now))
        plant.run(1.0)
    assert plant.inverter().battery_detected


@pytest.mark.parametrize(
    "frame",
    [
        REQUEST,
        Frame(0x306, bytes(8)),
        Frame(0x307, bytes(8)),
        Frame(0x351, bytes(8), extended=True),
        Frame(0x351, remote=True),
        Frame(0x351, bytes(8), error=True),
    ],
    ids=["0x305", "0x306", "0x307", "29 bit", "remote", "error"],
)
def test_frames_of_an_inverter_do_not_stop_sending(frame: Frame) -> None:
    """They mark no battery."""
    plant = Plant().started()
    before = plant.now
    for _ in range(5):
        plant.port().push(replace(frame, at=plant.now))
        plant.run(1.0)
    assert not plant.inverter().battery_detected
    assert plant.port().since(before)


def test_battery_that_sends_0x305_is_no_inverter() -> None:
    """It would be missed later. A later 0x305 is an inverter's."""
    plant = Plant().started()
    for _ in range(4):
        frames = [*telegram(), REQUEST]
        frames[-2:] = reversed(
            frames[-2:]
        )  # as one of its own frames, before the last one
        shifted = [replace(f, at=plant.now + n / 50) for n, f in enumerate(frames)]
        plant.run(0.5)
        plant.port().push(*shifted)
        plant.run(0.5)
    assert plant.inverter().battery_detected
    assert (plant.inverter().connected, plant.inverter().last_request_at) == (
        None,
        None,
    )
    plant.run(BATTERY_GONE + 1.0)
    assert plant.inverter().connected is None
    for _ in range(10):
        plant.port().push(replace(REQUEST, at=plant.now))
        plant.run(1.0)
    assert plant.inverter().connected


def test_own_frames_from_before_a_restart_are_no_battery() -> None:
    """A telegram that waited in the kernel's queue returns all at once."""
    plant = Plant().started()
    sent = len(plant.port().sent)
    plant.port().push(*telegram(plant.now))
    plant.run(BURST_GONE - 0.5)
    assert not plant.inverter().battery_detected
    assert len(plant.port().sent) == sent
    plant.run(1.0)
    assert len(plant.port().sent) > sent
    assert not plant.inverter().battery_detected


def test_other_inverters_get_the_rest_of_the_limit() -> None:
    """The silenced one's last limit stays reserved until its time-out."""
    plant = Plant(inverters=(inverter("i1", 100.0), inverter("i2", 100.0))).started(60)
    assert plant.sent("i2")[1] == pytest.approx(50.0, abs=1.0)
    before = plant.now
    _battery_sends(plant, "i1")
    plant.run(20.0)
    assert plant.port("i2").since(before)
    assert plant.sent("i2")[1] <= 51.0


def test_no_prompt_is_sent_where_a_battery_is_received() -> None:
    """Nothing at all is sent."""
    plant = Plant(
        inverters=(inverter("i1", mode="reply", prompt_interval=1.0),)
    ).started()
    _battery_sends(plant, seconds=1.0)
    before = plant.now
    _battery_sends(plant)
    assert plant.port().since(before) == []


# An inverter on a battery's port


def test_inverter_alone_on_a_battery_port_is_reported() -> None:
    """After 5 s; cleared 30 s after its last frame."""
    plant = Plant()
    plant.packs["b1"].active = False
    for _ in range(7):
        plant.port("b1").push(replace(REQUEST, at=plant.now))
        plant.run(1.0)
    assert plant.state().inverter_detected
    plant.run(31.0)
    assert not plant.state().inverter_detected


def test_inverter_beside_a_battery_is_not_reported() -> None:
    """They may share a bus on which the gateway only receives."""
    plant = Plant().started()
    for _ in range(20):
        plant.port("b1").push(replace(REQUEST, at=plant.now))
        plant.run(1.0)
    assert not plant.state().inverter_detected


def test_swapped_ports_are_reported_on_both_devices() -> None:
    """Nothing is sent to the inverter, nor to the battery."""
    plant = Plant(batteries=(battery("b1"),))
    plant.packs["b1"].active = False
    for _ in range(20):
        plant.port("b1").push(replace(REQUEST, at=plant.now))
        plant.port("i1").push(*telegram(plant.now))
        plant.run(1.0)
    assert plant.state().inverter_detected
    assert plant.inverter().battery_detected
    assert plant.port().sent == []


# Where nothing proves that frames leave


def _serial() -> Plant:
    """Have an inverter on a serial adapter that acknowledges nothing."""
    plant = Plant(
        inverters=(replace(inverter("i1"), port=PortConfig(Interface.SLCAN, "i1")),)
    )
    plant.port().has_echo = plant.port().echoes = False
    plant.port().echo_is_proof = False
    return plant


def _ids(plant: Plant, since: float) -> set[int]:
    return {frame.can_id for frame in plant.port().since(since)}


def test_no_limits_are_sent_without_a_device_on_the_bus() -> None:
    """Only harmless frames, however late they arrive."""
    plant = _serial()
    plant.started(60.0)
    assert set(plant.port().ids()) == set(HARMLESS)
    assert 2 * 55 <= len(plant.port().sent) <= 2 * 61
    assert plant.inverter().confirmed is None
    assert plant.inverter().telegrams_sent == 0


def test_limits_are_sent_once_another_device_is_received() -> None:
    """And stop when it is no longer received."""
    plant = _serial()
    plant.started()
    plant.port().push(replace(REQUEST, at=plant.now))
    plant.step()
    assert plant.inverter().listening
    assert plant.sent()
    last = plant.now
    plant.run(10.0)
    limits = [f for f in plant.port().sent if f.can_id in LIMITS_IDS]
    assert max(frame.at for frame in limits) <= last + PRESENT
    assert plant.inverter().listening is False


def test_probes_continue_while_the_adapter_rejects_frames() -> None:
    """An inverter that only replies has to be found again."""
    plant = _serial()
    plant.port().has_echo = True
    plant.started()
    plant.port().push(replace(REQUEST, at=plant.now))
    plant.run(1.0)  # no echo: the set is dropped
    assert plant.inverter().listening is False
    before = plant.now
    plant.run(10.0)
    assert _ids(plant, before) == set(HARMLESS)


def test_no_probe_without_limits() -> None:
    """Without a battery there is nothing to send."""
    plant = _serial()
    plant.packs["b1"].active = False
    plant.run(60.0)
    assert plant.port().sent == []


# The rule itself


@given(
    received=st.lists(
        st.tuples(st.floats(0, 100), st.sampled_from([0x351, 0x305, 0x35E])),
        max_size=20,
    ),
    now=st.floats(0, 300),
    proof=st.sampled_from(Proof),
)
def test_nothing_is_sent_within_30_s_of_a_battery_frame(
    received: list[tuple[float, int]], now: float, proof: Proof
) -> None:
    """In any order of frames; and sending resumes at some time."""
    guard = BusGuard()
    for at, can_id in sorted(received):
        guard.on_frame(Frame(can_id, bytes(8), at=at))
    battery = [at for at, can_id in sorted(received) if can_id == 0x351]
    age = now - battery[-1] if battery else BATTERY_GONE
    if 0 <= age < BURST_GONE:
        assert not guard.allows(proof, now)
    if age >= BATTERY_GONE:
        assert guard.allows(Proof.ECHO, now)
        assert not guard.battery_detected(now)
    change = next_wake(now, guard)
    assert change is None or change > now
    assert BURST < BURST_GONE < BATTERY_GONE
