"""Pytest plugin for CI: where everything is installed, a skipped test is a failure."""

from collections.abc import Generator
from typing import Any

import pytest

type Hook = Generator[None, Any, Any]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Hook:
    """Fail a test that skips itself; an expected failure is no skip."""
    report: pytest.TestReport = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Hook:
    """Fail a module that skips itself."""
    report: pytest.CollectReport = yield
    if report.outcome == "skipped":
        report.outcome = "failed"
        report.longrepr = f"skipped: {report.longrepr}"
    return report
