"""The belief of an inverter: what it takes the battery for, from the frames it received."""

from dataclasses import dataclass

from custom_components.bms_gateway.engine.model import Alarm


@dataclass(frozen=True, slots=True, kw_only=True)
class Belief:
    """What an inverter acts on at one time; None: it reads no such value, or has none.

    Voltages in V, currents in A, percentages in %, temperatures in °C. The limits are
    those it would apply, after everything that it changes about the received ones.
    """

    is_alive: bool
    """Whether it has a battery: it recognised one that sent within its time-out."""
    charge_allowed: bool
    discharge_allowed: bool
    cvl: float | None = None
    ccl: float | None = None
    dcl: float | None = None
    dvl: float | None = None
    soc: float | None = None
    soh: float | None = None
    voltage: float | None = None
    current: float | None = None
    """Charge positive."""
    temperature: float | None = None
    alarms: frozenset[Alarm] | None = None
    """None: no frame that it reads alarms from."""
    warnings: frozenset[Alarm] | None = None
    product: str | None = None
    """The battery it believes to see."""
    modules: int | None = None
    capacity: float | None = None
    """Ah."""
    cells: tuple[float, float] | None = None
    """V of the lowest and the highest cell."""
    objections: frozenset[str] = frozenset()
    """What it does not accept, or does on its own account."""
