"""The check of answers trained in seconds, and what it writes used."""

from __future__ import annotations

from pathlib import Path

import pytest

from guard import Guard

torch = pytest.importorskip("torch", reason="torch is not installed (extra train)")


def test_a_quick_run_writes_a_check_that_works_and_its_card(
    guard: Guard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from benchmarks.answers import run as bench
    from guard.answers.scorer import AnswerScorer
    from training.answers import run

    parts = run.by_part(guard.library)
    few = {part: norms[:8] for part, norms in parts.items()}
    monkeypatch.setattr(run, "Library", lambda packs, vocabulary: guard.library)
    monkeypatch.setattr(run, "by_part", lambda library: few)
    monkeypatch.setattr(bench, "by_part", lambda library: few)
    monkeypatch.setattr(bench, "_RESAMPLES", 20)
    figures = run.main(out=tmp_path / "answers-9", quick=True)
    assert figures["parity"] < 1e-5
    assert 0 < figures["clear"] < figures["breach"] <= 0.95
    assert {"made", "handwritten"} == set(figures["sets"])
    assert "AUC" in (tmp_path / "answers-9" / "README.md").read_text(encoding="utf-8")
    scorer = AnswerScorer(guard.library, tmp_path / "answers-9")
    (found,) = scorer("", "A wall clock is a lovely present.", [guard.library.norms["cn.gift.clocks"]])
    assert 0 <= found <= 1
