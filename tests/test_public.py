"""What may be imported from the package."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
import typing
from pathlib import Path

import guard
from guard import errors


def test_every_public_name_is_listed_and_can_be_had() -> None:
    stub = ast.parse(Path(guard.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    imported = {alias.name for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    (listed,) = (ast.literal_eval(node.value) for node in stub.body if isinstance(node, ast.Assign))
    assert imported == set(listed) == set(guard.__all__)
    for name in guard.__all__:
        assert getattr(guard, name) is not None
    assert set(guard.__all__) <= set(dir(guard))


def test_what_a_guard_takes_and_raises_is_public() -> None:
    hints = typing.get_type_hints(guard.Guard.__init__)
    taken = {kind for hint in hints.values() for kind in (*typing.get_args(hint), hint) if inspect.isclass(kind)}
    ours = {kind.__name__ for kind in taken if kind.__module__.startswith("guard.")}
    assert ours <= set(guard.__all__)
    assert {name for name in vars(errors) if name.endswith(("Error", "Fault"))} <= set(guard.__all__)
    told = (guard.Guard.__doc__ or "") + "".join(
        inspect.getdoc(method) or "" for _, method in inspect.getmembers(guard.Guard, inspect.isfunction)
    )
    assert set(re.findall(r"\b[A-Z]\w+Error\b", told)) <= set(guard.__all__)


def test_importing_the_package_loads_nothing_yet() -> None:
    code = "import sys, guard; print([name for name in sys.modules if name.startswith('guard.')])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
