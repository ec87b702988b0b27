"""The answers that the local check is trained on."""

from __future__ import annotations

from benchmarks.datasets.answers import Answers, by_part
from guard import Guard
from guard.answers.scorer import AnswerScorer


def test_no_norm_is_in_two_parts_and_answers_of_both_kinds_are_made(guard: Guard, scorer: AnswerScorer) -> None:
    parts = by_part(guard.library)
    ids = [norm.id for norms in parts.values() for norm in norms]
    assert len(ids) == len(set(ids)) == len(guard.library.norms)
    made = list(Answers(guard.library, scorer.features, seed=3).make(parts["test"][:20], each=2))
    assert {answer.breach for answer in made} == {True, False}
    assert len({answer.language for answer in made}) >= 8
    again = list(Answers(guard.library, scorer.features, seed=3).make(parts["test"][:20], each=2))
    assert made == again
