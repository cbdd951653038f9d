"""Pytest plugin of scripts/test: runs the tests that this machine can run."""

from collections.abc import Generator
from pathlib import Path
import re
from typing import Any, Final

import pytest

type Hook = Generator[None, Any, Any]

OF_THE_MACHINE: Final = ("socketcan", "browser")
"""Marks of tests that a busy machine may fail: CI tries those once more."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that scripts/test uses."""
    group = parser.getgroup("machine")
    group.addoption("--only", metavar="MARK", help="leave out tests without the mark")
    group.addoption("--without", metavar="MARK", action="append", default=[])
    group.addoption("--no-skips", action="store_true", help="fail what skips itself")
    group.addoption("--failures", metavar="FILE", help="write down what failed")


def pytest_configure(config: pytest.Config) -> None:
    """Collect failures, in the one process that receives all reports."""
    if (path := config.getoption("--failures")) and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Failures(Path(path)))


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Deselect by mark; unlike -m, this can be given several times."""
    only, without = config.getoption("--only"), config.getoption("--without")
    chosen: list[pytest.Item] = []
    rest: list[pytest.Item] = []
    for item in items:
        marks = {mark.name for mark in item.iter_markers()}
        wanted = (not only or only in marks) and marks.isdisjoint(without)
        (chosen if wanted else rest).append(item)
    if rest:
        config.hook.pytest_deselected(items=rest)
        items[:] = chosen


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Hook:
    """Fail a test that skips itself; an expected failure is no skip."""
    report = yield
    if not hasattr(report, "wasxfail"):
        _fail_skipped(report, item.config)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Hook:
    """Fail a module that skips itself."""
    report = yield
    _fail_skipped(report, collector.config)
    return report


class Failures:
    """The failures, one test a line: its tier, `-` for any other, and its id."""

    def __init__(self, path: Path) -> None:
        """Start with an empty file."""
        self._path = path
        self._failed: dict[str, str] = {}
        path.write_text("")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Record a test of which any part failed."""
        if report.failed:
            tiers = (mark for mark in OF_THE_MACHINE if mark in report.keywords)
            self._failed[_without_group(report)] = next(tiers, "-")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Record a module that could not be collected."""
        if report.failed:
            self._failed[report.nodeid] = "-"

    def pytest_sessionfinish(self) -> None:
        """Write it."""
        lines = (f"{tier} {test}\n" for test, tier in self._failed.items())
        self._path.write_text("".join(lines), encoding="utf-8")


def _without_group(report: pytest.TestReport) -> str:
    """Return a test's id without the group that pytest-xdist appends."""
    grouped = "xdist_group" in report.keywords
    return re.sub(r"@[^]@]*$", "", report.nodeid) if grouped else report.nodeid


def _fail_skipped(
    report: pytest.TestReport | pytest.CollectReport, config: pytest.Config
) -> None:
    if report.skipped and config.getoption("--no-skips"):
        report.outcome = "failed"
        report.longrepr = f"skipped: {report.longrepr}"
