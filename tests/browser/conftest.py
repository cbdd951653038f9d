"""A demo for all tests of the browser, and a visitor for each."""

from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import pytest

from .visitor import Demo, Visitor, running_demo, visitor as new_visitor


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Generator[Demo]:
    """Return a demo that has just been started for the first time."""
    with running_demo(tmp_path_factory.mktemp("demo")) as demo:
        yield demo


@pytest.fixture
async def visitor(demo: Demo, tmp_path: Path) -> AsyncGenerator[Visitor]:
    """Return a logged-in visitor, and check that nothing is logged as an error."""
    async with new_visitor(demo.address) as someone:
        yield someone
        await someone.page.screenshot(path=tmp_path / "at-the-end.png")
    assert someone.errors == []
    assert demo.complaints() == []
