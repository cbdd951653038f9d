"""What was heard on a port, told in Home Assistant's language."""

from collections.abc import Iterator

from .connections import Texts
from .engine.heard import Finding, Heard, HeardBattery
from .engine.model import Dialect


def tell(heard: Heard, texts: Texts, *, replug: bool = False) -> str:
    """Return in a sentence who talks; for a port that was open.

    `replug`: whether a silence may be that of an adapter that has to be plugged in anew.
    """
    if replug and heard.finding is Finding.SILENCE:
        return texts["heard_silence_replug"]
    if heard.finding is Finding.NEIGHBOUR:
        kind = min(heard.neighbours)
        return texts[f"heard_{kind}"]
    told = ", ".join(_battery(heard.battery, texts)) if heard.battery else ""
    return texts[f"heard_{heard.finding}"].format(battery=told)


def _battery(battery: HeardBattery, texts: Texts) -> Iterator[str]:
    yield battery.name or texts["heard_nameless"]
    if battery.modules:
        key = "heard_module" if battery.modules == 1 else "heard_modules"
        yield texts[key].format(count=battery.modules)
    if battery.soc is not None:
        yield f"{battery.soc:.0f} %"
    if battery.voltage is not None:
        yield f"{battery.voltage:.1f} V"
    if battery.dialect not in {Dialect.UNKNOWN, Dialect.PYLONTECH}:
        yield texts["heard_dialect"].format(dialect=battery.dialect.capitalize())
