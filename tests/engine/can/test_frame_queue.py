"""A queue whose descriptor an event loop waits for."""

import select
import threading

from hypothesis import given, strategies as st

from custom_components.bms_gateway.engine.can.frame_queue import (
    MOST_WAITING,
    FrameQueue,
)


@given(st.lists(st.booleans(), max_size=30))
def test_descriptor_is_readable_exactly_while_frames_wait(
    steps: list[bool],
) -> None:
    """However frames are put in and taken out."""
    frames: FrameQueue[int] = FrameQueue()
    waiting: list[int] = []
    try:
        for number, puts in enumerate(steps):
            if puts:
                frames.put(number)
                waiting.append(number)
            elif waiting:
                assert frames.get(timeout=0) == waiting.pop(0)
            assert _is_readable(frames) is bool(waiting)
    finally:
        frames.close()


def test_oldest_frames_are_dropped_when_the_loop_is_blocked_for_long() -> None:
    """The memory stays bounded, and what is known in the end is the newest."""
    frames: FrameQueue[int] = FrameQueue()
    for number in range(MOST_WAITING + 5):
        frames.put(number)
    assert [frames.get(timeout=0) for _ in range(MOST_WAITING)] == list(
        range(5, MOST_WAITING + 5)
    )
    assert not _is_readable(frames)
    frames.close()


def test_thread_that_outlives_the_queue_writes_to_no_foreign_descriptor() -> None:
    """The number of a closed descriptor may belong to something else by then."""
    frames: FrameQueue[int] = FrameQueue()
    frames.close()
    frames.close()
    thread = threading.Thread(target=frames.put, args=(1,))
    thread.start()
    thread.join()
    assert frames.fileno() == -1
    assert frames.get(timeout=0) == 1


def _is_readable(frames: FrameQueue[int]) -> bool:
    poll = select.poll()
    poll.register(frames, select.POLLIN)
    return bool(poll.poll(0))
