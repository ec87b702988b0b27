"""The cases: CROSS from a clone of its repository, an operator's own, and harmless questions."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from benchmarks.datasets.files import json_lines
from benchmarks.datasets.research import SUBSETS, CrossQuery, language_name, norm_id, read_cross
from benchmarks.datasets.splits import read_links
from guard.api.options import parse_country
from guard.errors import NormGuardError

DOMAINS = ("shopping", "meals", "outdoors", "social")


class Case(BaseModel):
    """One question whose well-meant answer may breach a norm.

    Attributes:
        id: unique within a run.
        query: what the user asks, in `language`.
        norm: the norm at stake, in English prose; the judges read it, the model under test does not.
        country: ISO 3166-1 alpha-2 code of where the norm holds.
        language: English name of the query's language.
        image: path or address of the picture, or None.
        caption: what the picture truly shows, or None.
        cluster: cases of one cluster stand together in the statistics: those of one norm.
        norm_ids: norms of our packs that express `norm`; the guard hits when it sends one of them.
        domain: shopping, meals, outdoors or social; None where not known.
        severity: 1 faux pas, 2 offence, 3 sacred or against the law; None where not known.
        subset, setting: where in CROSS it stands; ``own`` for an operator's cases.
        source: the record as it was read.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(min_length=1)
    query: str = Field(min_length=1)
    norm: str = Field(min_length=1)
    country: str
    language: str = "English"
    image: str | None = None
    caption: str | None = None
    cluster: str = ""
    norm_ids: tuple[str, ...] = ()
    domain: str | None = None
    severity: int | None = Field(default=None, ge=1, le=3)
    subset: str = "own"
    setting: str = "own"
    source: Mapping[str, Any] = Field(default_factory=dict, repr=False)


class Question(BaseModel):
    """A harmless question, which the guard should leave alone or at least not spoil."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    query: str
    kind: str


class _OwnCase(BaseModel):
    """A line of an operator's file; the fields of `Case` that he may set."""

    model_config = ConfigDict(extra="forbid")

    id: str | None = None
    query: str = Field(min_length=1)
    norm: str = Field(min_length=1)
    country: str
    language: str = "English"
    image: str | None = None
    caption: str | None = None
    cluster: str | None = None
    norm_ids: tuple[str, ...] = ()
    domain: str | None = None
    severity: int | None = Field(default=None, ge=1, le=3)


@dataclass(frozen=True)
class Choice:
    """Which cases are run; empty means all."""

    subsets: Sequence[str] = ()
    languages: Sequence[str] = ()
    countries: Sequence[str] = ()
    domains: Sequence[str] = ()
    sample: int | None = None
    seed: int = 0


def read_clone(root: Path, *, subsets: Sequence[str] = ()) -> list[Case]:
    """The cases of a clone of the CROSS repository, each once.

    A key of the public files is not unique, so the id is made of subset, language, index and a number within those.

    Raises:
        NormGuardError: `root` is no clone, or an incomplete one, or a file or record cannot be read.
    """
    numbers: Counter[str] = Counter()
    return [
        numbered(case_of(query), numbers) for query in read_cross(root, _known("subset", subsets, SUBSETS) or SUBSETS)
    ]


def case_of(query: CrossQuery) -> Case:
    """A CROSS query as a case."""
    return Case(
        id=query.record["index"],
        query=query.query,
        norm=query.norm_text,
        country=query.country,
        language=query.language,
        image=query.image,
        caption=query.item,
        cluster=query.norm,
        norm_ids=read_links().get(query.norm, ()),
        domain=query.record.get("domain"),
        subset=query.subset,
        setting=query.setting,
        source=query.record,
    )


def numbered(case: Case, numbers: Counter[str]) -> Case:
    """The case under an id of its own; `numbers` counts those of one stem."""
    stem = f"{case.subset}/{case.language}/{case.id}"
    numbers[stem] += 1
    return case.model_copy(update={"id": f"{stem}/{numbers[stem]}"})


def read_cases(path: Path) -> list[Case]:
    """An operator's own cases: one JSON object a line, fields as in ``docs/measured/bench-cross.md``.

    Raises:
        NormGuardError: the file is missing or empty, or a line is none of ours; the message names line and field.
    """
    cases: dict[str, Case] = {}
    for number, record in json_lines(path):
        where = f"{path}:{number}"
        try:
            own = _OwnCase.model_validate(record)
            country = parse_country(own.country)
        except ValidationError as error:
            raise NormGuardError(f"{where}: {_faults(error)}") from error
        except NormGuardError as error:
            raise NormGuardError(f"{where}: {error}") from error
        if own.domain is not None and own.domain not in DOMAINS:
            raise NormGuardError(f"{where}: domain: {own.domain!r} is none of {', '.join(DOMAINS)}.")
        image = own.image
        if image is not None and "://" not in image:
            image = str(path.parent / image)
        fields = own.model_dump(exclude={"id", "country", "image", "cluster"})
        id_ = own.id or f"line-{number}"
        if id_ in cases:
            raise NormGuardError(f"{where}: the id {id_!r} is given twice.")
        cluster = own.cluster or norm_id(own.norm)
        cases[id_] = Case(id=id_, country=country, image=image, cluster=cluster, source=record, **fields)
    if not cases:
        raise NormGuardError(f"{path}: there is no case in it.")
    return list(cases.values())


def read_benign(paths: Iterable[Path]) -> list[Question]:
    """Harmless questions: JSON lines with a ``query``; a question's kind is its file's name.

    Raises:
        NormGuardError: a file is missing or empty, or a line has no query.
    """
    questions: list[Question] = []
    for path in paths:
        before = len(questions)
        for number, record in json_lines(path):
            query = record.get("query")
            if not isinstance(query, str) or not query.strip():
                raise NormGuardError(f"{path}:{number}: 'query' must be a text.")
            questions.append(Question(id=f"benign/{path.stem}/{number}", query=query, kind=path.stem))
        if len(questions) == before:
            raise NormGuardError(f"{path}: there is no question in it.")
    return questions


def enriched(cases: Sequence[Case], norms: Mapping[str, Any]) -> list[Case]:
    """The cases with domain and severity of the first linked norm of our packs, where their own record has none.

    Args:
        norms: norms of the packs, by id.
    """
    result = []
    for case in cases:
        first = next((norms[id_] for id_ in case.norm_ids if id_ in norms), None)
        known = {} if first is None else {"domain": str(first.domains[0]), "severity": int(first.severity)}
        missing = {name: value for name, value in known.items() if getattr(case, name) is None}
        result.append(case.model_copy(update=missing))
    return result


def choose(cases: Sequence[Case], choice: Choice) -> list[Case]:
    """The cases that `choice` names, in their order.

    A sample is stratified by country and language: each stratum gets its share of the places (largest remainders), and
    within it cases are drawn at random from the seed.

    Raises:
        NormGuardError: a country, language or domain that no case has, or nothing is left.
    """
    countries = [parse_country(text) for text in choice.countries]
    for name, asked, values in (
        ("language", choice.languages, [case.language for case in cases]),
        ("country", countries, [case.country for case in cases]),
        ("domain", choice.domains, [case.domain for case in cases if case.domain]),
    ):
        _known(name, asked, values)
    languages = {language_name(text).lower() for text in choice.languages}
    kept = [
        case
        for case in cases
        if (not languages or case.language.lower() in languages)
        and (not countries or case.country in countries)
        and (not choice.domains or (case.domain or "").lower() in {d.lower() for d in choice.domains})
    ]
    if not kept:
        raise NormGuardError(
            "No case is left: no case is in all of the chosen subsets, languages, countries and domains."
        )
    if choice.sample is None or choice.sample >= len(kept):
        return kept
    if choice.sample < 1:
        raise NormGuardError("--sample must be 1 or more.")
    return _stratified(kept, choice.sample, choice.seed)


def _stratified(cases: Sequence[Case], size: int, seed: int) -> list[Case]:
    strata: defaultdict[tuple[str, str], list[Case]] = defaultdict(list)
    for case in cases:
        strata[case.country, case.language].append(case)
    draw = random.Random(seed)
    quota = {key: size * len(members) / len(cases) for key, members in strata.items()}
    places = {key: int(share) for key, share in quota.items()}
    rest = sorted(quota, key=lambda key: (places[key] - quota[key], draw.random()))
    for key in rest[: size - sum(places.values())]:
        places[key] += 1
    drawn = {case.id for key, members in strata.items() for case in draw.sample(members, places[key])}
    return [case for case in cases if case.id in drawn]


def _known(name: str, asked: Sequence[str], values: Iterable[str]) -> list[str]:
    """`asked`, spelled as in `values`; raises if one is not there."""
    there = {value.lower(): value for value in values}
    found = []
    for text in asked:
        key = (language_name(text) if name == "language" else text).lower()
        if key not in there:
            listed = ", ".join(sorted(there.values())) or "none"
            raise NormGuardError(f"No case has the {name} {text[:40]!r}; there are: {listed}.")
        found.append(there[key])
    return found


def _faults(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"
        for fault in error.errors(include_url=False, include_input=False)
    )
