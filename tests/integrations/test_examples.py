"""The examples of the frameworks, run as they stand against the demo model."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from guard import Guard
from guard.deployment.local import Local
from tests.docs.examples import ELSEWHERE, example

for needed in ("langchain_openai", "agents"):
    pytest.importorskip(needed, reason=f"{needed} is not in this environment; see scripts/test-integrations")


@pytest.mark.parametrize("name", sorted(ELSEWHERE))
def test_an_example_runs(
    start_proxy: Callable[..., str],
    guard: Guard,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", f"{start_proxy(guard, policy='off')}/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    monkeypatch.setattr("guard.deployment.local._of_settings", lambda file: Local(guard))
    exec(compile(example(name, ""), name, "exec"), {"__name__": "__main__"})
    assert "A word before you decide" in capsys.readouterr().out
