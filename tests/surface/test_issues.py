"""Repairs of a running gateway: ids, keys, placeholders, and the dialogs that fix them."""

from typing import Any

from custom_components.bms_gateway.const import DOMAIN
from homeassistant.components.repairs import DOMAIN as REPAIRS
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component

from ..bench import Bench
from .outline import merged, names
from .snapshot import check
from .steps import step


async def described(bench: Bench, issue: ir.IssueEntry) -> dict[str, Any]:
    """Return what is registered of a repair, and the first step of its dialog."""
    found: dict[str, Any] = {
        "translation_key": issue.translation_key,
        "severity": issue.severity,
        "placeholders": names(issue.translation_placeholders or ()),
        "data": names(issue.data or ()),
    }
    if issue.is_fixable:
        flows = bench.hass.data[REPAIRS]["flow_manager"]
        context = {"issue_id": issue.issue_id}
        result = await flows.async_init(DOMAIN, context=context)
        found["dialog"] = {result["step_id"]: step(result)}
        flows.async_abort(result["flow_id"])
    return found


async def registered(bench: Bench) -> list[tuple[str, dict[str, Any]]]:
    """Return the present repairs by id."""
    return [
        (issue.issue_id, await described(bench, issue))
        for issue in list(ir.async_get(bench.hass).issues.values())
        if issue.domain == DOMAIN
    ]


async def test_issues_match_the_snapshot(
    hass: HomeAssistant, bench: Bench, hass_storage: dict[str, Any]
) -> None:
    """Unreadable files, unmanaged current, and devices that stop sending."""
    assert await async_setup_component(hass, REPAIRS, {})
    for name in "setpoints", "energy":
        key = f"{DOMAIN}.gw.{name}"
        data = {"unknown": 1}
        hass_storage[key] = {"version": 1, "minor_version": 1, "key": key, "data": data}
    await bench.battery("b1").battery("b2").inverter("i1").start()
    await bench.online("b1", "b2")
    bench.send("i1", [(0x305, bytes(8))])
    for _ in range(31):
        bench.ahead += 2
        await bench.send_telegrams("b1", "b2", dcl=0.0, current=-20.0)
    await bench.tick(61)
    found = await registered(bench)
    bench.ahead += 1801
    for _ in range(2):
        await bench.send_telegrams("b1")
    await bench.tick(61)
    check("issues", merged(found + await registered(bench)))
