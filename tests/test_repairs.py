"""Repairs with a dialog, and repairs of a running gateway."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
import threading
from typing import Any
from unittest.mock import patch

import pytest
from pytest_homeassistant_custom_component.common import async_capture_events

from custom_components.bms_gateway import repairs
from custom_components.bms_gateway.const import DOMAIN
from custom_components.bms_gateway.engine.can import backend as channel_module
from custom_components.bms_gateway.engine.can.interface.discovery import set_up_commands
from custom_components.bms_gateway.engine.can.interface.state import Link, PortError
from custom_components.bms_gateway.engine.config import PortConfig
from custom_components.bms_gateway.engine.model import PortFault
from custom_components.bms_gateway.engine.setpoints import AllSetpoints, Setpoints
from custom_components.bms_gateway.issues import fixes
from homeassistant.components.repairs import DOMAIN as REPAIRS
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util

from .bench import Bench, telegram
from .test_number import ask


async def gone(bench: Bench) -> Any:
    """Stop the requests of an inverter; return the manager of dialogs."""
    assert await async_setup_component(bench.hass, REPAIRS, {})
    await bench.battery("b1").inverter("i1").start()
    bench.send("i1", [(0x305, bytes(8))])
    await bench.until(
        lambda: bench.snapshot.inverters["i1"].last_request_at is not None
    )
    bench.ahead += 601
    await bench.tick(61)
    assert bench.issues()["inverter_no_requests_i1"] == "inverter_no_requests"
    return bench.hass.data[REPAIRS]["flow_manager"]


async def test_lost_inverter_can_be_taken_out_of_service(
    bench: Bench,
) -> None:
    """By the dialog of its repair, which goes at once."""
    flows = await gone(bench)
    form = await flows.async_init(
        DOMAIN, context={"issue_id": "inverter_no_requests_i1"}
    )
    assert (form["type"], form["step_id"]) == ("form", "confirm")
    assert form["description_placeholders"] == {"name": "My i1", "minutes": "10"}
    assert bench.state("switch", "i1_in_service").state == "on"
    done = await flows.async_configure(form["flow_id"], {})
    assert done["type"] == "create_entry"
    await bench.hass.async_block_till_done()
    assert bench.state("switch", "i1_in_service").state == "off"
    assert "inverter_no_requests_i1" not in bench.issues()


async def test_repair_goes_when_the_inverter_requests_again(bench: Bench) -> None:
    """By itself."""
    await gone(bench)
    before = bench.snapshot.inverters["i1"].last_request_at
    bench.send("i1", [(0x305, bytes(8))])
    await bench.until(lambda: bench.snapshot.inverters["i1"].last_request_at != before)
    await bench.tick(61)
    assert "inverter_no_requests_i1" not in bench.issues()


async def test_dialog_needs_a_running_gateway(bench: Bench) -> None:
    """Nothing can take the answer otherwise."""
    flows = await gone(bench)
    form = await flows.async_init(
        DOMAIN, context={"issue_id": "inverter_no_requests_i1"}
    )
    assert await bench.hass.config_entries.async_unload("gw")
    done = await flows.async_configure(form["flow_id"], {})
    assert (done["type"], done["reason"]) == ("abort", "not_loaded")


@pytest.mark.parametrize(
    ("setpoint", "stopped"),
    [
        ("charging_allowed", Setpoints(charging_allowed=False)),
        ("charge_current", Setpoints(charge_current=0.0)),
    ],
)
async def test_forgotten_setpoint_is_a_repair(
    hass: HomeAssistant,
    bench: Bench,
    hass_storage: dict[str, Any],
    setpoint: str,
    stopped: Setpoints,
) -> None:
    """It names the requester, also after a restart; gone once charging is allowed."""
    key = f"{DOMAIN}.gw.setpoints"
    await bench.battery("b1").inverter("i1").start()
    await bench.runtime.setpoint_manager.async_set(AllSetpoints(bank=stopped), "Ann")
    assert bench.issues() == {}
    assert await hass.config_entries.async_unload("gw")
    hass_storage[key]["data"]["changes"][0]["hours"] = 24
    await bench.setup()
    issue_id = f"forgotten_gw_{setpoint}"
    assert bench.issues() == {issue_id: "charging_forgotten"}
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
    assert issue is not None
    assert issue.translation_placeholders == {"name": "Bank", "by": "Ann"}
    await bench.runtime.setpoint_manager.async_set(AllSetpoints(), "Bob")
    assert bench.issues() == {}


@pytest.mark.parametrize("days", [-14, -1, 1, 14, 20_000])
async def test_clock_jump_makes_no_setpoint_forgotten(bench: Bench, days: int) -> None:
    """Many small computers start in the past, until they have found a time server."""
    await bench.battery("b1").inverter("i1").start()
    wrong = dt_util.utcnow() - timedelta(days=days)
    with patch("homeassistant.util.dt.utcnow", lambda tz=None: wrong):
        await ask(bench, "gw_charge_current_setpoint", 0.0)
    await bench.tick(61)
    assert bench.issues() == {}


async def test_setpoint_is_forgotten_after_a_day_of_running(
    hass: HomeAssistant, bench: Bench
) -> None:
    """Over restarts, at any wall clock time; the time between does not count."""
    await bench.inverter("i1").start()
    await ask(bench, "i1_charge_current_setpoint", 0.0)
    for hours in 10, 13:
        bench.ahead += hours * 3600
        await bench.tick(61)
        assert await hass.config_entries.async_unload("gw")
        bench.ahead += 1000 * 3600
        await bench.setup()
        await bench.tick(61)
        assert bench.issues() == {}
    bench.ahead += 3600
    await bench.tick(61)
    assert bench.issues() == {"forgotten_i1_charge_current": "charging_forgotten"}


async def test_ignored_repair_stays_until_the_gateway_is_removed(
    hass: HomeAssistant, bench: Bench, hass_storage: dict[str, Any]
) -> None:
    """A reload does not bring it back."""
    await bench.battery("b1").inverter("i1").start()
    stopped = AllSetpoints(bank=Setpoints(charge_current=0.0))
    await bench.runtime.setpoint_manager.async_set(stopped, "Ann")
    assert await hass.config_entries.async_unload("gw")
    hass_storage[f"{DOMAIN}.gw.setpoints"]["data"]["changes"][0]["hours"] = 24
    await bench.setup()
    issue_id = "forgotten_gw_charge_current"
    ir.async_ignore_issue(hass, DOMAIN, issue_id, True)
    assert await hass.config_entries.async_unload("gw")
    await bench.setup()
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
    assert issue is not None
    assert issue.dismissed_version is not None
    await hass.config_entries.async_remove("gw")
    assert bench.issues() == {}


# Conditions that take time


async def go_on(bench: Bench, seconds: float, volts: dict[str, float]) -> None:
    """Advance the time while batteries send, and process everything at the end."""
    for _ in range(round(seconds / 2)):
        bench.ahead += 2
        for each, voltage in volts.items():
            await bench.send_telegrams(each, voltage=voltage)
    await bench.tick(61)


async def test_flapping_battery_makes_one_repair(
    hass: HomeAssistant, bench: Bench
) -> None:
    """It reports the loss first, then the losses."""
    updates = async_capture_events(hass, ir.EVENT_REPAIRS_ISSUE_REGISTRY_UPDATED)
    await bench.battery("b1").battery("b2").inverter("i1").start()
    await bench.online("b1", "b2")
    for loss in range(1, 7):
        for _ in range(6):
            await bench.move(2)
            await bench.send_telegrams("b2")
        await bench.shows("sensor", "b1_state", "lost")
        issue_key = "battery_losses" if loss > 3 else "battery_lost"
        assert bench.issues() == {"battery_b1": issue_key}
        for _ in range(4):
            await bench.send_telegrams("b1", "b2")
        await bench.shows("sensor", "b1_state", "online")
        assert bench.issues() == {"battery_b1": issue_key}
    assert [each.data["action"] for each in updates].count("create") == 1


async def test_battery_with_many_short_gaps_is_a_repair(bench: Bench) -> None:
    """With their number, although it is never lost for long."""
    await bench.battery("b1").battery("b2").inverter("i1").start()
    await bench.online("b1", "b2")
    for _ in range(7):
        for _ in range(2):
            await bench.move(2)
            await bench.send_telegrams("b2")
        assert bench.issues() != {"battery_b1": "battery_gaps"}
        for _ in range(10):
            await bench.move(1)
            await bench.send_telegrams("b1", "b2")
        await bench.shows("sensor", "b1_state", "online")
    assert bench.issues() == {"battery_b1": "battery_gaps"}


async def test_voltage_difference_is_a_repair(bench: Bench) -> None:
    """After a minute; gone when the voltages agree."""
    await bench.battery("b1").battery("b2").inverter("i1").start()
    await bench.online("b1", voltage=52.0)
    await bench.online("b2", voltage=54.0)
    await go_on(bench, 50, {"b1": 52.0, "b2": 54.0})
    assert bench.issues() == {}
    await go_on(bench, 20, {"b1": 52.0, "b2": 54.0})
    assert bench.issues() == {"batteries_apart_gw": "batteries_apart"}
    await go_on(bench, 5, {"b1": 53.0, "b2": 53.4})
    assert bench.issues() == {}


async def test_inverter_rated_above_the_batteries_is_a_repair(bench: Bench) -> None:
    """Once the batteries were in normal ranges for long; gone when corrected."""
    bench.battery("b1").inverter("i1", rated_charge=150.0)
    await bench.start()
    await bench.online("b1")
    await go_on(bench, 590, {"b1": 52.0})
    assert bench.issues() == {}
    await go_on(bench, 20, {"b1": 52.0})
    assert bench.issues() == {"rating_too_high_i1": "rating_too_high"}
    subentry = bench.entry.subentries["i1"]
    bench.hass.config_entries.async_update_subentry(
        bench.entry, subentry, data={**subentry.data, "rated_charge": 100.0}
    )
    await bench.hass.async_block_till_done()
    assert bench.issues() == {}


async def test_silent_inverter_is_a_repair(bench: Bench) -> None:
    """Where monitored; it can be taken out of service, or is received again."""
    await bench.inverter("i1").inverter("i2", no_response_after=60.0).start()
    await bench.tick(61)
    bench.ahead += 61
    await bench.tick(61)
    assert bench.issues() == {"inverter_not_responding_i2": "inverter_not_responding"}
    bench.send("i2", [(0x306, bytes(8))])
    await bench.until(
        lambda: bench.snapshot.inverters["i2"].last_foreign_frame_at is not None
    )
    await bench.tick(61)
    assert bench.issues() == {}


@pytest.mark.parametrize(
    "key", ["inverter_not_responding", "inverter_not_responding_replug"]
)
async def test_silent_inverter_can_be_taken_out_of_service(
    bench: Bench, key: str
) -> None:
    """The advice to try other steps first does not matter."""
    await bench.battery("b1").inverter("i1").start()
    about: dict[str, Any] = {"key": key, "entry_id": "gw", "device_id": "i1"}
    dialog: Any = await repairs.async_create_fix_flow(bench.hass, "any", about)
    dialog.hass = bench.hass
    done = await dialog.async_step_confirm({})
    assert done["type"] == "create_entry"
    await bench.hass.async_block_till_done()
    assert bench.state("switch", "i1_in_service").state == "off"


@pytest.mark.parametrize("key", ["battery_not_polled", "battery_not_polled_replug"])
async def test_silent_battery_can_be_polled(bench: Bench, key: str) -> None:
    """The gateway polls it from then on, and its other settings stay."""
    assert await async_setup_component(bench.hass, REPAIRS, {})
    await bench.battery("b1", timeout=20.0).inverter("i1").start()
    bench.ahead += 16
    await bench.tick(61)
    assert bench.issues()["battery_b1"] == "battery_not_polled"
    about: dict[str, Any] = {"key": key, "entry_id": "gw", "device_id": "b1"}
    dialog: Any = await repairs.async_create_fix_flow(bench.hass, "any", about)
    dialog.hass = bench.hass
    form = await dialog.async_step_confirm()
    assert (form["type"], form["step_id"]) == ("form", "confirm")
    assert bench.entry.subentries["b1"].data.get("poll_interval") is None
    done = await dialog.async_step_confirm({})
    assert done["type"] == "create_entry"
    await bench.hass.async_block_till_done()
    assert bench.entry.subentries["b1"].data["poll_interval"] == 1.0
    assert bench.entry.subentries["b1"].data["timeout"] == 20.0
    await bench.until(lambda: 0x305 in {m.arbitration_id for m in bench.received("b1")})
    await bench.tick(61)
    assert bench.issues()["battery_b1"] == "battery_not_received"
    await bench.online("b1")
    await bench.tick(61)
    assert "battery_b1" not in bench.issues()


async def test_battery_of_another_voltage_is_a_repair(bench: Bench) -> None:
    """It sends, so no user checks its cable; it never counts."""
    await bench.battery("b1").inverter("i1").start()
    bench.ahead += 16
    bench.send("b1", telegram(cvl=29.2, voltage=26.4))
    await bench.until(lambda: bench.snapshot.batteries["b1"].nominal == 24)
    await bench.tick(61)
    assert bench.issues()["battery_b1"] == "battery_wrong_voltage"
    issue = ir.async_get(bench.hass).async_get_issue(DOMAIN, "battery_b1")
    assert issue
    assert issue.translation_placeholders
    assert issue.translation_placeholders["nominal"] == "24"
    assert issue.translation_placeholders["values"] == "CVL 29.2 V (40–65 V)"


# A link that is down; a real kernel is tested in `socketcan/`


@dataclass
class Kernel:
    """A simulated kernel, as not every machine has CAN: with one link that is down."""

    on_set_up: Callable[[], None]
    fault: PortFault | None = PortFault.LINK_DOWN

    def check_link(self, config: PortConfig) -> Link:
        """Return the link, if it may be used."""
        if self.fault:
            raise PortError(self.fault, "so")
        return Link(True, True, True, config.bitrate)

    def set_up(self, config: PortConfig, **_: Any) -> None:
        """Set the link up, or not."""
        self.on_set_up()
        self.fault = None


async def down(
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
    on_set_up: Callable[[], None] = lambda: None,
    fault: PortFault = PortFault.LINK_DOWN,
) -> Any:
    """Set up a battery whose link is down; return the manager of dialogs."""
    kernel = Kernel(on_set_up, fault)
    monkeypatch.setattr(channel_module, "check_link", kernel.check_link)
    monkeypatch.setattr(channel_module, "set_up", kernel.set_up)
    assert await async_setup_component(bench.hass, REPAIRS, {})
    bench.battery("b1", interface="socketcan", channel="can0").inverter("i1")
    await bench.start()
    await bench.until(lambda: "port_b1" in bench.issues())
    assert bench.issues()["port_b1"] == f"port_{fault}"
    return bench.hass.data[REPAIRS]["flow_manager"]


async def confirm(flows: Any) -> Any:
    """Open the dialog of a port's repair and confirm it; return the result."""
    form = await flows.async_init(DOMAIN, context={"issue_id": "port_b1"})
    assert (form["type"], form["step_id"]) == ("form", "confirm")
    issue_key = form["description_placeholders"]
    assert issue_key["commands"] == "\n".join(set_up_commands("can0", 500_000))
    return await flows.async_configure(form["flow_id"], {})


@pytest.mark.parametrize("fault", [PortFault.LINK_DOWN, PortFault.WRONG_BITRATE])
async def test_link_can_be_set_up(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, fault: PortFault
) -> None:
    """The permission is stored with the battery, and applies to the running port."""
    flows = await down(bench, monkeypatch, fault=fault)
    before = dict(bench.entry.subentries["b1"].data)
    done = await confirm(flows)
    assert done["type"] == "create_entry"
    assert bench.entry.subentries["b1"].data == before | {"bring_up": True}
    assert bench.runtime.config.batteries[0].port.bring_up
    await bench.hass.async_block_till_done()
    assert bench.issues().get("port_b1") != f"port_{fault}"


def refuse() -> None:
    """Have no permission to administer the network."""
    raise PortError(PortFault.NO_PERMISSION, "Operation not permitted")


def fail() -> None:
    """Have a driver that rejects the bitrate."""
    raise PortError(PortFault.FAILED, "Invalid argument")


@pytest.mark.parametrize(
    ("on_set_up", "reason", "detail"),
    [
        (refuse, "refused", "Operation not permitted"),
        (fail, "failed", "Invalid argument"),
    ],
)
async def test_link_that_cannot_be_set_up_is_explained(
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
    on_set_up: Callable[[], None],
    reason: str,
    detail: str,
) -> None:
    """Nothing is stored, the repair stays, and the dialog shows the command."""
    flows = await down(bench, monkeypatch, on_set_up)
    before = dict(bench.entry.subentries["b1"].data)
    done = await confirm(flows)
    assert (done["type"], done["reason"]) == ("abort", reason)
    assert done["description_placeholders"]["detail"] == detail
    assert "commands" in done["description_placeholders"]
    assert bench.entry.subentries["b1"].data == before
    assert bench.issues()["port_b1"] == "port_link_down"


async def test_hanging_driver_does_not_block_the_dialog(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits only for a limited time."""
    monkeypatch.setattr(fixes, "SET_UP_TIME", 0.05)
    released = threading.Event()

    def hang() -> None:
        released.wait()

    flows = await down(bench, monkeypatch, hang)
    done = await confirm(flows)
    released.set()
    assert (done["type"], done["reason"]) == ("abort", "failed")
    assert done["description_placeholders"]["detail"] == "-"


# Swapped ports

REQUEST = (0x305, bytes(8))


async def receive(bench: Bench, id: str, *frames: tuple[int, bytes]) -> None:
    """Send on a port a second later, and wait until it is received."""
    bench.ahead += 1
    enough = bench.snapshot.ports[id].received + len(frames)
    bench.send(id, frames)
    await bench.until(lambda: bench.snapshot.ports[id].received >= enough)


async def open_dialog(bench: Bench, id: str) -> Any:
    """Open the dialog of the repair of a wrong port; return its first step."""
    assert await async_setup_component(bench.hass, REPAIRS, {})
    await bench.tick(61)
    assert f"wrong_port_{id}" in bench.issues()
    flows = bench.hass.data[REPAIRS]["flow_manager"]
    return await flows.async_init(DOMAIN, context={"issue_id": f"wrong_port_{id}"})


async def choose(bench: Bench, form: Any, other: str) -> Any:
    """Answer the dialog."""
    flows = bench.hass.data[REPAIRS]["flow_manager"]
    return await flows.async_configure(form["flow_id"], {"other": other})


def stored(bench: Bench, *, port: bool) -> dict[str, dict[str, Any]]:
    """Return the stored data of each device: of its port, or everything else."""
    keys = {"interface", "channel", "bitrate"}
    return {
        each.subentry_id: {
            key: value for key, value in each.data.items() if (key in keys) is port
        }
        for each in bench.entry.subentries.values()
    }


@pytest.mark.parametrize(("id", "other"), [("b1", "i1"), ("i1", "b1")])
async def test_ports_can_be_swapped(bench: Bench, id: str, other: str) -> None:
    """By the dialog of either repair; each device keeps everything else, and works."""
    await bench.battery("b1", timeout=20).inverter("i1").start()
    for _ in range(10):
        await receive(bench, "i1", *telegram())
        await receive(bench, "b1", REQUEST)
    form = await open_dialog(bench, id)
    assert bench.issues() == {
        "wrong_port_b1": "inverter_on_battery_port",
        "wrong_port_i1": "battery_on_inverter_port",
    }
    assert (form["type"], form["step_id"]) == ("form", "confirm")
    assert form["description_placeholders"]["name"] == f"My {id}"
    assert form["data_schema"]({}) == {"other": other}
    ports, else_ = stored(bench, port=True), stored(bench, port=False)
    done = await choose(bench, form, other)
    assert done["type"] == "create_entry"
    assert stored(bench, port=True) == {"b1": ports["i1"], "i1": ports["b1"]}
    assert stored(bench, port=False) == else_
    await bench.hass.async_block_till_done()
    await bench.opened("b1", "i1")
    bench.buses |= {"b1": bench.buses["i1"], "i1": bench.buses["b1"]}
    await bench.online("b1")
    for _ in range(20):  # a limit rises slowly after a loss
        bench.ahead += 1
        await bench.send_telegrams("b1")
    await bench.receives("i1", 50.0, 50.0)
    await bench.tick(61)
    assert bench.issues() == {}


async def test_working_device_is_not_proposed(bench: Bench) -> None:
    """The battery that is not received is the one with the wrong port."""
    await bench.battery("b0").battery("b1").inverter("i1").start()
    await bench.online("b0")
    for _ in range(2):
        await receive(bench, "i1", *telegram())
        await bench.send_telegrams("b0")
    assert bench.snapshot.batteries["b0"].online
    form = await open_dialog(bench, "i1")
    assert form["data_schema"]({}) == {"other": "b1"}


async def test_swap_without_a_partner_gets_other_advice(bench: Bench) -> None:
    """The dialog gives other advice."""
    await bench.inverter("i1").start()
    for _ in range(2):
        await receive(bench, "i1", *telegram())
    done = await open_dialog(bench, "i1")
    assert (done["type"], done["reason"]) == ("abort", "no_counterpart")
    assert done["description_placeholders"]["name"] == "My i1"


async def test_swap_needs_a_running_gateway(bench: Bench) -> None:
    """Nothing is stored otherwise."""
    await bench.battery("b1").inverter("i1").start()
    for _ in range(2):
        await receive(bench, "i1", *telegram())
    form = await open_dialog(bench, "i1")
    before = stored(bench, port=True)
    assert await bench.hass.config_entries.async_unload("gw")
    done = await choose(bench, form, "b1")
    assert (done["type"], done["reason"]) == ("abort", "not_loaded")
    assert stored(bench, port=True) == before
