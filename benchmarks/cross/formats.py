"""The public repository's result files: recorded answers in, judged ones in and out.

``generation_results/<setting>/<subset>/results_<model>_r<round>.json`` is a list of the data's records, each with its
``model_response``; ``evaluation_results/...`` adds ``evaluation``, whose ``dim_profile`` counts violations (1 is a
breach).
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from benchmarks.cross.arms import ARMS, Answer
from benchmarks.cross.dataset import Case, case_of, numbered
from benchmarks.cross.judge import Judgement
from benchmarks.cross.records import Record, Run
from benchmarks.cross.rubric import PUBLIC, public_score
from benchmarks.datasets.files import json_list
from benchmarks.datasets.research import cross_query
from guard.errors import NormGuardError

FAILED = "ERROR: The API call failed."
"""What the public code writes in place of an answer when a call failed."""

Recorded = dict[str, dict[str, dict[str, Any]]]
"""By case id and arm: ``answer`` and, where it was judged, ``judgement``; JSON-ready."""


def read_results(files: Mapping[str, Path]) -> tuple[list[Case], Recorded]:
    """Cases and recorded answers from one file for each arm; cases are matched by language, query and picture.

    Raises:
        NormGuardError: a file is missing, broken or not in the public layout, or the arms have no case in common.
    """
    cases: dict[tuple[str, str, str], Case] = {}
    recorded: Recorded = {}
    by_arm: dict[str, set[str]] = {}
    numbers: Counter[str] = Counter()
    for arm, path in files.items():
        if arm not in ARMS:
            raise NormGuardError(f"There is no arm {arm!r}; name {' or '.join(ARMS)}.")
        by_arm[arm] = set()
        for position, record in enumerate(json_list(path), start=1):
            where = f"{path}, record {position}"
            case = case_of(cross_query(record, where))
            key = (case.language, case.query, _name(case.image))
            if key not in cases:
                cases[key] = numbered(case, numbers)
            id_ = cases[key].id
            if id_ in by_arm[arm]:
                continue  # the public data repeats some records
            by_arm[arm].add(id_)
            recorded.setdefault(id_, {})[arm] = _entry(record, arm, where)
    if len(by_arm) > 1 and not set.intersection(*by_arm.values()):
        raise NormGuardError(f"{' and '.join(map(str, files.values()))} have no case in common.")
    return list(cases.values()), recorded


def write_results(run: Run, folder: Path, *, round_: int = 1) -> list[Path]:
    """Write a run's answers, and those judged on all dimensions, in the public layout; the files' paths."""
    model = str(run.config.get("model") or "model").replace("/", "-")
    files: defaultdict[Path, list[dict[str, Any]]] = defaultdict(list)
    for record in run.records:
        for arm, answer in record.answers.items():
            name = Path(record.case.setting, record.case.subset, f"results_{model}-{arm}_r{round_}.json")
            text = answer.text if answer.usable else FAILED
            entry = {**_source(record.case), "model_response": text, "model": answer.model}
            files[folder / "generation_results" / name].append(entry)
            scores = record.verdict[arm]
            if None not in scores.values():
                files[folder / "evaluation_results" / name].append({**entry, "evaluation": _evaluation(record, arm)})
    for path, entries in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(entries, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return sorted(files)


def _entry(record: Mapping[str, Any], arm: str, where: str) -> dict[str, Any]:
    text = record.get("model_response")
    if text is not None and not isinstance(text, str):
        raise NormGuardError(f"{where}: 'model_response' must be a text.")
    if text is None:
        raise NormGuardError(f"{where}: 'model_response' is missing; is this a file of generation_results?")
    failed = not text.strip() or text == FAILED
    error = "the recorded call failed" if failed else None
    answer = Answer(text=None if failed else text, error=error, model=str(record.get("model") or "recorded"))
    evaluation = record.get("evaluation")
    if evaluation is None or failed:
        return {"answer": answer.model_dump(mode="json")}
    profile = evaluation.get("dim_profile") if isinstance(evaluation, dict) else None
    if not isinstance(profile, dict) or set(profile) != set(PUBLIC):
        raise NormGuardError(f"{where}: evaluation.dim_profile must hold {', '.join(PUBLIC)}.")
    for name, score in profile.items():
        if isinstance(score, bool) or score not in (0, 1, None):
            raise NormGuardError(f"{where}: evaluation.dim_profile.{name} is {score!r}; 0 or 1 is expected.")
    scores = {PUBLIC[name]: public_score(PUBLIC[name], score) for name, score in profile.items()}
    reasoning = evaluation.get("reasoning")
    replies = {PUBLIC[k]: str(v) for k, v in reasoning.items() if k in PUBLIC} if isinstance(reasoning, dict) else {}
    judge = str(evaluation.get("judge") or "recorded")
    judgement = Judgement(judge="recorded", model=judge, arm=arm, scores=scores, replies=replies)
    return {"answer": answer.model_dump(mode="json"), "judgement": judgement.model_dump(mode="json")}


def _evaluation(record: Record, arm: str) -> dict[str, Any]:
    verdict = record.verdict[arm]
    replies = next((one.replies for one in record.judgements if one.arm == arm), {})
    whole = next(iter(replies.values()), "")
    return {
        "query": record.case.query,
        "violated_norm": record.case.norm,
        "model_response": record.answers[arm].text,
        "dim_profile": {name: public_score(own, verdict[own]) for name, own in PUBLIC.items()},
        "reasoning": {name: replies.get(own, whole) for name, own in PUBLIC.items()},
        "judge": ", ".join(dict.fromkeys(one.model or one.judge for one in record.judgements)),
    }


def _source(case: Case) -> dict[str, Any]:
    """The record of the data, or for an operator's case one in its layout."""
    if case.subset != "own":
        return dict(case.source)
    fields = {"index": case.id, "violated_norm": case.norm, "query": case.query, "language": case.language}
    return fields | {"file_name": case.image or "", "item": case.caption or "", "country": case.country}


def _name(image: str | None) -> str:
    return unquote(urlsplit(image or "").path).rpartition("/")[2]
