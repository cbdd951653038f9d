"""What is heard on the wrong port: nothing is sent there; it ends by itself."""

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


def _talk(plant: Plant, key: str = "i1", seconds: float = 3.0) -> None:
    """Let a battery talk on a port that is not its own."""
    for _ in range(int(seconds)):
        plant.port(key).push(*telegram(plant.now))
        plant.step()
        plant.run(1.0)


def test_when_anybody_was_heard() -> None:
    """Any frame of another node counts, an error frame is none."""
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


def test_nothing_is_sent_where_a_battery_talks() -> None:
    """Not one frame, from the first one heard on; and the state says why."""
    plant = Plant().started()
    _talk(plant, seconds=1.0)
    heard = plant.now
    _talk(plant, seconds=10.0)
    assert plant.port().since(heard - 1.0 + 1e-9) == []
    assert plant.inverter().battery_detected
    assert plant.inverter().listening is None


def test_it_ends_by_itself() -> None:
    """Once nothing was heard of the battery for 30 s."""
    plant = Plant().started()
    _talk(plant)
    last = plant.now - 1.0
    plant.run(BATTERY_GONE - 2.0)
    assert plant.inverter().battery_detected
    assert plant.port().since(last) == []
    plant.run(2.0)
    assert not plant.inverter().battery_detected
    assert plant.sent()
    assert plant.port().since(last)[0].at == pytest.approx(last + BATTERY_GONE, abs=0.3)


@pytest.mark.parametrize("can_id", [0x351, 0x355, 0x356])
def test_each_frame_that_every_battery_sends(can_id: int) -> None:
    """Whatever its dialect."""
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
def test_what_an_inverter_sends_is_no_battery(frame: Frame) -> None:
    """Sending goes on."""
    plant = Plant().started()
    before = plant.now
    for _ in range(5):
        plant.port().push(replace(frame, at=plant.now))
        plant.run(1.0)
    assert not plant.inverter().battery_detected
    assert plant.port().since(before)


def test_battery_that_sends_0x305_itself_is_no_inverter() -> None:
    """It does not ask: it would be missed later. Whoever asks then is an inverter."""
    plant = Plant().started()
    for _ in range(4):
        says = [*telegram(), REQUEST]
        says[-2:] = reversed(says[-2:])  # as one of its own frames, before the last one
        frames = [replace(f, at=plant.now + n / 50) for n, f in enumerate(says)]
        plant.run(0.5)
        plant.port().push(*frames)
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


def test_own_frames_of_before_a_restart_are_no_battery() -> None:
    """A set that waited in the kernel's queue comes back all at once."""
    plant = Plant().started()
    sent = len(plant.port().sent)
    plant.port().push(*telegram(plant.now))
    plant.run(BURST_GONE - 0.5)
    assert not plant.inverter().battery_detected
    assert len(plant.port().sent) == sent
    plant.run(1.0)
    assert len(plant.port().sent) > sent
    assert not plant.inverter().battery_detected


def test_other_inverters_go_on_and_get_what_is_left() -> None:
    """What the silenced one was told last stays reckoned until it cannot act on it."""
    plant = Plant(inverters=(inverter("i1", 100.0), inverter("i2", 100.0))).started(60)
    assert plant.sent("i2")[1] == pytest.approx(50.0, abs=1.0)
    before = plant.now
    _talk(plant, "i1")
    plant.run(20.0)
    assert plant.port("i2").since(before)
    assert plant.sent("i2")[1] <= 51.0


def test_no_prompt_where_a_battery_talks() -> None:
    """Nothing at all is sent."""
    plant = Plant(
        inverters=(inverter("i1", mode="reply", prompt_interval=1.0),)
    ).started()
    _talk(plant, seconds=1.0)
    before = plant.now
    _talk(plant)
    assert plant.port().since(before) == []


# An inverter on a battery's port


def test_an_inverter_alone_on_a_batterys_port() -> None:
    """Told after 5 s, gone with it after 30."""
    plant = Plant()
    plant.packs["b1"].speaks = False
    for _ in range(7):
        plant.port("b1").push(replace(REQUEST, at=plant.now))
        plant.run(1.0)
    assert plant.state().inverter_detected
    plant.run(31.0)
    assert not plant.state().inverter_detected


def test_an_inverter_beside_the_battery_is_right() -> None:
    """They may share a bus that only the battery's reader listens to."""
    plant = Plant().started()
    for _ in range(20):
        plant.port("b1").push(replace(REQUEST, at=plant.now))
        plant.run(1.0)
    assert not plant.state().inverter_detected


def test_ports_mixed_up() -> None:
    """Both tell it; the inverter gets nothing, nor does the battery."""
    plant = Plant(batteries=(battery("b1"),))
    plant.packs["b1"].speaks = False
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


def test_no_limits_without_anybody_to_hear_them() -> None:
    """Only what is harmless, however late it arrives."""
    plant = _serial()
    plant.started(60.0)
    assert set(plant.port().ids()) == set(HARMLESS)
    assert 2 * 55 <= len(plant.port().sent) <= 2 * 61
    assert plant.inverter().confirmed is None
    assert plant.inverter().sets == 0


def test_limits_follow_a_sign_of_life() -> None:
    """And cease with it."""
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


def test_knocks_go_on_while_the_adapter_refuses() -> None:
    """An inverter that speaks only when spoken to has to be found again."""
    plant = _serial()
    plant.port().has_echo = True
    plant.started()
    plant.port().push(replace(REQUEST, at=plant.now))
    plant.run(1.0)  # no echo: the set is dropped
    assert plant.inverter().listening is False
    before = plant.now
    plant.run(10.0)
    assert _ids(plant, before) == set(HARMLESS)


def test_no_knock_in_silence() -> None:
    """Without a battery there is nothing to say."""
    plant = _serial()
    plant.packs["b1"].speaks = False
    plant.run(60.0)
    assert plant.port().sent == []


# The rule itself


@given(
    heard=st.lists(
        st.tuples(st.floats(0, 100), st.sampled_from([0x351, 0x305, 0x35E])),
        max_size=20,
    ),
    now=st.floats(0, 300),
    proof=st.sampled_from(Proof),
)
def test_never_while_a_battery_was_heard_lately(
    heard: list[tuple[float, int]], now: float, proof: Proof
) -> None:
    """In whatever order frames come; and never for ever."""
    guard = BusGuard()
    for at, can_id in sorted(heard):
        guard.on_frame(Frame(can_id, bytes(8), at=at))
    battery = [at for at, can_id in sorted(heard) if can_id == 0x351]
    age = now - battery[-1] if battery else BATTERY_GONE
    if 0 <= age < BURST_GONE:
        assert not guard.allows(proof, now)
    if age >= BATTERY_GONE:
        assert guard.allows(Proof.ECHO, now)
        assert not guard.battery_detected(now)
    change = next_wake(now, guard)
    assert change is None or change > now
    assert BURST < BURST_GONE < BATTERY_GONE
