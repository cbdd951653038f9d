"""Controller states from error frames; on a real kernel: socketcan/test_controller.py."""

from hypothesis import given, strategies as st
import pytest

from custom_components.bms_gateway.engine.can.error_frames import (
    error_frame_data,
    observe,
)
from custom_components.bms_gateway.engine.model import (
    NO_CONTROLLER,
    BusState,
    Controller,
    Frame,
)

# Recorded from Linux 7.2's slcan driver, whose adapter sent `sw100002` and so on: the
# state, 3 digits of receive errors, 3 of transmit errors. Class 0x204 is a problem of the
# controller (0x4) with counters (0x200); byte 1 holds the state (0x04 receive warning,
# 0x08 transmit warning, 0x10 and 0x20 passive, 0x40 active), byte 6 the transmit errors,
# byte 7 the receive errors. Class 0x40 is bus-off. Class 0x88 is a protocol violation on
# the bus (adapter: `e2sb`), which shows nothing of the state.
RECORDED = [
    (0x204, "0004000000000264", BusState.ERROR_WARNING, 2, 100),
    (0x204, "0010000000000182", BusState.ERROR_PASSIVE, 1, 130),
    (0x204, "0040000000000000", BusState.ERROR_ACTIVE, 0, 0),
    (0x040, "0000000000000000", BusState.BUS_OFF, None, None),
    (0x088, "00000C0000000000", None, None, None),
]
# From the header alone: both directions at once, where the worse one counts; a restart
# (0x100) ends bus-off; counters without a state
REPORTED = [
    (0x004, "0008000000000000", BusState.ERROR_WARNING, None, None),
    (0x004, "0020000000000000", BusState.ERROR_PASSIVE, None, None),
    (0x004, "002C000000000000", BusState.ERROR_PASSIVE, None, None),
    (0x004, "0001000000000000", None, None, None),
    (0x100, "0000000000000000", BusState.ERROR_ACTIVE, None, None),
    (0x240, "00000000000000FF", BusState.BUS_OFF, 0, 255),
    (0x280, "0000000000000807", None, 8, 7),
    (0x204, "", None, None, None),
]


def error(can_id: int, data: bytes) -> Frame:
    """Return an error frame."""
    return Frame(can_id=can_id, data=data, at=0.0, error=True)


@pytest.mark.parametrize(
    ("can_id", "data", "state", "transmit", "receive"), RECORDED + REPORTED
)
def test_error_frame_gives_state_and_counters(
    can_id: int,
    data: str,
    state: BusState | None,
    transmit: int | None,
    receive: int | None,
) -> None:
    """Each at its place by the kernel's header."""
    observed = observe(NO_CONTROLLER, error(can_id, bytes.fromhex(data)))
    assert observed == Controller(
        state=state, transmit_errors=transmit, receive_errors=receive
    )


def test_values_that_a_frame_does_not_report_are_kept() -> None:
    """A protocol violation changes neither state nor counters."""
    known = Controller(
        carrier=True, state=BusState.ERROR_PASSIVE, transmit_errors=1, receive_errors=2
    )
    assert observe(known, error(0x88, bytes(8))) == known


@given(
    state=st.sampled_from(
        [
            BusState.ERROR_ACTIVE,
            BusState.ERROR_WARNING,
            BusState.ERROR_PASSIVE,
            BusState.BUS_OFF,
        ]
    ),
    transmit=st.integers(0, 255),
    receive=st.integers(0, 255),
)
def test_error_frame_that_is_built_reads_back(
    state: BusState, transmit: int, receive: int
) -> None:
    """Adapters that report their state in another way give the same result."""
    observed = observe(
        NO_CONTROLLER, error(*error_frame_data(state, transmit, receive))
    )
    assert observed == Controller(
        state=state, transmit_errors=transmit, receive_errors=receive
    )


@given(can_id=st.integers(0, 0x1FFFFFFF), data=st.binary(max_size=8))
def test_any_error_frame_is_accepted(can_id: int, data: bytes) -> None:
    """No exception, and no counter beyond its byte."""
    observed = observe(NO_CONTROLLER, error(can_id, data))
    assert observed.carrier is None
    assert observed.transmit_errors is None or 0 <= observed.transmit_errors <= 255
