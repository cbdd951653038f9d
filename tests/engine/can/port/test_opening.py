"""Opening: with the port's own settings only; what a probe finds."""

from pathlib import Path

from can.interfaces import virtual
import pytest

from custom_components.bms_gateway.engine.config import Interface, PortConfig
from custom_components.bms_gateway.engine.model import PortFault

from ...ports import Recorder, probe


async def test_no_variable_or_file_changes_how_a_port_opens(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """They are settings for other programs that use python-can."""
    monkeypatch.setenv("CAN_INTERFACE", "socketcan")
    monkeypatch.setenv("CAN_CHANNEL", "b")
    monkeypatch.setenv("CAN_CONFIG", '{"rx_queue_size": 1, "can_filters": "none"}')
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".canrc").write_text("[default]\nfd = True\nrx_queue_size = 1\n")
    near = Recorder("a")
    async with near.opened() as port:
        assert list(virtual.channels) == ["a"]
        assert port._reader
        assert isinstance(port._reader.bus, virtual.VirtualBus)
        assert port._reader.bus.queue.maxsize == 0


async def test_probe_finds_nothing_wrong() -> None:
    """A channel that opens has no fault, is closed again, and nothing was sent."""
    far = Recorder("a")
    async with far.opened() as port:
        assert await probe(PortConfig(Interface.VIRTUAL, "a")) is None
        port.drain()
        assert len(virtual.channels["a"]) == 1
    assert far.frames == []


async def test_probe_returns_the_fault(socket_enabled: None) -> None:
    """There is no such link, or no CAN in this kernel."""
    fault = await probe(PortConfig(Interface.SOCKETCAN, "bms-none"))
    assert fault in {PortFault.NO_SUCH_CHANNEL, PortFault.NOT_SUPPORTED}
