"""Recognising an inverter by what it sends: its make, or another protocol."""

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Set as AbstractSet
from typing import Final

from ..model import Frame, Neighbour, SeenMake
from ..presets import Make, Profile
from .requests import neighbour

CERTAIN: Final = 3
"""Frames of a make before it counts: one false one proves nothing."""
KEPT: Final = 60
"""Frames that are remembered: those of half a minute or more."""
COUNTS_FOR: Final = 300.0
"""Seconds for which a frame counts while others come: a device that is no longer on the
bus, or searches for a battery only while it starts, is forgotten. A GX, a Sunny Island
and a Deye send theirs about every second."""

_VICTRON: Final = bytes.fromhex("1234567856494300")
"""A GX's constant 0x307: 12 34 56 78 `VIC` 00. A Sunny Island sends its relays there
(FSS-ConnectingBat-TI-en-10); nothing else is known to use the ID."""
_DEYE_WAKES: Final = 0x18A2FF80
"""29 bits: a Deye wakes its battery with it (Deye PCS V3.3)."""
_CLOCK: Final = (
    range(60),
    range(60),
    range(24),
    range(1, 32),
    range(1, 13),
    range(20, 100),
)
"""A Deye's 0x305: second, minute, hour, day, month, year less 2000. A temperature of
SMA or a GX at the place of month and year would be above 500 °C."""

_PROPOSED: Final[Mapping[SeenMake, Make]] = {
    SeenMake.VICTRON: Make.VICTRON,
    SeenMake.SMA: Make.SMA,
    SeenMake.DEYE: Make.DEYE,
}
_FITTING: Final[Mapping[SeenMake, frozenset[Profile]]] = {
    SeenMake.VICTRON: frozenset({Profile.VICTRON}),
    SeenMake.SMA: frozenset({Profile.SMA}),
    # Sunsynk and Sol-Ark are the same hardware as Deye
    SeenMake.DEYE: frozenset(Profile) - {Profile.VICTRON, Profile.SMA},
}


def proposed(seen: AbstractSet[SeenMake]) -> Make | None:
    """Return the make to propose for an inverter that sends like this.

    None: nothing was seen, or several makes.
    """
    return _PROPOSED[min(seen)] if len(seen) == 1 else None


def fits(seen: SeenMake, profile: Profile) -> bool:
    """Return whether an inverter that sends like this reads a profile."""
    return profile in _FITTING[seen]


class SeenMakes:
    """What the last frames of a bus show of the inverters on it."""

    def __init__(self, certain: int = CERTAIN) -> None:
        """Begin without a frame; `certain`: how many have to agree."""
        self._certain = certain
        self._marks: deque[tuple[float, SeenMake]] = deque(maxlen=KEPT)
        self._others: deque[tuple[float, Neighbour]] = deque(maxlen=KEPT)

    def on_frame(self, frame: Frame) -> None:
        """Take any frame of another node."""
        _forget(self._marks, frame.at - COUNTS_FOR)
        _forget(self._others, frame.at - COUNTS_FOR)
        if (mark := _mark(frame)) is not None:
            self._marks.append((frame.at, mark))
        elif (other := neighbour(frame)) is not None:
            self._others.append((frame.at, other))

    @property
    def found(self) -> frozenset[SeenMake]:
        """The makes that were seen often enough; several share the bus."""
        return _repeated(self._marks, self._certain)

    @property
    def neighbours(self) -> frozenset[Neighbour]:
        """The other protocols that were seen often enough."""
        return _repeated(self._others, self._certain)


def _forget[MarkT](marks: deque[tuple[float, MarkT]], before: float) -> None:
    while marks and marks[0][0] < before:
        marks.popleft()


def _repeated[MarkT](
    marks: Iterable[tuple[float, MarkT]], times: int
) -> frozenset[MarkT]:
    counts = Counter(mark for _, mark in marks)
    return frozenset(mark for mark, count in counts.items() if count >= times)


def _mark(frame: Frame) -> SeenMake | None:
    """Return the make that one frame shows, if any."""
    if frame.error or frame.remote:
        return None
    if frame.extended:
        return SeenMake.DEYE if frame.can_id == _DEYE_WAKES else None
    match frame.can_id:
        case 0x307 if frame.data:
            return SeenMake.VICTRON if frame.data == _VICTRON else SeenMake.SMA
        case 0x305 if len(frame.data) >= len(_CLOCK):
            is_clock = all(map(range.__contains__, _CLOCK, frame.data))
            return SeenMake.DEYE if is_clock else None
    return None
