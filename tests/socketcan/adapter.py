"""A serial CAN adapter on the kernel's slcan driver: a real link that can be stopped.

The driver hands one frame to the serial line and waits until it was taken. While the
adapter reads nothing, that frame, one more and the link's queue (10) are kept by the
kernel, which then returns ENOBUFS; once the adapter reads again they all go out.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
import fcntl
import os
from pathlib import Path
import select
import struct
import subprocess
import tty

from tests.waiting import until

# Linux: asm-generic/ioctls.h, linux/sockios.h, linux/tty.h
_TIOCSETD = 0x5423
_SIOCGIFNAME = 0x8910
_N_SLCAN = 17


class Adapter:
    """The adapter's end of the serial line, and the link at the kernel's end."""

    def __init__(self, bitrate: int | None = None, *, up: bool = True) -> None:
        """Plug it in and bring the link up; without `bitrate`, the link reports none."""
        self.received: list[str] = []
        self._adapter, line = os.openpty()
        self._ends = [self._adapter, line]
        self._unread = b""
        tty.setraw(line)
        fcntl.ioctl(line, _TIOCSETD, struct.pack("i", _N_SLCAN))
        name = bytearray(16)
        fcntl.ioctl(line, _SIOCGIFNAME, name)
        self.name = name.rstrip(b"\0").decode()
        self._fetch()
        if up:
            self._raise(bitrate)

    async def takes(self, frames: int) -> None:
        """Accept what the kernel sends until `count` frames came, then no more."""
        loop = asyncio.get_running_loop()
        enough = asyncio.Event()

        def take() -> None:
            self._read()
            if len(self.received) >= frames:
                loop.remove_reader(self._adapter)
                enough.set()

        loop.add_reader(self._adapter, take)
        try:
            await until(
                enough.is_set,
                lambda: f"{frames} frames are taken, not {self.received}",
                news=enough,
            )
        finally:
            loop.remove_reader(self._adapter)

    @asynccontextmanager
    async def taking(self) -> AsyncIterator[None]:
        """Accept all that the kernel sends, as it expects when the link is brought up."""
        loop = asyncio.get_running_loop()
        loop.add_reader(self._adapter, self._read)
        try:
            yield
        finally:
            loop.remove_reader(self._adapter)

    async def receives(self, line: str) -> None:
        """Wait for a line; the kernel's echo may come before it."""
        await until(
            lambda: line in self.received, lambda: f"{line} comes, not {self.received}"
        )

    def send(self, text: str) -> None:
        """Send the kernel what the adapter received, such as `t35110A` for 0x351."""
        os.write(self._adapter, f"{text}\r".encode())

    def unplug(self) -> None:
        """Unplug the adapter, which removes the link."""
        while self._ends:
            os.close(self._ends.pop())

    def _fetch(self) -> None:
        """Move the link here from the initial network namespace, where it is created."""
        if not Path(f"/sys/class/net/{self.name}").exists():
            move = ("ip", "link", "set", self.name, "netns", str(os.getpid()))
            subprocess.run(("nsenter", "--target", "1", "--net", *move), check=True)

    def _raise(self, bitrate: int | None) -> None:
        link = ("ip", "link", "set", self.name)
        if bitrate:
            subprocess.run((*link, "type", "can", "bitrate", str(bitrate)), check=True)
        with subprocess.Popen((*link, "txqueuelen", "10", "up")) as raising:
            # The driver waits until its commands are accepted
            while raising.poll() is None:
                if select.select([self._adapter], [], [], 0.01)[0]:
                    os.read(self._adapter, 4096)
        assert raising.returncode == 0

    def _read(self) -> None:
        *lines, self._unread = (self._unread + os.read(self._adapter, 4096)).split(
            b"\r"
        )
        self.received += [line.decode() for line in lines]


@contextmanager
def plugged(bitrate: int | None = None, *, up: bool = True) -> Iterator[Adapter]:
    """Plug in an adapter that accepts nothing until the test requests it."""
    adapter = Adapter(bitrate, up=up)
    try:
        yield adapter
    finally:
        adapter.unplug()
