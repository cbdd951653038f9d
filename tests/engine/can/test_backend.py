"""Links that the kernel refuses to set up; on a real kernel: socketcan/test_links.py.

No driver that runs without hardware is bus-off or lacks a restart for good, so what the
kernel answers to that is played here.
"""

from collections.abc import Callable
import errno

import pytest

from custom_components.bms_gateway.engine.can import backend
from custom_components.bms_gateway.engine.can.interface import setup
from custom_components.bms_gateway.engine.can.interface.state import Link, PortError
from custom_components.bms_gateway.engine.config import Interface, PortConfig
from custom_components.bms_gateway.engine.model import PortFault

CONFIG = PortConfig(Interface.SOCKETCAN, "can0", bring_up=True)
BARE = Link(
    is_can=True, is_up=True, echoes=True, bitrate=500_000, restart_ms=0, queue_length=10
)
"""As `ip link set can0 up type can bitrate 500000` leaves it."""


def _refuse(*_: object, **__: object) -> None:
    raise PermissionError(errno.EPERM, "Operation not permitted")


def _accept(*_: object, **__: object) -> None:
    """Do what was asked."""


def _bus_off() -> Link:
    raise PortError(PortFault.BUS_OFF, "The controller is bus-off")


def _links(
    monkeypatch: pytest.MonkeyPatch, *answers: Callable[[], Link]
) -> Callable[[], tuple[PortConfig, Link]]:
    """Have the kernel report these states, one after the other."""
    states = iter(answers)
    monkeypatch.setattr(backend, "check_link", lambda _: next(states)())
    monkeypatch.setattr(backend, "read_link", lambda _: BARE)
    return lambda: backend.ready_link(CONFIG)


def test_link_is_used_unchanged_if_restart_and_queue_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It works without them, until it is bus-off."""
    ready = _links(monkeypatch, lambda: BARE)
    monkeypatch.setattr(setup, "complete", _refuse)
    assert ready() == (CONFIG, BARE)


def test_controller_that_was_restarted_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The link is not brought down for it."""
    ready = _links(monkeypatch, _bus_off, lambda: BARE, lambda: BARE)
    monkeypatch.setattr(setup, "restart", _accept)
    monkeypatch.setattr(setup, "bring_up", _refuse)
    assert ready() == (CONFIG, BARE)


def test_bus_off_is_the_fault_where_nothing_may_be_set_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The missing right is not the cause."""
    ready = _links(monkeypatch, _bus_off)
    monkeypatch.setattr(setup, "restart", _refuse)
    monkeypatch.setattr(setup, "bring_up", _refuse)
    with pytest.raises(PortError) as raised:
        ready()
    assert raised.value.fault is PortFault.BUS_OFF
