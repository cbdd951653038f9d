"""CAN links for tests, made and deleted as root in a kernel of their own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
import subprocess

import pytest

from custom_components.bms_gateway.engine.can.interface import discovery as links_module

type LinkFactory = Callable[[], Link]
type CablePair = tuple[Link, Link]
type GiveSerial = Callable[[str, str], None]

_numbers = count()


class Link:
    """A CAN link of the kernel."""

    def __init__(self, prefix: str = "vcan", kind: tuple[str, ...] = ("vcan",)) -> None:
        """Choose a name that no other test has."""
        self.name = f"{prefix}t{next(_numbers)}"
        self._kind = kind

    def create(self) -> None:
        """Make the link, still down."""
        _ip("link", "add", self.name, "type", *self._kind)

    def delete(self) -> None:
        """Remove the link, as when an adapter is unplugged."""
        _ip("link", "delete", self.name)

    def up(self) -> None:
        """Bring the link up."""
        _ip("link", "set", self.name, "up")

    def down(self) -> None:
        """Bring the link down, as `ip link set … down` does on a running system."""
        _ip("link", "set", self.name, "down")

    def rename(self, name: str) -> None:
        """Rename a link that is down."""
        _ip("link", "set", self.name, "name", name)
        self.name = name

    @property
    def exists(self) -> bool:
        """Whether the kernel has the link."""
        found = subprocess.run(
            ("ip", "link", "show", self.name), capture_output=True, check=False
        )
        return found.returncode == 0


@pytest.fixture(autouse=True)
def real_sockets(socket_enabled: None) -> None:
    """Allow sockets, which Home Assistant's test helpers forbid."""


@pytest.fixture
def can_link() -> Iterator[LinkFactory]:
    """Create virtual links that are up; the test removes those that are left."""
    with ExitStack() as undo:

        def make() -> Link:
            link = Link()
            link.create()
            undo.callback(_delete_if_there, link)
            link.up()
            return link

        yield make


@pytest.fixture
def can_cable() -> Iterator[Callable[[], CablePair]]:
    """Create cables: pairs of links, both up, where each end receives from the other."""
    with ExitStack() as undo:

        def make() -> CablePair:
            far = Link("vxcan")
            near = Link("vxcan", ("vxcan", "peer", "name", far.name))
            near.create()
            undo.callback(_delete_if_there, near)
            near.up()
            far.up()
            return near, far

        yield make


@pytest.fixture
def serials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GiveSerial:
    """Give links adapters with serials; a kernel for tests has no USB of its own."""
    monkeypatch.setattr(links_module, "SYSFS", tmp_path)

    def give(name: str, serial: str) -> None:
        device = tmp_path / name / "device"
        device.mkdir(parents=True, exist_ok=True)
        (device / "idVendor").write_text("1d50\n")
        (device / "idProduct").write_text("606f\n")
        (device / "serial").write_text(f"{serial}\n")

    return give


def _delete_if_there(link: Link) -> None:
    if link.exists:
        link.delete()


def _ip(*arguments: str) -> None:
    subprocess.run(("ip", *arguments), check=True, capture_output=True, text=True)
