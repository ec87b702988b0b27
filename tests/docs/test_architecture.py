"""The picture in docs/architecture.md is held against what the code imports."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache

from tests.paths import ROOT

PAGE = ROOT / "docs" / "architecture.md"
FACE = "__init__"
"""The package's own `__init__.py`: its names for users. Its version may be read everywhere."""


@cache
def modules() -> dict[str, str]:
    """Every module of the package, and its file."""
    found = {}
    for path in sorted((ROOT / "guard").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = str(path.relative_to(ROOT))
    return found


@cache
def imports() -> dict[str, dict[str, int]]:
    """What each module imports of the package, wherever it stands in it, and in which line."""
    return {module: dict(_imports(module, file)) for module, file in modules().items()}


def _imports(module: str, file: str) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse((ROOT / file).read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [
                full if (full := f"{node.module}.{alias.name}") in modules() else node.module
                for alias in node.names
                if (node.module, alias.name) != ("guard", "__version__")
            ]
        yield from ((name, node.lineno) for name in names if name in modules() and name != module)


def room(module: str) -> str:
    """The folder or file at the top of the package that a module lies in."""
    return module.split(".")[1] if "." in module else FACE


def block(heading: str) -> list[str]:
    """The lines of the picture below a heading of the page."""
    found = re.search(
        rf"^## {heading}\n.*?^```text\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    assert found, heading
    return [line for line in found[1].splitlines() if line.strip()]


def names(text: str) -> list[str]:
    return [name.removesuffix("/").removesuffix(".py") for name in re.findall(r"[\w.]+/?", text)]


@cache
def floors() -> dict[str, int]:
    """The way's rooms and the floor of each, counted from the top."""
    return {name: i for i, line in enumerate(block("The tree")) for name in names(re.split(r"\s{2,}", line)[0])}


@cache
def beside() -> dict[str, set[str]]:
    """The rooms beside the way, and what each may import."""
    found = {}
    for line in block("Beside the way"):
        (name,), *_, told = (names(cell) if i != 1 else [] for i, cell in enumerate(re.split(r"\s{2,}", line.strip())))
        found[name] = set(told)
    return found


@cache
def excepted() -> set[tuple[str, str]]:
    rows = re.findall(
        r"^\| `([\w/]+\.py)` \| `([\w/]+\.py)` \| \S.* \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    return set(rows)


def reaches_beyond(module: str, other: str) -> bool:
    """Whether an import is none that the picture allows."""
    here, there = room(module), room(other)
    if here == there:
        return False
    if here in beside():
        return there not in beside()[here]
    if there in beside():
        return floors()[here] > floors()["flow"] and (here, there) != ("settings", "upstreams")
    return floors()[here] >= floors()[there]


def test_every_room_is_in_the_picture() -> None:
    here = {room(module) for module in modules()}
    assert {*floors(), *beside()} == here


def test_imports_go_down() -> None:
    up = {
        (modules()[module], modules()[other]): line
        for module, others in imports().items()
        for other, line in others.items()
        if reaches_beyond(module, other)
    }
    told = [f"{a}:{line} imports {b}" for (a, b), line in up.items() if (a, b) not in excepted()]
    assert not told, "\n".join(told)
    known = {(modules()[module], modules()[other]) for module, others in imports().items() for other in others}
    assert excepted() <= known, "an exception that nobody needs any more"


def test_no_files_import_each_other_in_a_circle() -> None:
    graph = {
        module: {other for other in others if (modules()[module], modules()[other]) not in excepted()}
        for module, others in imports().items()
    }
    assert not circle(graph)


def test_no_folders_import_each_other_in_a_circle() -> None:
    graph: dict[str, set[str]] = {room(module): set() for module in modules()}
    for module, others in imports().items():
        graph[room(module)] |= {
            room(other)
            for other in others
            if room(other) != room(module) and (modules()[module], modules()[other]) not in excepted()
        }
    assert not circle(graph)


def circle(graph: Mapping[str, set[str]]) -> list[str]:
    """Some circle of `graph`; empty where there is none."""
    done: set[str] = set()

    def walk(node: str, path: list[str]) -> list[str]:
        if node in path:
            return [*path[path.index(node) :], node]
        if node in done:
            return []
        for other in sorted(graph[node]):
            if found := walk(other, [*path, node]):
                return found
        done.add(node)
        return []

    return next((found for node in sorted(graph) if (found := walk(node, []))), [])
