"""Three typical cases, for the pictures in the documentation."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from custom_components.bms_gateway.engine.config import LossPolicy
from custom_components.bms_gateway.engine.model import Direction

from .cases import loop_of, make
from .chart import BLUE, GREEN, GREY, ORANGE, PURPLE, Chart, Line, Panel, Span
from .loop import Loop

EVERY: Final = 10
"""Turns between two points of a line."""


@dataclass
class Diary:
    """A record of a loop, one entry per second."""

    loop: Loop
    times: list[float] = field(default_factory=list)
    bank: list[float] = field(default_factory=list)
    limits: dict[Direction, list[float]] = field(
        default_factory=lambda: {d: [] for d in Direction}
    )
    sums: dict[Direction, list[float]] = field(
        default_factory=lambda: {d: [] for d in Direction}
    )
    currents: dict[str, list[float]] = field(default_factory=dict)
    allowed: dict[str, dict[Direction, list[float]]] = field(default_factory=dict)
    excluded: dict[str, list[float]] = field(default_factory=dict)
    """When each battery was excluded."""

    def write(self) -> None:
        """Make an entry."""
        self.times.append(self.loop.at)
        self.bank.append(self.loop.simulator.current)
        batteries = self.loop.batteries.values()
        for direction in Direction:
            self.limits[direction].append(self.loop.sent(direction))
            self.sums[direction].append(sum(b.allows(direction) for b in batteries))
        states = self.loop.gateway.snapshot.batteries
        for one in batteries:
            self.currents.setdefault(one.id, []).append(one.cells.current)
            if states[one.id].excluded:
                self.excluded.setdefault(one.id, []).append(self.loop.at)
            mine = self.allowed.setdefault(one.id, {d: [] for d in Direction})
            for direction in Direction:
                mine[direction].append(one.allows(direction))

    def keep(self, seconds: float) -> None:
        """Advance the time and write."""
        for _ in range(round(seconds)):
            for _ in range(EVERY):
                self.loop.turn()
            self.write()


def load_step() -> Chart:
    """Return a small and a large battery when the sun comes out."""
    small = make("100 Ah", 100, 25, 50, resistance=0.014, period=1.0)
    large = make("300 Ah", 300, 150, 150, resistance=0.02, period=2.3)

    def house(at: float) -> float:
        return 170.0 if 60 <= at < 300 or 420 <= at < 600 else -20.0

    diary = Diary(loop_of([small, large], house))
    diary.keep(600)
    charge = Direction.CHARGE
    return Chart(
        "A small battery beside a large one",
        "100 Ah that allows 25 A beside 300 Ah that allows 150 A; at 1 min and at "
        "7 min the sun has 170 A to spare",
        diary.times,
        [
            Panel(
                "Bank, charging",
                [
                    Line("sum of the limits", GREY, diary.sums[charge], dashed=True),
                    Line("sent to the inverter", BLUE, diary.limits[charge]),
                    Line("flows", GREEN, diary.bank),
                ],
            ),
            Panel(
                "Batteries, charging",
                [
                    *_battery(diary, "100 Ah", ORANGE, charge),
                    *_battery(diary, "300 Ah", PURPLE, charge),
                ],
            ),
        ],
    )


def full() -> Chart:
    """Return a battery that becomes full, is excluded and returns."""
    first = make("first", 100, 50, 50, full_below=51.6)
    second = make("second", 200, 100, 100, resistance=0.022, period=1.7)

    def house(at: float) -> float:
        return -60.0 if 420 <= at < 600 else 130.0

    diary = Diary(loop_of([first, second], house))
    diary.keep(180)
    # One of its cells is full: it lets nothing in, until it has given some.
    first.bms_state = replace(first.bms_state, full=True)
    diary.keep(540)
    charge = Direction.CHARGE
    excluded = diary.excluded.get("first", [])
    return Chart(
        "A battery becomes full, is excluded and returns",
        "The first is full at 3 min. It holds the other back until it is seen to carry "
        "nothing. The house draws 60 A from minute 7 to 10",
        diary.times,
        [
            Panel(
                "Bank, charging",
                [
                    Line("sum of the limits", GREY, diary.sums[charge], dashed=True),
                    Line("sent to the inverter", BLUE, diary.limits[charge]),
                    Line("flows", GREEN, diary.bank),
                ],
            ),
            Panel(
                "Batteries, charging",
                [
                    *_battery(diary, "first", ORANGE, charge),
                    *_battery(diary, "second", PURPLE, charge),
                ],
            ),
        ],
        [Span(a, b, "is excluded") for a, b in _spans(excluded)],
    )


def lost() -> Chart:
    """Return a battery whose cable is pulled, and plugged in again."""
    left = make("left", 200, 100, 100, resistance=0.02)
    right = make("right", 200, 60, 60, resistance=0.024, period=1.3)

    def house(at: float) -> float:
        return 150.0 if at < 120 or at >= 600 else -130.0

    diary = Diary(
        loop_of(
            [left, right],
            house,
            discharge_grace=180.0,
            discharge_loss_policy=LossPolicy.BLOCK,
        )
    )
    diary.keep(240)
    right.silent = True
    diary.keep(300)
    right.silent = False
    diary.keep(240)
    charge, discharge = Direction.CHARGE, Direction.DISCHARGE
    return Chart(
        "A battery's cable is pulled, and plugged in again",
        "Charging stops at once. Discharging continues for a grace period of 3 min with the lost "
        "battery's last limit, then stops, too",
        diary.times,
        [
            Panel(
                "Bank",
                [
                    Line("sent for charging", BLUE, diary.limits[charge]),
                    Line(
                        "sent for discharging",
                        ORANGE,
                        [-amps for amps in diary.limits[discharge]],
                    ),
                    Line("flows", GREEN, diary.bank),
                ],
            ),
            Panel(
                "Batteries",
                [
                    Line("left", BLUE, diary.currents["left"]),
                    Line("right", PURPLE, diary.currents["right"]),
                    Line(
                        "right allows",
                        PURPLE,
                        [-amps for amps in diary.allowed["right"][discharge]],
                        dashed=True,
                    ),
                ],
            ),
        ],
        [Span(240, 540, "not received")],
    )


def _battery(diary: Diary, key: str, color: str, direction: Direction) -> list[Line]:
    return [
        Line(f"{key} allows", color, diary.allowed[key][direction], dashed=True),
        Line(f"{key} carries", color, diary.currents[key]),
    ]


def _spans(times: Sequence[float]) -> list[tuple[float, float]]:
    """Return the beginnings and ends of periods longer than one entry."""
    spans: list[tuple[float, float]] = []
    for at in times:
        if spans and at - spans[-1][1] < 5:
            spans[-1] = (spans[-1][0], at)
        else:
            spans.append((at, at))
    return [(begin, end) for begin, end in spans if end - begin > 5]


STORIES: Final[Mapping[str, Callable[[], Chart]]] = {
    "limits-load-step": load_step,
    "limits-full-battery": full,
    "limits-lost-battery": lost,
}
