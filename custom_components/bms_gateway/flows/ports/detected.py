"""Describes the result of a scan in Home Assistant's language."""

from collections.abc import Iterator, Sequence

from ...engine.detection.classify import DetectedBattery, Finding, ScanResult
from ...engine.model import Dialect
from ...engine.model.nominal_voltage import STANDARD
from ...issues.rejected_values import describe_rejected
from ...issues.seen_makes import describe_makes
from ..texts import Texts


def describe_scan(
    result: ScanResult,
    texts: Texts,
    *,
    replug: bool = False,
    may_ask: bool = False,
    asked: bool = False,
    alike: Sequence[str] = (),
    own: Sequence[str] = (),
) -> str:
    """Return the result of scanning an open port in a few sentences.

    `replug`: whether silence may come from an adapter that has to be replugged.
    `may_ask`, `asked`: whether a battery can be, or was, polled with 0x305. `alike`:
    the batteries on whose ports the same frames were received at the same times; `own`:
    the inverters to which the gateway sent the same frames.
    """
    if own and not alike:
        return texts["scan_own"].format(devices=", ".join(own))
    parts = [_finding(result, texts)]
    if result.finding is Finding.SILENCE:
        parts += [texts["scan_no_answer"]] if asked else []
        parts += [texts["scan_may_ask"]] if may_ask and not asked else []
        parts += [texts["scan_replug"]] if replug else []
    if result.battery is not None and result.battery.sends_requests:
        parts.append(texts["scan_sends_requests"])
    if result.finding is Finding.BATTERY and asked:
        parts.append(texts["scan_answer"])
    if alike:
        parts.append(texts["scan_alike"].format(devices=", ".join((*alike, *own))))
    return " ".join(parts)


def _finding(result: ScanResult, texts: Texts) -> str:
    if result.finding is Finding.NEIGHBOUR:
        kind = min(result.neighbours)
        return texts[f"scan_{kind}"]
    if result.finding is Finding.INVERTER and result.seen_makes:
        makes = describe_makes(result.seen_makes)
        return texts["scan_make"].format(makes=makes)
    if (battery := result.battery) is None:
        return texts[f"scan_{result.finding}"]
    return texts[f"scan_{result.finding}"].format(
        battery=", ".join(_battery(battery, texts)),
        values=describe_rejected(battery.rejected),
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
    if battery.nominal not in {None, STANDARD}:
        yield texts["scan_nominal"].format(nominal=battery.nominal)
    if battery.dialect not in {Dialect.UNKNOWN, Dialect.PYLONTECH}:
        yield texts["scan_dialect"].format(dialect=battery.dialect.brand)
