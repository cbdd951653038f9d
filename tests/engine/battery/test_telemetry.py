"""Telemetry does not depend on how often, or when, it is queried."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from itertools import islice

from hypothesis import given, strategies as st

from custom_components.bms_gateway.engine.battery.telemetry import Telemetry
from custom_components.bms_gateway.engine.model import Frame

from ..plant import battery
from ..protocol.captures import DEYE, DEYE_TO_VICTRON, STACK, VICTRON_TO_DEYE, frames
from ..telegrams import NO_LIMITS, telegram

FRAMES: Sequence[Frame] = (
    *telegram(current=10.0),
    *telegram(current=-20.0, soc=51.0),
    NO_LIMITS,
    *(
        frame
        for capture in (DEYE, DEYE_TO_VICTRON, STACK, VICTRON_TO_DEYE)
        for frame in islice(frames(capture), 12)
    ),
)
SECONDS = st.sampled_from([0.0, 0.1, 0.9, 3.0, 7.0, 31.0])


@given(
    st.lists(
        st.tuples(
            st.sampled_from(FRAMES),
            SECONDS,
            st.sampled_from([None, 5.0, 60.0]),
        ),
        max_size=30,
    ),
    SECONDS,
)
def test_queries_change_nothing(
    steps: list[tuple[Frame, float, float | None]], late: float
) -> None:
    """Nor does the cache of an earlier query, for a later or an earlier time."""
    often, once = Telemetry(battery("b")), Telemetry(battery("b"))
    now = 1000.0
    for frame, passed, timeout in steps:
        now += passed
        for telemetry in (often, once):
            telemetry.on_frame(replace(frame, at=now))
        for at in (now, now + late, now - late):
            often.readings(at)
        _ = often.last
        if timeout is not None:
            for telemetry in (often, once):
                telemetry.configure(battery("b", 100.0 + passed, timeout=timeout))
    for at in (now, now + late, now - late):
        fresh = deepcopy(once)
        assert often.readings(at) == fresh.readings(at)
        assert often.last == fresh.last
