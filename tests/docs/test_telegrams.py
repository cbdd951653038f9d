"""docs/telegrams.md shows what is sent today."""

from pathlib import Path
import runpy
from typing import Any, Final

import pytest

from custom_components.bms_gateway.engine.presets import Profile

from . import ROOT

SCRIPT: Final[dict[str, Any]] = runpy.run_path(str(ROOT / "scripts/lib/telegrams.py"))
PAGE: Final[Path] = SCRIPT["PAGE"]


def test_page_is_up_to_date() -> None:
    """If not: run scripts/docs."""
    assert PAGE.read_text(encoding="utf-8") == SCRIPT["render"]()


@pytest.mark.parametrize("profile", Profile)
def test_every_profile_has_a_section_and_a_file(profile: Profile) -> None:
    """The DBC files are listed in their README."""
    assert f"\n## `{profile}`\n" in PAGE.read_text(encoding="utf-8")
    files = (ROOT / "docs/dbc/README.md").read_text(encoding="utf-8")
    assert f"[{profile}.dbc]({profile}.dbc)" in files
