"""Pytest plugin of scripts/test: run the tests that this machine can run."""

from collections.abc import Generator
from typing import Any

import pytest

type Hook = Generator[None, Any, Any]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the choices that scripts/test makes."""
    group = parser.getgroup("machine")
    group.addoption("--only", metavar="MARK", help="leave out tests without the mark")
    group.addoption("--without", metavar="MARK", action="append", default=[])
    group.addoption("--no-skips", action="store_true", help="fail what skips itself")


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Deselect by mark; unlike -m, this can be asked for several times."""
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


def _fail_skipped(
    report: pytest.TestReport | pytest.CollectReport, config: pytest.Config
) -> None:
    if report.skipped and config.getoption("--no-skips"):
        report.outcome = "failed"
        report.longrepr = f"skipped: {report.longrepr}"
