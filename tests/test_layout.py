"""Files and functions stay short enough to read at once."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
ROOMS = (
    *("agent", "alerts", "audit", "benchmarks", "capture", "cases", "core", "demo", "deployments", "lfr_site"),
    *("notifications", "recognition", "reports", "scrutiny", "tests", "training", "transparency", "watchlists"),
)
SCRIPTS = sorted((ROOT / "static" / "js").glob("*.js"))
FILES = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py")) if "migrations" not in path.parts]


def _functions(path: Path) -> list[tuple[int, str]]:
    """The length of each function in lines, without its decorators, and its name."""
    tree = ast.parse(path.read_text())
    found = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return [((node.end_lineno or 0) - node.lineno + 1, f"{path.name}: {node.name}") for node in found]


def test_files_are_short() -> None:
    # The verifier is given to others as one file.
    files = [path for path in (*FILES, *SCRIPTS) if path != ROOT / "transparency" / "verifier.py"]
    lengths = {path: len(path.read_text().splitlines()) for path in files}
    long = [str(path) for path, length in lengths.items() if length > (700 if "tests" in path.parts else 400)]
    assert long == []


@pytest.mark.parametrize("room", [room for room in ROOMS if room != "tests"])
def test_functions_are_short(room: str) -> None:
    functions = [each for path in FILES if room in path.relative_to(ROOT).parts[:1] for each in _functions(path)]
    assert [each for each in functions if each[0] > 55] == []


def test_nearly_all_functions_are_very_short() -> None:
    lengths = sorted(length for path in FILES if "tests" not in path.parts for length, _ in _functions(path))
    assert lengths[int(0.95 * len(lengths))] <= 25
