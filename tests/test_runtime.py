"""The runtime data of an entry: built in one place, and not changed afterwards."""

from dataclasses import FrozenInstanceError, fields

import pytest

from .bench import Bench


async def test_runtime_data_holds_one_of_each_collaborator(bench: Bench) -> None:
    """They share one gateway; only simulated hardware has a simulation."""
    await bench.battery("b1").inverter("i1").start()
    runtime = bench.runtime
    assert bench.entry.runtime_data is runtime
    assert runtime.coordinator.gateway is runtime.gateway
    assert runtime.config is runtime.coordinator.config
    missing = {e.name for e in fields(runtime) if getattr(runtime, e.name) is None}
    assert missing == {"simulation"}


async def test_runtime_data_cannot_be_changed(bench: Bench) -> None:
    """A changed configuration reaches the same objects."""
    await bench.battery("b1").start()
    with pytest.raises(FrozenInstanceError):
        bench.runtime.gateway = None  # type: ignore[misc,assignment]
