"""Changing a CAN link; the real kernel: socketcan/test_links.py, test_controller.py.

No driver that runs without hardware can restart its controller, so what the kernel
answers to that is played here, as linux/drivers/net/can/dev/netlink.c has it.
"""

from collections.abc import Callable
import errno
from typing import Any, Self

from pyroute2.netlink.exceptions import NetlinkError
import pytest

from custom_components.bms_gateway.engine.can.interface import setup as link_setup


class Kernel:
    """Accepts changes of one link, and records them."""

    def __init__(self, refuses: Callable[[dict[str, Any], bool], int]) -> None:
        """`refuses`: from a change and whether the link is up, the error's code or 0."""
        self.is_up = True
        self.changes: list[dict[str, Any]] = []
        self._refuses = refuses

    def __enter__(self) -> Self:
        """Open a connection."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""

    def link(self, command: str, *, index: int, **change: Any) -> None:
        """Change something, or refuse to."""
        assert (command, index) == ("set", 7)
        if code := self._refuses(change, self.is_up):
            raise NetlinkError(code)
        self.is_up = change.get("state", "up" if self.is_up else "down") == "up"
        self.changes.append(change)


RESTART = {"kind": "can", "can_restart_ms": 100}
QUEUE = {"txqlen": 100}


def cannot(change: dict[str, Any], _: bool) -> int:
    """Simulate a driver that cannot restart its controller."""
    return errno.EOPNOTSUPP if "can_restart_ms" in change else 0


def only_while_down(change: dict[str, Any], is_up: bool) -> int:
    """Simulate a driver that can, and is set only while the link is down."""
    return errno.EBUSY if "can_restart_ms" in change and is_up else 0


def fails_while_down(change: dict[str, Any], is_up: bool) -> int:
    """Simulate a link that cannot be set up either way."""
    return (
        errno.EBUSY if "can_restart_ms" in change and is_up else cannot(change, is_up)
    )


def forbidden(_: dict[str, Any], __: bool) -> int:
    """Simulate a process without the right."""
    return errno.EPERM


def kernel(
    monkeypatch: pytest.MonkeyPatch, refuses: Callable[[dict[str, Any], bool], int]
) -> Kernel:
    """Replace the real kernel by one with a single link."""
    played = Kernel(refuses)
    monkeypatch.setattr(link_setup, "_netlink", lambda: played)
    monkeypatch.setattr(link_setup, "if_nametoindex", lambda _: 7)
    return played


@pytest.mark.parametrize(
    ("refuses", "changes"),
    [
        (cannot, [QUEUE]),
        (only_while_down, [QUEUE, {"state": "down"}, RESTART, {"state": "up"}]),
        (fails_while_down, [QUEUE, {"state": "down"}, {"state": "up"}]),
    ],
)
def test_link_that_is_up_gets_missing_queue_and_restart(
    monkeypatch: pytest.MonkeyPatch,
    refuses: Callable[[dict[str, Any], bool], int],
    changes: list[dict[str, Any]],
) -> None:
    """Bitrate and the rest stay; it is brought down only if that helps, and up again."""
    played = kernel(monkeypatch, refuses)
    link_setup.complete("can0", with_restart=True)
    assert played.changes == changes
    assert played.is_up


def test_link_stays_up_if_only_the_queue_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It already restarts automatically."""
    played = kernel(monkeypatch, only_while_down)
    link_setup.complete("can0", with_restart=False)
    assert played.changes == [QUEUE]


def test_refusal_is_an_os_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is changed."""
    played = kernel(monkeypatch, forbidden)
    with pytest.raises(PermissionError):
        link_setup.complete("can0", with_restart=True)
    assert played.changes == []
