"""What was heard on a port, told in Home Assistant's language."""

from collections.abc import Iterator, Sequence

from ..engine.detection.classify import DetectedBattery, Finding, ScanResult
from ..engine.model import Dialect
from ..issues.rejected_values import figures
from .connections import Texts


def tell(
    heard: ScanResult,
    texts: Texts,
    *,
    replug: bool = False,
    may_ask: bool = False,
    asked: bool = False,
    alike: Sequence[str] = (),
    own: Sequence[str] = (),
) -> str:
    """Return in a few sentences who talks; for a port that was open.

    `replug`: whether a silence may be that of an adapter that has to be plugged in anew.
    `may_ask`, `asked`: whether a battery can be asked with 0x305, or was. `alike`: the
    batteries on whose ports the same came in the same moments; `own`: the inverters that
    the gateway sent the same.
    """
    if own and not alike:
        return texts["scan_own"].format(devices=", ".join(own))
    told = [_finding(heard, texts)]
    if heard.finding is Finding.SILENCE:
        told += [texts["scan_no_answer"]] if asked else []
        told += [texts["scan_may_ask"]] if may_ask and not asked else []
        told += [texts["scan_replug"]] if replug else []
    if heard.battery is not None and heard.battery.sends_requests:
        told.append(texts["scan_sends_requests"])
    if heard.finding is Finding.BATTERY and asked:
        told.append(texts["scan_answer"])
    if alike:
        told.append(texts["scan_alike"].format(devices=", ".join((*alike, *own))))
    return " ".join(told)


def _finding(heard: ScanResult, texts: Texts) -> str:
    if heard.finding is Finding.NEIGHBOUR:
        kind = min(heard.neighbours)
        return texts[f"scan_{kind}"]
    if (battery := heard.battery) is None:
        return texts[f"scan_{heard.finding}"]
    key = f"scan_{heard.finding}"
    if heard.finding is Finding.REFUSED and battery.nominal is not None:
        key = "scan_nominal"
    return texts[key].format(
        battery=", ".join(_battery(battery, texts)),
        values=figures(battery.rejected),
        nominal=battery.nominal,
    )


def _battery(battery: DetectedBattery, texts: Texts) -> Iterator[str]:
    yield battery.name or texts["scan_nameless"]
    if battery.modules:
        key = "scan_module" if battery.modules == 1 else "scan_modules"
        yield texts[key].format(count=battery.modules)
    if battery.soc is not None:
        yield f"{battery.soc:.0f} %"
    if battery.voltage is not None:
        yield f"{battery.voltage:.1f} V"
    if battery.dialect not in {Dialect.UNKNOWN, Dialect.PYLONTECH}:
        yield texts["scan_dialect"].format(dialect=battery.dialect.capitalize())
