"""A Deye whose protocol is changed while it runs, and back: limits go on."""

from dataclasses import replace
import logging

import pytest

from custom_components.bms_gateway.engine.model import Dialect, Status
from custom_components.bms_gateway.event_detector import EventDetector

from ..plant import Plant, battery
from ..protocol.captures import (
    DEYE,
    DEYE_AS_VICTRON,
    DEYE_TO_VICTRON,
    VICTRON_TO_DEYE,
    frames,
)


class Deye:
    """A plant with one Deye, which plays recordings; all of them charge it."""

    def __init__(self) -> None:
        """Start it with its own protocol."""
        self.plant = Plant([battery("b1", 230.0)])
        self.plant.packs["b1"].active = False
        self.plant.step()
        self.events = EventDetector()
        self.raised = 0
        self.dialects = [Dialect.UNKNOWN]
        self.currents: set[float | None] = set()
        self.statuses: set[Status] = set()

    def play(self, capture: str, times: int = 1) -> Deye:
        """Receive a recording frame by frame, again every second."""
        plant = self.plant
        for _ in range(times):
            begun = plant.now
            for frame in frames(capture, start=begun):
                plant.clock.now = frame.at
                plant.port("b1").push(replace(frame, at=plant.now))
                plant.step()
                self._look()
            plant.wait(max(0.0, begun + 1.0 - plant.now))
            self._look()
        return self

    def _look(self) -> None:
        plant = self.plant
        state = plant.state()
        if state.dialect is not self.dialects[-1]:
            self.dialects.append(state.dialect)
        if state.online:
            self.currents.add(state.readings.current)
            self.statuses.add(plant.snapshot.status)
        self.raised += len([*self.events.update(plant.snapshot, plant.now)])


def test_a_change_of_protocol_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """The current is unknown in between, never reversed; no event, one line each way."""
    deye = Deye().play(DEYE, times=20)
    at = deye.plant.now
    caplog.set_level(logging.INFO)
    caplog.clear()
    deye.statuses.clear()
    deye.play(DEYE_TO_VICTRON).play(DEYE_AS_VICTRON, times=10)
    deye.play(VICTRON_TO_DEYE).play(DEYE, times=10)
    assert deye.dialects[-3:] == [Dialect.DEYE, Dialect.VICTRON, Dialect.DEYE]
    assert None in deye.currents
    assert min(amps for amps in deye.currents if amps is not None) > 0
    assert deye.statuses == {Status.RUNNING}
    assert deye.plant.state().losses == 0
    assert deye.raised == 0
    assert caplog.messages == [
        "b1 changed from the protocol of Deye to that of Victron",
        "b1 changed from the protocol of Victron to that of Deye",
    ]
    sent = deye.plant.sent_since(at)
    assert len(sent) >= deye.plant.now - at - 1
    assert {dcl for _, _, dcl in sent} == {230.0}
    assert all(0.0 <= ccl <= 10.0 for _, ccl, _ in sent)
