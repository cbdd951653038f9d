"""How scripts/test handles a failing test: real runs, in a folder of their own."""

import os
from pathlib import Path
import re
import shlex
import shutil
from subprocess import PIPE, STDOUT, run
import sys
from typing import Final

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ROOT: Final = Path(__file__).parents[1]

STUBS: Final = {
    "scripts/setup": "exit 0",
    "scripts/lib/install-packages": "exit 0",
    "scripts/can-kernel": 'if [[ $1 != --check ]]; then echo "In a kernel"; "$@"; fi',
    "bin/chromium": "exit 0",
    "bin/mosquitto": "exit 0",
    ".venv/bin/python": f'exec {shlex.quote(sys.executable)} "$@"',
}
"""Modules that are not needed here, or replace a kernel with CAN."""

QUICKLY: Final = {
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    "PYTEST_PLUGINS": "pytest_asyncio.plugin,pytest_cov.plugin,pytest_timeout,xdist.plugin",
    "PYTEST_XDIST_AUTO_NUM_WORKERS": "1",
}
"""Without the slowest parts: Home Assistant's test helpers, a second worker."""

TESTS: Final = '''
from pathlib import Path

import pytest

from custom_components.bms_gateway.flows import some


def is_second(name):
    """Return whether something is done for the second time."""
    path = Path(__file__).with_name(f"{name}-tried")
    if path.exists():
        return True
    path.touch()
    return False


@pytest.fixture
def fails_once():
    yield
    assert is_second("fixture")


def test_good():
    pass


'''
COVERED: Final = """
def thing():
    return "some"
"""

USES_COVERED: Final = """
def test_thing():
    assert some.thing() == "some"
"""
FLAKY_IN_KERNEL: Final = """
@pytest.mark.socketcan
@pytest.mark.parametrize("word", ["a b"])
def test_kernel(word):
    assert is_second("kernel")
    assert some.thing() == "some"
"""
FLAKY_IN_BROWSER: Final = """
@pytest.mark.browser
@pytest.mark.xdist_group("browser")
def test_browser(fails_once):
    pass
"""
ALWAYS_BAD: Final = """
@pytest.mark.browser
def test_bad():
    raise AssertionError
"""
FLAKY_ELSEWHERE: Final = """
def test_other():
    assert is_second("other")
"""
MANY: Final = """
@pytest.mark.browser
@pytest.mark.parametrize("number", range(6))
def test_many(number):
    assert is_second(number)
"""


class Checkout:
    """A folder with scripts/test and with tests."""

    def __init__(self, folder: Path) -> None:
        """Put the test runner there, and stubs for the rest."""
        self._folder = folder
        (folder / "tests").mkdir()
        self.add("", in_package="")
        self.add("", in_package="bms_gateway")
        self.add("", in_package="bms_gateway/flows")
        self.add(COVERED, "some", in_package="bms_gateway/flows")
        for name in ("scripts/test", "pyproject.toml", "tests/machine.py"):
            self._path(name).write_bytes((ROOT / name).read_bytes())
        (folder / "scripts/test").chmod(0o755)
        for name, line in STUBS.items():
            self._path(name).write_text(f"#!/usr/bin/env bash\n{line}\n")
            (folder / name).chmod(0o755)
        (folder / "tests/__init__.py").touch()

    def _path(self, name: str) -> Path:
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def add(self, code: str, module: str = "__init__", *, in_package: str) -> None:
        """Add a module to the code that the tests have to reach."""
        name = f"custom_components/{in_package}/{module}.py"
        self._path(name).write_text(code)

    def test(self, tests: str, *arguments: str, ci: str = "true") -> tuple[int, str]:
        """Run scripts/test; return its status and output."""
        (self._folder / "tests/test_some.py").write_text(TESTS + tests)
        bash = shutil.which("bash")
        assert bash
        path = f"{self._folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        done = run(
            (bash, "scripts/test", *arguments),
            cwd=self._folder,
            env={"PATH": path, "CI": ci, "HOME": str(self._folder), **QUICKLY},
            stdout=PIPE,
            stderr=STDOUT,
            check=False,
            text=True,
        )
        return done.returncode, done.stdout


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """Return a folder of its own."""
    return Checkout(tmp_path)


def flaky(output: str) -> list[str]:
    """Return the tests named at the end."""
    lines = output.splitlines()
    named = [line for line in lines if line.startswith("FLAKY ")]
    assert lines[len(lines) - len(named) :] == named
    return [line.removeprefix("FLAKY tests/test_some.py::") for line in named]


def test_second_success_is_named_and_fails_nothing(
    checkout: Checkout,
) -> None:
    """Of both tiers, in a kernel where that is needed; also where a fixture failed."""
    status, output = checkout.test(FLAKY_IN_KERNEL + FLAKY_IN_BROWSER, "--system")
    assert status == 0, output
    assert flaky(output) == ["test_browser", "test_kernel[a b]"]
    assert output.count("In a kernel") == 2
    # Also of what only the second attempt reached
    assert re.search(r"^TOTAL .* 100.00%$", output, re.MULTILINE), output


def test_second_failure_fails_the_run(checkout: Checkout) -> None:
    """The other one is named all the same."""
    status, output = checkout.test(FLAKY_IN_KERNEL + ALWAYS_BAD, "--system")
    assert status == 1, output
    assert flaky(output) == ["test_kernel[a b]"]


@pytest.mark.parametrize(
    "tests", [FLAKY_ELSEWHERE + FLAKY_IN_BROWSER, MANY], ids=["other tier", "many"]
)
def test_other_tests_are_not_repeated(checkout: Checkout, tests: str) -> None:
    """A test of another tier, or more than a handful."""
    status, output = checkout.test(tests, "--system")
    assert status == 1, output
    assert flaky(output) == []
    assert "Once more" not in output


def test_nothing_is_repeated_outside_ci(checkout: Checkout) -> None:
    """There a person sees it."""
    status, output = checkout.test(FLAKY_IN_BROWSER, "--system", ci="")
    assert status == 1, output
    assert "Once more" not in output


def test_uncollectable_module_fails_the_run(checkout: Checkout) -> None:
    """It has no tests that could be repeated."""
    status, output = checkout.test("import nothing_of_that_name", "--system")
    assert status == 2, output
    assert "Once more" not in output


@pytest.mark.parametrize(
    ("package", "lines", "of_what"),
    [("bms_gateway", 69, "the lines"), ("bms_gateway/flows", 200, "the flows")],
)
def test_too_low_coverage_fails_a_whole_run(
    checkout: Checkout, package: str, lines: int, of_what: str
) -> None:
    """98.6 % of all is less than 99, and all but one line of the flows is not all."""
    checkout.add("thing = 1\n" * lines, in_package="bms_gateway")
    checkout.add("thing = 1\n", "unreached", in_package=package)
    status, output = checkout.test(USES_COVERED, "--system")
    assert status == 1, output
    (short,) = re.findall(r"^Coverage: less than .* of (\w+ \w+)", output, re.MULTILINE)
    assert short == of_what
    # A selection of tests need not reach everything
    status, output = checkout.test(USES_COVERED, "--system", "tests")
    assert status == 0, output


def test_quick_lists_what_it_leaves_out(checkout: Checkout) -> None:
    """Tests that take long, too."""
    slow = "@pytest.mark.slow\ndef test_slow():\n    raise AssertionError\n"
    status, output = checkout.test(FLAKY_IN_KERNEL + ALWAYS_BAD + slow, "--quick")
    assert status == 0, output
    assert "1 passed" in output
    for left_out in ("slow", "browser", "SocketCAN"):
        assert f"Left out: the {left_out} tests" in output
