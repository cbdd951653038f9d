"""Writes the tables of rules in docs/limits.md from the code: rule, file, lines."""

import ast
from collections import defaultdict
from collections.abc import Callable, Iterator
import inspect
from pathlib import Path
import re
from typing import Final, NamedTuple

from custom_components.bms_gateway.engine.inverter.rules import INVERTER_RULES
from custom_components.bms_gateway.engine.limits.pipeline import BANK_RULES
from custom_components.bms_gateway.engine.model import Rule

ROOT: Final = Path(__file__).parents[2]
CODE: Final = ROOT / "custom_components/bms_gateway"
PAGE: Final = ROOT / "docs/limits.md"
MARKS: Final = re.compile(r"(<!-- rule-map -->).*?(<!-- /rule-map -->)", re.DOTALL)
_MEMBER: Final = re.compile(r"`Rule\.(\w+)`")


class Place(NamedTuple):
    """Where a function stands."""

    path: Path
    name: str
    first: int
    last: int

    @property
    def link(self) -> str:
        """Return a link to its lines, in Markdown."""
        short = self.path.relative_to(CODE)
        target = f"../{self.path.relative_to(ROOT)}#L{self.first}-L{self.last}"
        return f"[`{short}`]({target}) {self.first}–{self.last}"


def place(function: Callable[..., object]) -> Place:
    """Return where a function stands."""
    path = Path(inspect.getsourcefile(function) or "")
    lines, first = inspect.getsourcelines(function)
    return Place(path, function.__qualname__, first, first + len(lines) - 1)


def producers() -> dict[str, list[Place]]:
    """Return the functions that make a limit with each member of `Rule`."""
    found: dict[str, list[Place]] = defaultdict(list)
    for path in sorted((CODE / "engine").rglob("*.py")):
        for name, node in _functions(ast.parse(path.read_text(encoding="utf-8"))):
            at = Place(path, name, node.lineno, node.end_lineno or node.lineno)
            for member in {*_given(node)}:
                found[member].append(at)
    return found


def _functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            for each in node.body:
                if isinstance(each, ast.FunctionDef):
                    yield f"{node.name}.{each.name}", each


def _given(function: ast.FunctionDef) -> Iterator[str]:
    """Yield the members of `Rule` that are given to a call."""
    for call in ast.walk(function):
        if not isinstance(call, ast.Call):
            continue
        for value in (*call.args, *(each.value for each in call.keywords)):
            if isinstance(value, ast.Attribute) and ast.unparse(value.value) == "Rule":
                yield value.attr


def members(function: Callable[..., object]) -> list[str]:
    """Return the members of `Rule` that a rule's docstring names."""
    return _MEMBER.findall(inspect.getdoc(function) or "")


def render() -> str:
    """Return both tables."""
    rows = [
        "| | Rule | What it does | File and lines | `Rule` |",
        "|---|---|---|---|---|",
    ]
    for title, rules in (("bank", BANK_RULES), ("inverter", INVERTER_RULES)):
        for number, rule in enumerate(rules, 1):
            about = (inspect.getdoc(rule) or "").partition("\n")[0]
            about = re.sub(r": `Rule.*|\.$", "", about)
            names = ", ".join(f"`{each}`" for each in members(rule))
            rows.append(
                f"| {title} {number} | `{rule.__name__}` | {about} "
                f"| {place(rule).link} | {names} |"
            )
    rows += ["", "| `Rule` | State | Made by | File and lines |", "|---|---|---|---|"]
    made = producers()
    rows += [
        f"| `{rule.name}` | `{rule}` | `{at.name}` | {at.link} |"
        for rule in Rule
        for at in made[rule.name]
    ]
    return "\n".join(rows)


def renewed(text: str) -> str:
    """Return the page with its tables renewed."""
    return MARKS.sub(lambda found: f"{found[1]}\n\n{render()}\n\n{found[2]}", text)


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
