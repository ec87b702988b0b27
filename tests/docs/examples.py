"""The examples, and how one is read."""

from __future__ import annotations

from tests.paths import ROOT

EXAMPLES = ROOT / "examples"

ELSEWHERE = {"langchain_agent.py", "openai_agents_run.py"}  # run where their frameworks are: tests/integrations


def example(name: str, proxy: str) -> str:
    return (EXAMPLES / name).read_text(encoding="utf-8").replace("http://127.0.0.1:8017", proxy)
