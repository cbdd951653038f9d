"""The other nodes on CAN links: batteries by canplayer, all recorded by candump."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf
from pathlib import Path
import signal
import subprocess
from typing import Final

from tests.waiting import wait_until

from .conftest import Link

CAPTURES: Final = Path(__file__).parent / "captures"
STACK: Final = (CAPTURES / "candump_stack.dump").read_text("ascii")
"""One telegram of a stack of batteries (captures/README.md)."""
STACK_INVERTER: Final = (CAPTURES / "candump_stack_inverter.dump").read_text("ascii")
"""The same stack with an inverter on its bus."""

NAME: Final = 0x35E
LIMITS: Final = 0x351

type Amps = tuple[float, float]
"""The charge current limits of two inverters."""
type Contents = dict[int, str]
"""The frames of a telegram in their order: identifiers and bytes."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A frame on a link; `at`: the kernel's time stamp in seconds since 1970."""

    at: float
    link: str
    can_id: int
    data: bytes

    @property
    def charge_voltage(self) -> float:
        """The charge voltage limit (V) in a 0x351."""
        return int.from_bytes(self.data[:2], "little") / 10

    @property
    def charge(self) -> float:
        """The charge current limit (A) in a 0x351."""
        return int.from_bytes(self.data[2:4], "little", signed=True) / 10


@dataclass(frozen=True, slots=True)
class SentTelegram:
    """One telegram to an inverter: its frames in order, with one name."""

    frames: tuple[Seen, ...]

    @property
    def at(self) -> float:
        """When the first frame with values was sent."""
        return self.frames[1].at

    @property
    def contents(self) -> list[tuple[int, str]]:
        """The identifiers and bytes."""
        return [(seen.can_id, seen.data.hex().upper()) for seen in self.frames]

    @property
    def charge(self) -> float:
        """The charge current limit (A)."""
        return self.frames[1].charge


class Record:
    """All frames on all links since the start, as candump records them."""

    def __init__(self, log: Path) -> None:
        """Start with an empty file."""
        self._lines = log.open("r", encoding="ascii")
        self._part = ""
        self._seen: list[Seen] = []

    def frames(self, link: str, since: float = 0.0) -> list[Seen]:
        """Return the frames of all senders on a link."""
        self._read()
        return [s for s in self._seen if s.link == link and s.at >= since]

    def telegrams(self, link: str, since: float = 0.0) -> list[SentTelegram]:
        """Return the complete telegrams on a link, without one that may be incomplete."""
        found: list[list[Seen]] = [[]]
        for seen in self.frames(link):
            if seen.can_id == NAME and len(found[-1]) > 1:
                found.append([])
            if seen.can_id == NAME:
                found[-1].clear()
            found[-1].append(seen)
        whole = (SentTelegram(tuple(frames)) for frames in found[:-1])
        return [each for each in whole if each.at >= since]

    def limits(self, link: str, since: float = 0.0) -> list[Seen]:
        """Return the frames with limits on a link."""
        return [s for s in self.frames(link, since) if s.can_id == LIMITS]

    def wait_for_limit(
        self, link: str, since: float = 0.0, *, low: float = 0.0, high: float = inf
    ) -> Seen:
        """Return the first frame whose charge current limit (A) is in the range."""

        def look() -> Seen | None:
            limits = self.limits(link, since)
            return next((seen for seen in limits if low <= seen.charge <= high), None)

        return wait_until(look, f"{link} receives {low} to {high} A")

    def wait_for_telegrams(
        self, link: str, count: int, since: float = 0.0
    ) -> list[SentTelegram]:
        """Return at least `count` complete telegrams."""

        def look() -> list[SentTelegram] | None:
            telegrams = self.telegrams(link, since)
            return telegrams if len(telegrams) >= count else None

        return wait_until(look, f"{link} receives {count} telegrams")

    def close(self) -> None:
        """Stop reading."""
        self._lines.close()

    def _read(self) -> None:
        *lines, self._part = (self._part + self._lines.read()).split("\n")
        for line in lines:
            at, link, frame = line.split()
            can_id, _, data = frame.partition("#")
            if len(can_id) == 3 and not data.startswith("R"):
                content = bytes.fromhex(data)
                self._seen.append(
                    Seen(float(at.strip("()")), link, int(can_id, 16), content)
                )


class Battery:
    """A battery that sends the same telegram again and again."""

    def __init__(self, link: Link, file: Path) -> None:
        """Prepare it; `file` is for its telegram."""
        self.link = link
        self._file = file
        self._player: subprocess.Popen[bytes] | None = None

    def play(self, telegram: str, *arguments: str) -> None:
        """Send a telegram from now on, with its own gaps, instead of the previous one."""
        self._file.write_text(telegram, "ascii")
        self.silence()
        self._player = subprocess.Popen(
            (
                *("canplayer", "-I", str(self._file), "-l", "i"),
                *(*arguments, f"{self.link.name}=can1"),
            )
        )

    def silence(self) -> None:
        """Stop sending."""
        if self._player is not None:
            self._player.kill()
            self._player.wait()
            self._player = None


@contextmanager
def recording(log: Path) -> Iterator[Record]:
    """Record what is sent on any link, also on links created later."""
    with log.open("wb") as out:
        # Enough memory to lose no frame on a busy machine
        command = ("candump", "-L", "-D", "-r", "4194304", "any")
        candump = subprocess.Popen(command, stdout=out)
    record = Record(log)
    try:
        wait_until(_candump_listens, "candump listens")
        yield record
    finally:
        record.close()
        candump.send_signal(signal.SIGTERM)
        candump.wait()


def changed(telegram: str, can_id: int, data: str) -> str:
    """Return a capture with different data in one frame."""
    lines = telegram.splitlines(keepends=True)
    head = f"can1 {can_id:03X}#"
    return "".join(
        f"{line.partition(head)[0]}{head}{data}\n" if head in line else line
        for line in lines
    )


def without(telegram: str, *can_ids: int) -> str:
    """Return a capture without some of its frames."""
    heads = tuple(f"can1 {can_id:03X}#" for can_id in can_ids)
    lines = telegram.splitlines(keepends=True)
    return "".join(line for line in lines if not any(head in line for head in heads))


def _candump_listens() -> bool:
    receivers = Path("/proc/net/can/rcvlist_all").read_text("ascii").splitlines()
    return any(line.split()[:1] == ["any"] for line in receivers)
