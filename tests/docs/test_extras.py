"""Extras are told in words that can be followed as they stand."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from guard.errors import missing

ROOT = Path(__file__).parents[2]
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]


def written(*patterns: str) -> dict[str, str]:
    paths = sorted(path for pattern in patterns for path in ROOT.glob(pattern))
    return {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in paths if ".venv" not in str(path)}


def test_what_is_installed_says_it_in_one_wording() -> None:
    sources = written("guard/**/*.py", "benchmarks/**/*.py", "training/**/*.py")
    assert [name for name, text in sources.items() if "pip install" in text] == ["guard/errors.py"]
    named = {extra for text in sources.values() for extra in re.findall(r'missing\([^)]*?["\']([\w-]+)["\']\)', text)}
    assert {"bench", "database", "demo", "litellm", "ocr", "redis", "telemetry", "train", "vision"} <= named
    assert named <= set(EXTRAS)
    assert missing("This", "redis") == "This needs the extra [redis]: pip install 'normguard[redis]'"


def test_what_is_read_before_says_it_for_a_checkout() -> None:
    pages = written("*.md", "docs/**/*.md", "examples/**/*.*", "deploy/**/*.md")
    assert not [name for name, text in pages.items() if re.search(r"pip install[^\n]*normguard\[", text)]
    told = {
        e
        for text in pages.values()
        for some in re.findall(r"pip install '\.\[([\w,-]+)\]'", text)
        for e in some.split(",")
    }
    assert told
    assert told <= set(EXTRAS)
