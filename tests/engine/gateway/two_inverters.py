"""Two inverters at one battery, what they are sent and what they request."""

from typing import Any

from custom_components.bms_gateway.engine.model import Frame

from ..plant import Plant, inverter

REQUEST = Frame(0x305, bytes(8))


def two_inverters(
    *, rated: tuple[float, float] = (100.0, 100.0), **options: Any
) -> Plant:
    """Return a plant with a battery of 100 A and two inverters."""
    inverters = [
        inverter(f"i{n}", amps, **options) for n, amps in enumerate(rated, start=1)
    ]
    return Plant(inverters=inverters)


def ccls(plant: Plant) -> dict[str, float]:
    """Return the charge limits of both inverters."""
    return {key: plant.sent(key)[1] for key in ("i1", "i2")}
