"""What imports what among benchmarks and training."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[2]


def imports() -> dict[str, set[str]]:
    """Module to the modules of the two folders that it imports, wherever in it."""
    paths = {path for folder in ("benchmarks", "training") for path in (ROOT / folder).rglob("*.py")}
    names = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}
    found: dict[str, set[str]] = {}
    for name, path in names.items():
        told: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                told |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                told |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        found[name] = told & set(names)
    return found


def test_no_benchmark_needs_training() -> None:
    assert not {
        (name, other)
        for name, others in imports().items()
        for other in others
        if name.startswith("benchmarks") and other.startswith("training")
    }


def test_nothing_goes_in_circles() -> None:
    TopologicalSorter({name: others - {name} for name, others in imports().items()}).prepare()
