"""The local check of answers: what it tells apart, on norms that it never saw, and what becomes of a damaged one."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from sklearn.metrics import roc_auc_score

from benchmarks.answers.run import whole
from benchmarks.datasets.answers import handwritten, part_of_norm
from guard import Exchange, Guard
from guard.answers.features import FEATURES
from guard.answers.scorer import AnswerScorer
from guard.classifier.student import StudentScorer
from guard.errors import ModelError
from guard.files import folder
from guard.norms.library import Library
from guard.norms.model import Norm
from tests.policies import AsPolicies, same


def clocks(guard: Guard) -> Norm:
    return guard.library.norms["cn.gift.clocks"]


@pytest.mark.parametrize(
    "text",
    [
        "A wall clock would be a wonderful gift for them.",
        "I recommend the clock, you can't go wrong with it.",
        "送挂钟非常合适。",
        "掛け時計がぴったりです。",
    ],
)
def test_what_recommends_is_likelier_in_breach_than_what_warns(guard: Guard, scorer: AnswerScorer, text: str) -> None:
    warnings = ("Clocks are better avoided there: they recall funerals.", "Give good tea instead of a clock.")
    (recommended,) = scorer("", text, [clocks(guard)])
    assert recommended > scorer.clear
    for warning in warnings:
        assert scorer("", warning, [clocks(guard)])[0] < recommended - 0.2


def test_what_is_meant_the_question_says(guard: Guard, scorer: AnswerScorer) -> None:
    said = "It would be a wonderful choice, everybody will love it."
    (with_question,) = scorer("Is a wall clock a nice gift for my host in Shanghai?", said, [clocks(guard)])
    (without,) = scorer("", said, [clocks(guard)])
    assert with_question > without + 0.2


def test_handwritten_answers_on_norms_never_trained_on(guard: Guard, scorer: AnswerScorer) -> None:
    answers = handwritten(guard.library)
    assert len(answers) >= 150
    assert {part_of_norm(answer.norm.id) for answer in answers} == {"test"}
    scores = np.array([whole(scorer, answer) for answer in answers])
    truth = np.array([answer.breach for answer in answers])
    assert roc_auc_score(truth, scores) > 0.9
    assert truth[scores >= scorer.breach].mean() > 0.85
    assert (scores[truth] < scorer.clear).mean() < 0.1


def test_it_is_one_row_a_norm_whatever_the_text(guard: Guard, scorer: AnswerScorer) -> None:
    norms = list(guard.library.packs["JP"].norms)[:8]
    for text in ("", " ", "…", "🎁", "a" * 50_000, "\x00\ud7ff", "§b §i"):
        scores = scorer("question", text, norms)
        assert len(scores) == 8
        assert all(0 <= score <= 1 for score in scores)
    assert scorer("question", "text", []) == ()
    assert scorer.features("", "A knife.", norms).shape == (8, len(FEATURES))


def test_from_many_threads(guard: Guard, scorer: AnswerScorer) -> None:
    norms = list(guard.library.packs["CN"].norms)[:8]
    expected = scorer("", "Give them a clock, it is perfect.", norms)
    seen: list[Any] = []

    def ask() -> None:
        seen.extend(scorer("", "Give them a clock, it is perfect.", norms) for _ in range(20))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [expected] * 80


def test_norms_of_an_operators_own(guard: Guard, scorer: AnswerScorer) -> None:
    own = clocks(guard).model_copy(
        update={
            "id": "cn.own.stickers",
            "title": "No stickers on laptops in the office",
            "breach": "Cover your laptop in stickers.",
            "instead": "a plain sleeve",
            "visual": (),
        }
    )
    bad, good = "Stickers all over the laptop are perfectly fine!", "A plain sleeve for the laptop is the safer choice."
    assert scorer("", bad, [own])[0] > scorer("", good, [own])[0] + 0.2


def damaged(tmp_path: Path, **changes: Any) -> Path:
    copy = tmp_path / "answers"
    shutil.copytree(folder("models") / "answers-1", copy)
    manifest = yaml.safe_load((copy / "manifest.yaml").read_text())
    (copy / "manifest.yaml").write_text(yaml.safe_dump(manifest | changes))
    return copy


def test_a_missing_or_damaged_artefact(guard: Guard, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="normguard train --answers"):
        AnswerScorer(guard.library, tmp_path / "nowhere")
    with pytest.raises(ModelError, match="another version"):
        AnswerScorer(guard.library, damaged(tmp_path, format=99))
    (tmp_path / "answers" / "manifest.yaml").write_text("{")
    with pytest.raises(ModelError, match="damaged"):
        AnswerScorer(guard.library, tmp_path / "answers")
    shutil.rmtree(tmp_path / "answers")
    copy = damaged(tmp_path)
    (copy / "answers.onnx").write_bytes(b"not a model")
    with pytest.raises(ModelError, match="not the file that was made"):
        AnswerScorer(guard.library, copy)


def test_without_it_answers_are_cases_for_the_judge(guard: Guard, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(library: Library, **_: Any) -> AnswerScorer:
        raise ModelError("gone")

    monkeypatch.setattr("guard.pipeline.AnswerScorer", missing)
    policies = AsPolicies(verify={"actions": same("verify")})
    alone = Guard(library=guard.library, scorer=guard.scorer, policies=policies)
    assert alone.checker is None
    exchange = Exchange.of("Is a wall clock a nice gift for my host in Shanghai?")
    check = alone.verification(exchange, alone.check(exchange, policy="verify"), policy="verify")
    assert check is not None
    with pytest.raises(StopIteration) as answered:
        next(check.whole("A clock is a lovely present."))
    assert answered.value.value == "A clock is a lovely present."
    assert check.outcome == "unsure"


def test_answers_are_encoded_by_the_deployments_classifier(guard: Guard) -> None:
    checker = Guard(library=guard.library, scorer=guard.scorer).checker
    assert isinstance(checker, AnswerScorer)
    assert isinstance(guard.scorer, StudentScorer)
    assert checker.features._encode is guard.scorer.encoder, "one session, and the one that `classifier:` names"
