"""The examples are run, and the pages show just what was run."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from guard import Guard
from guard.deployment.local import Local
from tests.docs.examples import ELSEWHERE, EXAMPLES, example
from tests.paths import ROOT
from tests.samples import png

USE = ROOT / "docs" / "use"
PAGES = sorted([*(USE / "apis").glob("*.md"), *(USE / "integrations").glob("*.md"), USE / "sdk.md"])

ADVISED = "advise"


@pytest.fixture
def demo(start_proxy: Callable[..., str], guard: Guard, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """The proxy before the demo model, and that model where a client looks for its provider."""
    bare = start_proxy(guard, policy="off")
    monkeypatch.setenv("OPENAI_BASE_URL", f"{bare}/v1")
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(name, "sk-test")
    monkeypatch.setattr("guard.deployment.local._of_settings", lambda file: Local(guard))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photo.jpg").write_bytes(png())
    return start_proxy(guard)


@pytest.mark.parametrize("name", sorted({path.name for path in EXAMPLES.glob("*.py")} - ELSEWHERE))
def test_an_example_runs(demo: str, capsys: pytest.CaptureFixture[str], name: str) -> None:
    exec(compile(example(name, demo), name, "exec"), {"__name__": "__main__"})
    said = capsys.readouterr().out
    assert said.strip()
    if name not in {"responses.py"}:
        assert ADVISED in said
    if name in {"chat.py", "responses.py"}:
        assert "A word before you decide" in said


def test_the_quick_start_prints_what_it_says(
    guard: Guard, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("guard.Guard", lambda: guard)
    prints_what_it_says("start/quick-start.md", "from guard import Guard", capsys)


def test_the_page_on_tests_prints_what_it_says(
    guard: Guard, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("guard.pipeline.Guard.from_settings", lambda *_, **__: guard)
    prints_what_it_says("use/testing.md", "from openai import OpenAI", capsys)


def prints_what_it_says(page: str, begins: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    code = next(block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if block.startswith(begins))
    exec(compile(code, page, "exec"), {})
    assert f"prints `{capsys.readouterr().out.strip()}`" in text


def test_the_pages_show_the_examples() -> None:
    known = {path.read_text(encoding="utf-8") for path in EXAMPLES.rglob("*.py")}
    shown = {
        block for page in PAGES for block in re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    }
    assert shown <= known, "a page shows code that is not run"
    assert {(EXAMPLES / name).read_text("utf-8") for name in ELSEWHERE} <= shown


def test_the_pages_show_the_settings() -> None:
    known = {path.read_text(encoding="utf-8") for path in EXAMPLES.rglob("*.yaml")}
    for page in [*PAGES, ROOT / "docs" / "operate" / "upstreams.md"]:
        for block in re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
            assert block in known, page.name


def test_every_example_can_be_read() -> None:
    for path in EXAMPLES.rglob("*.py"):
        ast.parse(path.read_text(encoding="utf-8"))
    for path in EXAMPLES.rglob("*.yaml"):
        assert yaml.safe_load(path.read_text(encoding="utf-8"))
