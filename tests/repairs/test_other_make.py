"""Repair of an inverter whose messages show another make: one click chooses that."""

from custom_components.bms_gateway.config_entry import gateway_config
from custom_components.bms_gateway.const import DOMAIN
from custom_components.bms_gateway.engine.presets import PRESETS, Make
from homeassistant.components.repairs import DOMAIN as REPAIRS
from homeassistant.setup import async_setup_component

from ..bench import Bench

# The constant 0x307 of a GX: 12 34 56 78 `VIC` 00
VICTRON = (0x307, bytes.fromhex("1234567856494300"))


async def test_recognized_make_is_chosen(bench: Bench) -> None:
    """The messages change at once, and every other setting stays."""
    assert await async_setup_component(bench.hass, REPAIRS, {})
    await bench.battery("b1").inverter("i1", make="deye", reaction_time=5.0).start()
    bench.send("i1", [VICTRON] * 3)
    await bench.until(lambda: bool(bench.snapshot.inverters["i1"].seen_makes))
    await bench.tick(61)
    assert bench.issues()["inverter_other_make_i1"] == "inverter_other_make"

    flows = bench.hass.data[REPAIRS]["flow_manager"]
    form = await flows.async_init(
        DOMAIN, context={"issue_id": "inverter_other_make_i1"}
    )
    assert form["description_placeholders"] == {
        "name": "My i1",
        "makes": "Victron GX",
    }
    done = await flows.async_configure(form["flow_id"], {})
    assert done["type"] == "create_entry"
    await bench.hass.async_block_till_done()
    stored = bench.entry.subentries["i1"].data
    assert (stored["make"], stored["reaction_time"]) == ("victron", 5.0)
    assert gateway_config(bench.entry).inverters[0].preset is PRESETS[Make.VICTRON]
    await bench.tick(61)
    assert "inverter_other_make_i1" not in bench.issues()
