"""A port on a link of another machine: a socketcand server on this one's loopback."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
import socket
import threading

from hypothesis import given, strategies as st
import pytest

from custom_components.bms_gateway.engine.can import (
    port as port_module,
    socketcand,
    stream_backend as stream_module,
)
from custom_components.bms_gateway.engine.can.port import probe
from custom_components.bms_gateway.engine.can.socketcand import (
    DEFAULT_PORT,
    Address,
    Delay,
    SocketcandServer,
)
from custom_components.bms_gateway.engine.config import Interface, PortConfig
from custom_components.bms_gateway.engine.model import Frame, PortFault, PortStatus

from ...waiting import PATIENCE, until
from ..ports import Recorder, content

SOCKETCAND = Interface.SOCKETCAND
LIMITS = Frame(0x351, bytes(range(8)))
# linux-can/socketcand, doc/protocol.md: what is answered in each state
ANSWERS = {"open can0": "< ok >", "rawmode": "< ok >"}
FRAME = b"< frame 351 23.424242 0001020304050607 >"


@pytest.fixture(autouse=True)
def real_sockets(socket_enabled: None) -> None:
    """Allow sockets, which Home Assistant's test helpers forbid."""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait less for what does not come."""
    monkeypatch.setattr(port_module, "FIRST_RETRY", 0.02)
    monkeypatch.setattr(port_module, "LONGEST_RETRY", 0.02)


class Server:
    """A server with one client at a time."""

    def __init__(self) -> None:
        """Answer as socketcand does."""
        self.greeting: bytes | None = b"< hi >"
        self.answers = dict(ANSWERS)
        self.commands: list[str] = []
        self.clients = 0
        self.port = 0
        self._writer: asyncio.StreamWriter | None = None
        self._news = asyncio.Event()

    @property
    def channel(self) -> str:
        """What a user types."""
        return f"127.0.0.1:{self.port}/can0"

    def say(self, data: bytes) -> None:
        """Send bytes to the client."""
        assert self._writer is not None
        self._writer.write(data)

    def hang_up(self) -> None:
        """End the connection."""
        assert self._writer is not None
        self._writer.close()

    async def hears(self, *commands: str) -> None:
        """Wait for the last commands."""
        await until(
            lambda: self.commands[-len(commands) :] == list(commands),
            lambda: f"the server hears {commands}, not {self.commands}",
            news=self._news,
        )

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Talk to a client."""
        self.clients += 1
        self._writer = writer
        try:
            if self.greeting:
                writer.write(self.greeting)
            while True:
                message = (await reader.readuntil(b">")).decode()
                self.commands.append(message.strip("<> "))
                writer.write(self.answers.get(self.commands[-1], "").encode())
                self._news.set()
        except asyncio.IncompleteReadError, ConnectionError:
            writer.close()


@asynccontextmanager
async def serving(server: Server) -> AsyncIterator[Server]:
    """Serve on a free port, the same one each time."""
    listener = await asyncio.start_server(server.serve, "127.0.0.1", server.port)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        listener.close_clients()
        await listener.wait_closed()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """Have a server."""
    async with serving(Server()) as running:
        yield running


async def test_frames_go_both_ways(server: Server) -> None:
    """In raw mode, after the link was opened."""
    near = Recorder(server.channel, SOCKETCAND)
    async with near.opened() as port:
        assert server.commands == ["open can0", "rawmode"]
        assert not port.has_echo
        server.say(b"< frame 123 23.424242 11 22 ><\n frame 1F")
        server.say(b"334455 23.5  ><frame 7ff 23.6>" + FRAME)
        await near.hears(4)
        assert port.send(LIMITS)
        assert port.send(Frame(0x12345, b"", extended=True))
        await server.hears("send 351 8 00 01 02 03 04 05 06 07", "send 00012345 0")
    assert [content(frame) for frame in near.frames] == [
        (0x123, b"\x11\x22"),
        (0x1F334455, b""),
        (0x7FF, b""),
        content(LIMITS),
    ]
    assert [frame.extended for frame in near.frames] == [False, True, False, False]


async def test_rubbish_does_not_end_it(server: Server) -> None:
    """What is no frame is left out."""
    near = Recorder(server.channel, SOCKETCAND)
    rubbish = [
        b"< frame 351 23.0 000 >",
        b"< frame 35 23.0 00 >",
        b"< frame FFFFFFFF 23.0 00 >",
        b"< frame 8FF 23.0 00 >",
        b"< frame 351 23.0 000102030405060708 >",
        b"< ok >",
        b"<<<",
        b"\xff\x00",
        5000 * b"0",
        b"< frame 351",
    ]
    async with near.opened():
        for each in rubbish:
            server.say(each)
        server.say(b">" + FRAME)
        await near.hears(1)
    assert [content(frame) for frame in near.frames] == [content(LIMITS)]


async def test_error_of_the_bus(server: Server) -> None:
    """Counted, and no sign of life."""
    near = Recorder(server.channel, SOCKETCAND)
    async with near.opened() as port:
        server.say(b"< error 20000004 23.424242 >")
        await near.hears(1)
        assert port.state.errors == 1
    assert near.frames[0].error


async def test_end_of_the_stream_is_noticed(server: Server) -> None:
    """Lost once, and taken up again when the server is back."""
    near = Recorder(server.channel, SOCKETCAND)
    async with near.opened() as port:
        server.hang_up()
        await near.becomes(PortStatus.LOST, PortFault.UNREACHABLE)
        assert not port.send(LIMITS)
        await near.becomes(PortStatus.OPEN)
    assert server.clients == 2


async def test_refused_connection() -> None:
    """Tried once with every try, and taken up when the server has come."""
    async with serving(Server()) as server:
        pass
    near = Recorder(server.channel, SOCKETCAND)
    async with near.running():
        await near.becomes(PortStatus.LOST, PortFault.UNREACHABLE)
        async with serving(server):
            await near.becomes(PortStatus.OPEN)


@pytest.mark.parametrize(
    "change",
    [
        {"greeting": None},
        {"greeting": b"HTTP/1.1 400 Bad Request\r\n"},
        {"answers": {}},
        {"answers": {"open can0": "< ok >"}},
    ],
    ids=["no greeting", "another service", "no link", "no raw mode"],
)
async def test_server_that_does_not_answer(
    server: Server, monkeypatch: pytest.MonkeyPatch, change: dict[str, object]
) -> None:
    """A dead one is given up."""
    monkeypatch.setattr(socketcand, "ANSWER_TIME", 0.05)
    for name, value in change.items():
        setattr(server, name, value)
    fault = await probe(PortConfig(SOCKETCAND, server.channel))
    assert fault is PortFault.UNREACHABLE


async def test_link_that_the_server_does_not_have(server: Server) -> None:
    """Its own words are kept."""
    server.answers["open can0"] = "< error could not open bus >"
    near = Recorder(server.channel, SOCKETCAND)
    async with near.running():
        await near.becomes(PortStatus.LOST, PortFault.NO_SUCH_CHANNEL)
        assert near.port.state.detail == "error could not open bus"


async def test_name_server_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only its own thread waits for it."""
    monkeypatch.setattr(stream_module, "OPEN_TIMEOUT", 0.05)
    go_on = threading.Event()

    def hang(*_: object) -> None:
        go_on.wait(PATIENCE)
        raise OSError("no answer")

    monkeypatch.setattr(socket, "create_connection", hang)
    near = Recorder("bms.invalid/can0", SOCKETCAND)
    async with near.running():
        await near.becomes(PortStatus.LOST, PortFault.BUSY)
    hanging = [t for t in threading.enumerate() if t.name[:4] == "CAN "]
    assert len(hanging) == 1
    go_on.set()
    await asyncio.to_thread(hanging[0].join, PATIENCE)
    await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("channel", "address"),
    [
        ("bms.lan/can0", Address("bms.lan", DEFAULT_PORT, "can0")),
        ("10.0.0.5:28600/vcan1", Address("10.0.0.5", 28600, "vcan1")),
        ("[fe80::1]:28600/can0", Address("fe80::1", 28600, "can0")),
        ("[::1]/can0", Address("::1", DEFAULT_PORT, "can0")),
    ],
)
def test_address(channel: str, address: Address) -> None:
    """Host, port and link."""
    assert Address.parse(channel) == address


@pytest.mark.parametrize(
    "channel",
    [
        *("", "can0", "host:can0", "host:0/can0", "host:99999/can0", "host/", "/can0"),
        *("host/can0 >< send 1 0", "a b/can0", "host:1/2/can0", "fe80::1/can0"),
    ],
)
async def test_no_address(channel: str) -> None:
    """It is told before anything is connected to, and again: nothing hangs."""
    for _ in range(2):
        told = await probe(PortConfig(SOCKETCAND, channel))
        assert told is PortFault.NO_SUCH_CHANNEL


@given(st.lists(st.binary(max_size=60), max_size=20))
def test_any_bytes(pieces: list[bytes]) -> None:
    """No bytes raise, and what comes after them is heard."""
    server = SocketcandServer("host/can0")
    for piece in pieces:
        list(server.on_frame(piece))
    # The ">" may end something that makes a message, too
    *_, last = server.on_frame(b">" + FRAME)
    assert last.arbitration_id == 0x351


# Frames held up on their way


def test_frames_that_were_held_up_are_dropped() -> None:
    """They would look fresh; the clock of the server may be any."""
    delay = Delay()
    assert not delay.is_late(23.0, 1000.0)
    assert not delay.is_late(24.0, 1001.2)
    assert delay.is_late(25.0, 1007.0)
    assert delay.is_late(26.0, 1007.0)
    assert not delay.is_late(30.0, 1007.1)


@pytest.mark.parametrize("jump", [3600.0, -3600.0])
def test_clock_of_the_server_jumps(jump: float) -> None:
    """Forward: at once as before; back: after a while."""
    delay = Delay()
    assert not delay.is_late(23.0, 1000.0)
    late = [delay.is_late(23.0 + jump + n, 1000.0 + n) for n in range(1, 20)]
    assert late == ([False] * 19 if jump > 0 else [True] * 9 + [False] * 10)
    assert delay.is_late(23.0 + jump + 15, 1025.0)
