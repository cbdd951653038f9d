"""The readers, by the makes of inverter that they stand for."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple

from custom_components.bms_gateway.engine.model import Frame
from custom_components.bms_gateway.engine.presets import Evidence, Make, Preset

from .inverters import deye, luxpower, pylontech, sol_ark, sunny_island, venus
from .inverters.belief import Belief
from .inverters.venus import Product


class Reader(NamedTuple):
    """One inverter: its functions, the state it begins with, and its time-out."""

    name: str
    on_frame: Callable[[Any, Frame], Any]
    believed: Callable[[Any, float], Belief]
    state: object
    timeout: float
    """Seconds."""
    product: str | None = None
    """What it is to take the battery for; None: any that it recognises."""
    reads_warnings: bool = True
    """False: it knows none, and is to be sent none."""

    def after(self, *sent: Frame, state: Any = None) -> Any:
        """Return its state after some frames; `state`: before them, None: at the start."""
        state = self.state if state is None else state
        for frame in sent:
            state = self.on_frame(state, frame)
        return state


_VENUS: Final = Reader(
    "Venus",
    venus.on_frame,
    venus.believed,
    venus.State(),
    venus.TIMEOUT,
    product=Product.GENERIC,
)
_SUNNY_ISLAND: Final = Reader(
    "Sunny Island",
    sunny_island.on_frame,
    sunny_island.believed,
    sunny_island.State(),
    sunny_island.TIMEOUT,
)
_DEYE: Final = Reader("Deye", deye.on_frame, deye.believed, deye.State(), deye.TIMEOUT)
_LUXPOWER: Final = Reader(
    "LuxPower",
    luxpower.on_frame,
    luxpower.believed,
    luxpower.State(),
    luxpower.TIMEOUT,
)
_SOL_ARK: Final = Reader(
    "Sol-Ark", sol_ark.on_frame, sol_ark.believed, sol_ark.State(), sol_ark.TIMEOUT
)
_SOL_ARK_COARSE: Final = _SOL_ARK._replace(
    name="Sol-Ark, 0.1 V", state=sol_ark.State(per_volt=10)
)
_PYLONTECH: Final = Reader(
    "Pylontech 1.2",
    pylontech.on_frame,
    pylontech.believed,
    pylontech.State(),
    pylontech.TIMEOUT,
)
_SOLIS: Final = _PYLONTECH._replace(
    name="Solis, Growatt SPF",
    state=pylontech.State(warnings_are_faults=True),
    reads_warnings=False,
)
_SOFAR: Final = _PYLONTECH._replace(
    name="Sofar", state=pylontech.State(ignores_zeros=True)
)

READERS: Final = (
    _VENUS,
    _SUNNY_ISLAND,
    _DEYE,
    _LUXPOWER,
    _SOL_ARK,
    _SOL_ARK_COARSE,
    _PYLONTECH,
    _SOLIS,
    _SOFAR,
)

MATCHING: Final[Mapping[Make, Reader]] = {
    Make.DEYE: _DEYE,
    Make.EG4_6000XP: _PYLONTECH,
    Make.EG4_12000XP: _LUXPOWER,
    Make.EG4_18KPV: _LUXPOWER,
    Make.GOODWE: _PYLONTECH,
    Make.GROWATT_SPF: _SOLIS,
    Make.IMEON: _PYLONTECH,
    Make.LUXPOWER: _LUXPOWER,
    Make.MIDNITE: _PYLONTECH,
    Make.SCHNEIDER: _PYLONTECH,
    Make.SMA: _SUNNY_ISLAND,
    Make.SOFAR: _SOFAR,
    Make.SOL_ARK: _SOL_ARK,
    Make.SOLIS: _SOLIS,
    Make.SOLIS_AOBO: _SUNNY_ISLAND,
    Make.SRNE: _PYLONTECH,
    Make.STUDER: _PYLONTECH,
    Make.SUNSYNK: _DEYE,
    Make.VICTRON: _VENUS,
    Make.VOLTRONIC: _PYLONTECH,
    Make.OTHER_PYLONTECH: _PYLONTECH,
    Make.OTHER_PYLONTECH_PLUS: _PYLONTECH,
    Make.OTHER_SMA: _SUNNY_ISLAND,
    Make.OTHER_VICTRON: _VENUS,
    Make.OTHER_DEYE: _DEYE,
    Make.OTHER_SOL_ARK: _SOL_ARK,
    Make.OTHER_SOL_ARK_COARSE: _SOL_ARK_COARSE,
    Make.OTHER_LUXPOWER: _LUXPOWER,
}
"""The reader of each make; of some nothing is known but that they read this set."""

DANGERS: Final[Mapping[tuple[Reader, Make], frozenset[str]]] = {
    (_VENUS, Make.OTHER_PYLONTECH): frozenset(
        {"CCL too high", "CVL too high", "charges when stopped"}
    ),
    (_VENUS, Make.OTHER_LUXPOWER): frozenset(
        {"CCL too high", "CVL too high", "alarm not seen", "charges when stopped"}
    ),
    (_VENUS, Make.OTHER_DEYE): frozenset(
        {"alarm not seen", "may be switched off", "wrong current"}
    ),
    (_SUNNY_ISLAND, Make.OTHER_PYLONTECH): frozenset(
        {"IDs not allowed", "alarm not seen", "empty too early"}
    ),
    (_SUNNY_ISLAND, Make.OTHER_VICTRON): frozenset({"IDs not allowed"}),
    (_SUNNY_ISLAND, Make.OTHER_LUXPOWER): frozenset({"alarm not seen", "wrong SOC"}),
    (_DEYE, Make.OTHER_SMA): frozenset({"sees no battery"}),
    (_DEYE, Make.OTHER_VICTRON): frozenset({"sees no battery"}),
    (_DEYE, Make.OTHER_SOL_ARK_COARSE): frozenset({"wrong voltage"}),
    (_LUXPOWER, Make.OTHER_PYLONTECH): frozenset(
        {"may stop charging for frost", "reads cells of 0 V", "wrong capacity"}
    ),
    (_SOL_ARK, Make.OTHER_DEYE): frozenset({"alarm not seen", "wrong current"}),
    (_SOL_ARK, Make.OTHER_SOL_ARK_COARSE): frozenset({"wrong voltage"}),
    (_SOL_ARK_COARSE, Make.OTHER_SOL_ARK): frozenset({"wrong voltage"}),
    (_PYLONTECH, Make.OTHER_SMA): frozenset({"alarm not seen"}),
    (_PYLONTECH, Make.OTHER_DEYE): frozenset({"alarm not seen", "wrong current"}),
    (_SOLIS, Make.OTHER_PYLONTECH): frozenset({"alarm without cause"}),
    (_SOFAR, Make.OTHER_PYLONTECH): frozenset(
        {"CCL too high", "charges when stopped", "discharges when stopped"}
    ),
}
"""What a reader gets wrong of a set that is not for it, by which a battery or a house
would suffer: why there is a preset for it."""


def as_sent(preset: Preset) -> Preset:
    """Return a preset without its sources: those that are left equal send the same."""
    return replace(preset, source="", evidence=Evidence.ASSUMPTION)
