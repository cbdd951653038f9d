"""The manifest: the requirements of Home Assistant, its checker and HACS."""

import json
from pathlib import Path
import re
import tomllib
from typing import Any

import pytest

from custom_components.bms_gateway.const import DOMAIN

ROOT = Path(__file__).parent.parent
INTEGRATION = ROOT / "custom_components" / DOMAIN


@pytest.fixture(name="manifest")
def read_manifest() -> dict[str, Any]:
    """Return the manifest in its own order."""
    text = (INTEGRATION / "manifest.json").read_text(encoding="utf-8")
    manifest: dict[str, Any] = json.loads(text)
    return manifest


def test_domain_and_name_come_first_then_the_alphabet(manifest: dict[str, Any]) -> None:
    """Home Assistant's checker rejects any other order."""
    keys = list(manifest)
    assert keys[:2] == ["domain", "name"]
    assert keys[2:] == sorted(keys[2:])


def test_manifest_describes_the_integration(manifest: dict[str, Any]) -> None:
    """The folder is the domain; a gateway pushes and has several devices."""
    assert manifest["domain"] == DOMAIN == INTEGRATION.name
    assert manifest["integration_type"] == "hub"
    assert manifest["iot_class"] == "local_push"
    assert manifest["config_flow"] is True
    assert (INTEGRATION / "config_flow.py").is_file()
    assert all(owner.startswith("@") for owner in manifest["codeowners"])
    assert manifest["codeowners"]


def test_version_is_accepted_by_home_assistant(manifest: dict[str, Any]) -> None:
    """A custom integration without a semantic version is rejected."""
    assert re.fullmatch(r"\d+\.\d+\.\d+", manifest["version"])


def test_links_lead_to_the_project(manifest: dict[str, Any]) -> None:
    """HACS requires the issue tracker; the documentation must not be core's."""
    home = "https://github.com/bms-gateway/home-assistant-bms-gateway"
    assert manifest["documentation"] == home
    assert manifest["issue_tracker"] == f"{home}/issues"


def test_mqtt_and_quality_scale_are_left_out(manifest: dict[str, Any]) -> None:
    """A failed MQTT setup must not fail ours; custom code has no official score."""
    dependencies = manifest.get("dependencies", [])
    assert "mqtt" not in dependencies + manifest.get("after_dependencies", [])
    assert "quality_scale" not in manifest


def test_requirements_are_pinned_to_the_tested_versions(
    manifest: dict[str, Any],
) -> None:
    """Home Assistant installs what the tests ran with."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    tested = project["dependency-groups"]["home-assistant"]
    assert "python-can==4.6.1" in manifest["requirements"]
    assert set(manifest["requirements"]) <= set(tested)
