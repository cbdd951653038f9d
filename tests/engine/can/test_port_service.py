"""The service of a port: when it is called, and how it ends."""

import asyncio

import pytest

from custom_components.bms_gateway.engine.can.port_service import PortService

from ...waiting import PATIENCE
from ..plant import battery
from ..wires import MovedClock, Wires


@pytest.mark.parametrize("turns", range(8))
async def test_service_ends_while_a_deadline_wakes_it(turns: int) -> None:
    """At whatever turn of the loop it is stopped."""
    clock = MovedClock()
    port = Wires()(
        battery("b1").port,
        on_frame=lambda _: None,
        on_echo=lambda _: None,
        on_change=lambda _: None,
        clock=clock,
        wall=clock,
    )
    port_service = PortService(port, clock, clock)
    port_service.start("b1")
    for _ in range(turns):
        await asyncio.sleep(0)
    async with asyncio.timeout(PATIENCE):
        await port_service.stop()
