"""The check of answers trained in seconds, and what it writes used."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from guard import Exchange, Guard
from guard.answers.features import FEATURES
from guard.answers.scorer import AnswerScorer
from guard.cli.train import train
from tests.policies import AsPolicies, same

torch = pytest.importorskip("torch", reason="torch is not installed (extra train)")

from training.answers import run  # noqa: E402
from training.answers.model import AnswerNet  # noqa: E402


def test_a_quick_run_writes_a_check_that_a_guard_uses_and_its_card(
    guard: Guard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = {part: norms[:8] for part, norms in run.by_part(guard.library).items()}
    monkeypatch.setattr(run, "Library", lambda packs, vocabulary: guard.library)
    monkeypatch.setattr(run, "by_part", lambda library: few)
    monkeypatch.setattr(run.bench, "by_part", lambda library: few)
    monkeypatch.setattr(run.bench, "_RESAMPLES", 20)
    made = tmp_path / "answers-9"
    done = CliRunner().invoke(train, ["--answers", "--quick", "--out", str(made)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    figures = json.loads((made / "training.json").read_text(encoding="utf-8"))
    assert figures["parity"] < 1e-5
    assert 0 < figures["clear"] < figures["breach"] <= 0.99
    assert set(figures["sets"]) == {"made", "handwritten"}
    assert "AUC" in (made / "README.md").read_text(encoding="utf-8")

    checker = AnswerScorer(guard.library, made)
    assert (checker.clear, checker.breach) == (figures["clear"], figures["breach"])
    policies = AsPolicies(verify={"actions": same("verify"), "verify": {"on_breach": "note"}})
    checked = Guard(library=guard.library, scorer=guard.scorer, policies=policies, checker=checker)
    exchange = Exchange.of("Is a wall clock a nice gift for my host in Shanghai?")
    check = checked.verification(exchange, checked.check(exchange, policy="verify"), policy="verify")
    assert check is not None
    with pytest.raises(StopIteration) as answered:
        next(check.whole("A clock is a lovely present."))
    assert answered.value.value.startswith("A clock is a lovely present.")
    assert check.outcome is not None


@pytest.mark.parametrize("apart", [1.0, 3.0, 100.0, 0.0, -3.0])
def test_calibration_is_finite_however_answers_are_told_apart(apart: float) -> None:
    """By one and by three deviations, wholly, not at all, and the wrong way round."""
    torch.manual_seed(0)
    truth = (torch.rand(200) < 0.5).float()
    features = torch.zeros(200, len(FEATURES))
    features[:, 0] = torch.randn(200) + apart * truth
    net = AnswerNet()
    with torch.no_grad():
        for parameter in (*net.plain.parameters(), *net.mix.parameters()):
            parameter.zero_()
        net.plain.weight[0, 0] = 0.1
    run.calibrate(net, ((features, truth), (features, truth)))
    with torch.no_grad():
        given = net(features)
    assert torch.isfinite(given).all()
    assert abs(float(given.mean() - truth.mean())) < 0.01
    if apart > 0:
        assert float(given[truth == 1].mean() - given[truth == 0].mean()) > 0.1


def test_thresholds_keep_alarms_precise_and_breaches_found() -> None:
    truth = np.array([0.0] * 50 + [1.0] * 50)
    scores = np.concatenate([np.linspace(0.0, 0.6, 50), np.linspace(0.4, 1.0, 50)])
    clear, breach = run.thresholds((truth, scores))
    assert 0.5 <= breach <= 0.6
    assert truth[scores >= breach].mean() >= 0.9
    assert (scores[truth == 1] < clear).mean() <= 0.05
    assert clear < breach
    assert run.thresholds((truth, np.full(100, 0.4))) == (0.4, 0.95), "of no use for alarms: only what is sure"
