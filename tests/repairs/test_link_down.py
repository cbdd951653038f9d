"""A CAN link that is down: a dialog sets it up; `socketcan/` tests a real kernel."""

from collections.abc import Callable
from dataclasses import dataclass
import threading
from typing import Any

import pytest

from custom_components.bms_gateway.const import DOMAIN
from custom_components.bms_gateway.engine.can import backend as channel_module
from custom_components.bms_gateway.engine.can.interface.discovery import set_up_commands
from custom_components.bms_gateway.engine.can.interface.state import Link, PortError
from custom_components.bms_gateway.engine.config import PortConfig
from custom_components.bms_gateway.engine.model import PortFault
from custom_components.bms_gateway.issues import fixes
from homeassistant.components.repairs import DOMAIN as REPAIRS
from homeassistant.setup import async_setup_component

from ..bench import Bench


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
