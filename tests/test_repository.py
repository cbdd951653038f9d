"""Expectations of Home Assistant, HACS and readers of the repository."""

import json
from pathlib import Path

from PIL import Image
import pytest

from homeassistant.util.yaml import parse_yaml

ROOT = Path(__file__).parents[1]
BRAND = ROOT / "custom_components/bms_gateway/brand"


@pytest.mark.parametrize("prefix", ["", "dark_"])
@pytest.mark.parametrize(("suffix", "height"), [("", 256), ("@2x", 512)])
def test_icon_is_square_and_trimmed(prefix: str, suffix: str, height: int) -> None:
    """Home Assistant shows it beside those of its own integrations."""
    with Image.open(BRAND / f"{prefix}icon{suffix}.png") as icon:
        assert icon.size == (height, height)
        assert icon.getbbox() == (0, 0, height, height)
        assert icon.mode == "RGBA"


@pytest.mark.parametrize("prefix", ["", "dark_"])
def test_logo_is_sharp_on_dense_screens(prefix: str) -> None:
    """The double resolution has twice the height."""
    with (
        Image.open(BRAND / f"{prefix}logo.png") as logo,
        Image.open(BRAND / f"{prefix}logo@2x.png") as double,
    ):
        assert 128 <= logo.height <= 256
        assert double.height == 2 * logo.height


def test_hacs_gets_what_the_release_attaches() -> None:
    """HACS downloads the file of this name."""
    hacs = json.loads((ROOT / "hacs.json").read_text())
    release = (ROOT / ".github/workflows/release.yml").read_text()
    assert hacs["zip_release"]
    assert hacs["filename"] in release


def test_scripts_have_a_description() -> None:
    """The first comment line of each script."""
    for script in (*(ROOT / "scripts").glob("*"), *(ROOT / ".ci").glob("*")):
        if script.is_file() and script.suffix != ".md":
            _shebang, first, *_ = script.read_text().splitlines()
            assert first.startswith(("# ", '"""')), script.name


def test_every_rule_of_the_quality_scale_is_met() -> None:
    """Or is exempt, with a reason."""
    path = ROOT / "custom_components/bms_gateway/quality_scale.yaml"
    rules = parse_yaml(path.read_text(encoding="utf-8"))
    assert isinstance(rules, dict)
    assert len(rules["rules"]) == 54
    for rule, answer in rules["rules"].items():
        if isinstance(answer, str):
            assert answer == "done", rule
        else:
            assert answer["status"] in {"done", "exempt"}, rule
            assert answer["comment"], rule
