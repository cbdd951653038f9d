"""A recording: all of the traffic, own frames too, until a bound is reached."""

from hypothesis import given, strategies as st

from custom_components.bms_gateway.engine.can.log.candump import parse
from custom_components.bms_gateway.engine.can.log.recording import Recording
from custom_components.bms_gateway.engine.model import Frame

from ...plant import Plant
from ...wires import MovedClock

LINE = len("(1700000000.000000) can0 351#0102030405060708 R\n")
FRAME = Frame(0x351, bytes(range(1, 9)), at=100.0)


def recording(**bounds: int) -> Recording:
    """Return a recording from 100 s on, when the wall clock shows 1 700 000 000 s."""
    return Recording("can0", MovedClock(100.0), lambda: 1_700_000_000.0, **bounds)


def test_lines_are_fetched_once() -> None:
    """In order, with wall times and directions."""
    taken = recording()
    taken.on_frame(FRAME)
    taken.on_echo(Frame(0x305, bytes(8), at=100.25))
    assert taken.fetch() == (
        "(1700000000.000000) can0 351#0102030405060708 R\n"
        "(1700000000.250000) can0 305#0000000000000000 T\n"
    )
    assert taken.fetch() == ""
    assert taken.frames == 2


def test_setting_the_wall_clock_changes_nothing() -> None:
    """Times between frames are the purpose of a log."""
    wall = MovedClock(1_700_000_000.0)
    taken = Recording("can0", MovedClock(100.0), wall)
    taken.on_frame(FRAME)
    wall.now -= 3600.0
    taken.on_frame(Frame(0x351, at=101.0))
    first, second = parse(taken.fetch().splitlines())
    assert second.frame.at - first.frame.at == 1.0


def test_a_recording_ends_at_its_largest_size() -> None:
    """With whole lines, and for good, although a shorter line would still fit."""
    taken = recording(largest=2 * LINE + LINE // 2 + 10)
    for _ in range(3):
        taken.on_frame(FRAME)
    assert taken.full
    taken.on_frame(Frame(0x35E, at=100.0))
    assert len(taken.fetch()) == 2 * LINE


def test_a_slow_writer_ends_it() -> None:
    """Memory is bounded, and a log with holes would be worse than a short one."""
    taken = recording(most_waiting=2 * LINE)
    taken.on_frame(FRAME)
    taken.on_frame(FRAME)
    assert taken.frames == 2
    taken.fetch()
    for _ in range(3):
        taken.on_frame(FRAME)
    assert taken.full
    taken.fetch()
    taken.on_frame(FRAME)
    assert taken.fetch() == ""
    assert taken.frames == 4


@given(st.integers(0, 20 * LINE), st.lists(st.booleans(), max_size=40))
def test_bounds_hold(largest: int, fetched: list[bool]) -> None:
    """Whenever the lines are fetched."""
    taken = recording(largest=largest, most_waiting=5 * LINE)
    sizes = []
    for fetch in fetched:
        taken.on_frame(FRAME)
        if fetch:
            sizes.append(len(taken.fetch()))
    sizes.append(len(taken.fetch()))
    assert sum(sizes) <= largest
    assert max(sizes) <= 5 * LINE
    assert sum(sizes) == taken.frames * LINE
    assert taken.full or taken.frames == len(fetched)


def test_a_gateway_records_own_frames_too() -> None:
    """Those that have left, through a tap of their own."""
    plant = Plant()
    received: list[Frame] = []
    own: list[Frame] = []
    plant.gateway.tap("i1", received.append)
    undo = plant.gateway.tap("i1", own.append, own=True)
    plant.started()
    assert received == []
    assert [frame.can_id for frame in own] == plant.port().ids()
    undo()
    count = len(own)
    plant.run(3.0)
    assert len(own) == count
