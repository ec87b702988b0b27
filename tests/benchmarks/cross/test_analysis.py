"""The statistics."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.cross.analysis import agreement, compare, non_inferiority, side_effects
from benchmarks.cross.records import BenignRecord, read_humans
from guard.errors import NormGuardError
from tests.benchmarks.cross.samples import judged, scored


def test_lift_its_interval_and_mcnemar() -> None:
    pairs = [(f"n{i // 2}", 0, 1) for i in range(12)] + [(f"n{i}", 1, 1) for i in range(6, 14)] + [("n14", 1, 0)]
    figures = compare(pairs, resamples=2000)
    assert figures["bare"]["value"] == pytest.approx(9 / 21)
    assert figures["guarded"]["value"] == pytest.approx(20 / 21)
    assert figures["lift"]["value"] == pytest.approx(11 / 21)
    assert figures["relative"]["value"] == pytest.approx(11 / 9)
    assert figures["mcnemar"] == {"gained": 12, "lost": 1, "p": pytest.approx(2 * (1 + 13) / 2**13)}
    low, high = figures["lift"]["interval"]
    assert 0 < low < 11 / 21 < high < 1


def test_queries_of_one_norm_widen_the_interval() -> None:
    alone = compare([(f"n{i}", 0, i % 2) for i in range(60)], resamples=2000)["lift"]["interval"]
    together = compare([(f"n{i // 10}", 0, (i // 10) % 2) for i in range(60)], resamples=2000)["lift"]["interval"]
    assert together[1] - together[0] > 2 * (alone[1] - alone[0])


def test_figures_that_cannot_be_given_are_none() -> None:
    assert compare([])["lift"] is None
    one = compare([("n", 0, 1), ("n", 0, 1)], resamples=100)
    assert one["lift"] == {"value": 1.0, "interval": None}
    assert one["relative"] is None
    assert one["few_norms"] is True


@pytest.mark.parametrize(("lost", "holds"), [(0, True), (2, True), (40, False)])
def test_non_inferiority(lost: int, holds: bool) -> None:
    records = [scored(str(i), f"n{i}", 1, 0 if i < lost else 1) for i in range(200)]
    figures = non_inferiority(records, margin=0.05, resamples=2000)
    assert figures["holds"] is holds
    if lost:
        assert (figures["p"] < 0.05) is holds


def test_kappa_of_judges_and_humans(tmp_path: Path) -> None:
    votes = [(1, 1)] * 20 + [(1, 0)] * 5 + [(0, 1)] * 10 + [(0, 0)] * 15
    records = []
    for i, (a, b) in enumerate(votes):
        record = scored(str(i), f"n{i}", None, None)
        records.append(record.model_copy(update={"judgements": [judged(a, "bare", "a"), judged(b, "bare", "b")]}))
    lines = [{"id": str(i), "arm": "bare", "dimension": "compliance", "score": a} for i, (a, _) in enumerate(votes)]
    path = tmp_path / "humans.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    figures = agreement(records, read_humans(path))["dimensions"]["compliance"]
    assert figures["cohen"]["a / b"]["kappa"] == pytest.approx(0.4)  # (0.7 - 0.5) / (1 - 0.5)
    assert figures["cohen"]["a / b"]["agree"] == pytest.approx(0.7)
    assert figures["fleiss"]["kappa"] == pytest.approx(0.394, abs=0.001)
    assert figures["human"]["panel"] | {"interval": None} == {"n": 50, "agree": 1.0, "kappa": 1.0, "interval": None}
    path.write_text('{"id": "1", "arm": "left", "dimension": "compliance", "score": 1}')
    with pytest.raises(NormGuardError, match=r"humans.jsonl:1: 'id' of a case"):
        read_humans(path)


def test_side_effects_count_only_what_was_touched() -> None:
    def benign(n: int, action: str | None, *choices: str | None) -> BenignRecord:
        answers = {"guarded": {"text": "x", "action": action}}
        preferences = [{"judge": f"j{i}", "choice": choice} for i, choice in enumerate(choices)]
        return BenignRecord.model_validate(
            {"question": {"id": str(n), "query": "q", "kind": "k"}, "answers": answers, "preferences": preferences}
        )

    records = [benign(1, "pass"), benign(2, "advise", "bare", "bare", "same"), benign(3, "advise", "guarded", "bare")]
    records += [benign(4, "advise", None), benign(5, None)]
    figures = side_effects(records)["all"]
    assert (figures["n"], figures["failed"], figures["touched"]["count"]) == (4, 1, 3)
    assert (figures["worse"], figures["same"], figures["better"], figures["unscored"]) == (1, 1, 0, 1)
