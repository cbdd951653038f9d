"""Layers of the code: which module may import which. Arrows point down, never up."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[1] / "custom_components/bms_gateway"

ENGINE: Final = (
    (
        "model presets config setpoints temporary_limits scheduling"
        " rounding ramp tolerances"
    ),
    "protocol",
    "can",
    "battery",
    "aggregate",
    "limits",
    "inverter",
    "topology",
    "bank",
    "detection devices allocation_requests target_calculation evaluator snapshots",
    "gateway",
    "simulator",
)
"""The packages of `engine/`, from the bottom up. Those of one row may import each
other."""

INTEGRATION: Final = (
    "engine",
    "const errors verified_store",
    "config_entry device_registry event_detector simulation throttle",
    "can_log current_sensors energy issues setpoints",
    "monitor",
    "coordinator",
    "runtime",
    (
        "setpoints.entity setpoints.temporary_limits can_log.services issues.fixes"
        " descriptions diagnostics entity entity_tables services system_health"
        " binary_sensor energy.sensors event number sensor switch"
    ),
    "mqtt",
    "flows config_flow repairs",
    "__init__",
)
"""The packages of the integration, from the bottom up. A module named with its package
is above the package: it is the part that acts on a running gateway."""

FREE_OF_HOME_ASSISTANT: Final = ("engine", "event_detector", "throttle")
"""Code that runs and is tested without Home Assistant."""


def modules() -> dict[str, Path]:
    """Return every module of the integration by its dotted name."""
    found = {}
    for path in ROOT.rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        if parts[-1] == "__init__" and len(parts) > 1:
            parts = parts[:-1]
        found[".".join(parts)] = path
    return found


MODULES: Final = modules()


def imported(name: str) -> Iterator[str]:
    """Yield the modules of the integration that a module imports, anywhere in it."""
    path = MODULES[name]
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ImportFrom) or not node.level:
            continue
        base = package[: len(package) - node.level + 1]
        base += tuple(node.module.split(".")) if node.module else ()
        for alias in node.names:
            inner = ".".join((*base, alias.name))
            yield inner if inner in MODULES else ".".join(base) or "__init__"


def layer(name: str, rows: tuple[str, ...]) -> int:
    """Return the row of a module; the longest matching name counts."""
    fitting = {
        len(room): number
        for number, row in enumerate(rows)
        for room in row.split()
        if name == room or name.startswith(f"{room}.")
    }
    assert fitting, f"{name} is in no layer: add it to the rows above"
    return fitting[max(fitting)]


@pytest.mark.parametrize("name", sorted(MODULES))
def test_no_module_imports_from_above(name: str) -> None:
    """In the integration, and in the engine among its own packages."""
    for other in imported(name):
        assert layer(other, INTEGRATION) <= layer(name, INTEGRATION), other
        if (room := name.removeprefix("engine.")) != name and other != "engine":
            other_room = other.removeprefix("engine.")
            assert layer(other_room, ENGINE) <= layer(room, ENGINE), other


@pytest.mark.parametrize(
    "name", sorted(n for n in MODULES if n.split(".")[0] in FREE_OF_HOME_ASSISTANT)
)
def test_home_assistant_is_not_imported(name: str) -> None:
    """The engine runs, and is tested, without it."""
    for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import | ast.ImportFrom):
            assert "homeassistant" not in ast.unparse(node)


def test_upward_import_is_detected() -> None:
    """Or the test could not fail."""
    assert layer("battery.telemetry", ENGINE) < layer("limits.pipeline", ENGINE)
    assert layer("setpoints.store", INTEGRATION) < layer("runtime", INTEGRATION)
    assert layer("setpoints.entity", INTEGRATION) > layer("runtime", INTEGRATION)
    assert "engine.limits.context" in {*imported("engine.limits.pipeline")}
    assert "runtime" in {*imported("sensor")}


def test_every_package_is_small() -> None:
    """One of more than 16 modules is grouped; Home Assistant's names excepted."""
    for folder in {path.parent for path in MODULES.values()} - {ROOT}:
        assert len([*folder.glob("*.py")]) <= 16, folder
