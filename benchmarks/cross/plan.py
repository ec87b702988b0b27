"""Before anything is spent: how many calls, tokens and dollars a run will take, and the models' prices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from inspect_ai.model import ModelCost, ModelInfo, get_model_info, set_model_info
from pydantic import ValidationError

from benchmarks.cross.arms import ARMS
from benchmarks.cross.dataset import Case, Question
from benchmarks.cross.rubric import Rubric
from guard.actions.advise import count_tokens
from guard.errors import NormGuardError

# What an estimate assumes; the report says what was really used.
ANSWER_TOKENS = 400
REPLY_TOKENS = 250
PICTURE_TOKENS = 1000
GUIDANCE_TOKENS = 220


@dataclass
class Line:
    """The calls to one model.

    Attributes:
        cost: US dollars; None where the model has no price.
    """

    model: str
    what: str
    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = None


def read_prices(path: Path) -> dict[str, ModelCost]:
    """Prices by model, US dollars for a million tokens: YAML or JSON, ``model: {input: 2.5, output: 10}``.

    Raises:
        NormGuardError: the file cannot be read, or an entry lacks a price.
    """
    try:
        entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise NormGuardError(f"{path}: cannot be read: {error}") from error
    if not isinstance(entries, dict):
        raise NormGuardError(
            f"{path}: models and their prices are expected, as in 'openai/gpt-4o: {{input: 2.5, output: 10}}'."
        )
    prices = {}
    for model, entry in entries.items():
        try:
            given = {"input_cache_write": entry["input"], "input_cache_read": entry["input"], **entry}
            prices[str(model)] = ModelCost(**given)
        except (KeyError, TypeError, ValidationError) as error:
            raise NormGuardError(f"{path}: {model}: 'input' and 'output' prices are expected.") from error
    return prices


def set_prices(prices: Mapping[str, ModelCost]) -> None:
    """Tell Inspect what models cost."""
    for model, cost in prices.items():
        set_model_info(model, (get_model_info(model) or ModelInfo()).model_copy(update={"cost": cost}))


def estimate(
    cases: Sequence[Case],
    questions: Sequence[Question],
    *,
    model: str | None,
    judges: Sequence[str],
    rubric: Rubric,
    answers_known: int = 0,
    prices: Mapping[str, ModelCost] | None = None,
) -> list[Line]:
    """What a run will ask of each model at most; requests that the guard lets pass are asked once, not twice.

    Args:
        answers_known: recorded answers among the ``2 * len(cases)``.
    """
    lines = []
    if model is not None:
        asked = sum(count_tokens(case.query) + (PICTURE_TOKENS if case.image else 0) for case in cases)
        asked += sum(count_tokens(question.query) for question in questions)
        calls = max(0, len(ARMS) * (len(cases) + len(questions)) - answers_known)
        both = len(ARMS) * (len(cases) + len(questions))
        tokens = (len(ARMS) * asked + GUIDANCE_TOKENS * (len(cases) + len(questions))) * calls // max(both, 1)
        lines.append(Line(model, "answers", calls, tokens, calls * ANSWER_TOKENS))
    for judge in judges:
        prompts = [(case, prompt) for case in cases for prompt in rubric.prompts(case, "")]
        tokens = sum(
            count_tokens(prompt.system + prompt.text) + ANSWER_TOKENS + (PICTURE_TOKENS if case.image else 0)
            for case, prompt in prompts
        )
        calls = len(ARMS) * (len(prompts) + len(questions))
        tokens = len(ARMS) * (tokens + sum(count_tokens(q.query) + 2 * ANSWER_TOKENS + 150 for q in questions))
        lines.append(Line(judge, "judging", calls, tokens, calls * REPLY_TOKENS))
    for line in lines:
        if price := (prices or {}).get(line.model):
            line.cost = (line.input_tokens * price.input + line.output_tokens * price.output) / 1e6
    return lines
