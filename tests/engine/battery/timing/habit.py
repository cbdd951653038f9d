"""Batteries that fall silent for a while, with or without a habit of it."""

from typing import Any

from custom_components.bms_gateway.engine.battery.timing.gaps import HABITUAL_GAPS

from ...plant import PERIOD, Plant, battery

TWO = (battery("b1"), battery("b2"))
TIMEOUT = 3.0
"""Seconds without a telegram after which a battery is lost."""
SETTLED = 40.0
"""Seconds after which a limit that fell to 0 A has risen again."""
NEXT_TELEGRAM = 1.0
"""Seconds within which an inverter is sent what is allowed."""


def have_gap(plant: Plant, *keys: str, lasts: float = 1.0) -> None:
    """Stop batteries, and resume them some seconds after they are lost."""
    for key in keys or ("b1",):
        plant.packs[key].active = False
    plant.run(TIMEOUT + lasts)
    for key in keys or ("b1",):
        plant.packs[key].active = True
        plant.packs[key].next_at = plant.now


def stop_sending(plant: Plant, *keys: str) -> float:
    """Stop batteries after their next telegram; return when that came."""
    plant.run(PERIOD)
    for key in keys or ("b1",):
        plant.send_telegrams(key)
        plant.packs[key].active = False
    plant.step()
    return plant.now


def with_habit(*keys: str, batteries: Any = TWO, **options: Any) -> Plant:
    """Return a plant with a battery that has had two short gaps and is online again."""
    plant = Plant(batteries, **options).started(10.0)
    for key in keys or ("b1",):
        for _ in range(HABITUAL_GAPS):
            have_gap(plant, key)
            plant.run(SETTLED)
    assert sum(plant.sent(i.id)[1] for i in plant.config.inverters) == (
        100.0 * len(batteries)
    )
    return plant
