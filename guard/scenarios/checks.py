"""What is wrong with a set of scenarios, beyond what their schema forbids."""

from __future__ import annotations

import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from guard.norms.lint import Fault
from guard.scenarios.model import Scenario
from guard.text.words import words as words_of

EACH = 4
"""Loaded, and harmless, scenarios that a norm has at least."""
PROBE = 0.70
"""Area under the curve that letters alone must stay below: else style tells what is loaded."""

_GRAM, _RAREST = 5, 16
_COPY = 0.6  # share of a text's letter sequences that it may have in common with another
_SAME = 0.94  # cosine from which two scenarios of one norm say the same
_WORDS, _RECURRING = 6, 8  # words in a row, and scenarios that they may stand in
_OPENING, _OPENINGS = 3, 0.01  # words at the beginning, and the share of a language's scenarios they may open
_WRITER, _ENGLISH, _LANGUAGES, _TURNS = 1 / 8, 0.5, 26, 0.28
_APART = {"length": 0.15, "pictures": 0.06, "turns": 0.06, "English": 0.06, "question marks": 0.1}
"""How far loaded and harmless may lie apart, as a share."""

Encode = Callable[[str], NDArray[np.float32]]
Probe = Callable[[Sequence[str], Sequence[bool], Sequence[str]], dict[str, float]]


def check(scenarios: Sequence[Scenario], due: Iterable[str], *, encode: Encode | None = None) -> list[Fault]:
    """What is wrong with scenarios, however few they are, in order.

    Args:
        due: ids of the norms that must have scenarios.
        encode: a text's unit vector; without, nothing is compared by meaning.
    """
    of_norms = [one for one in scenarios if one.norm]
    found = [*_counted(of_norms, due), *_copies(scenarios), *_recurring(of_norms)]
    if encode is not None:
        found += _same(of_norms, encode)
    return sorted(found)


def check_mixture(scenarios: Sequence[Scenario], *, probe: Probe | None = None) -> list[Fault]:
    """What is wrong with scenarios as a whole that a model is to learn from: who wrote them, what tells their class.

    Args:
        probe: tells how well letters alone separate texts, writer by writer; without, that is not asked.
    """
    of_norms = [one for one in scenarios if one.norm]
    found = [*_mixed(scenarios), *_alike(of_norms)]
    if probe is not None:
        found += _told_by_letters(of_norms, probe)
    return sorted(found)


def _counted(scenarios: Sequence[Scenario], due: Iterable[str]) -> Iterator[Fault]:
    loaded = Counter(one.norm for one in scenarios if one.loaded)
    harmless = Counter(one.norm for one in scenarios if not one.loaded)
    for id_ in due:
        if loaded[id_] < EACH or harmless[id_] < EACH:
            yield Fault(
                id_, "scenarios", f"{loaded[id_]} loaded and {harmless[id_]} harmless, where {EACH} each are due"
            )


def _copies(scenarios: Sequence[Scenario]) -> Iterator[Fault]:
    """Scenarios that share most of their letters with another; compared by the rarest of their sequences."""
    grams = [_grams(one.said) for one in scenarios]
    number = Counter(gram for some in grams for gram in some)
    holders: defaultdict[str, list[int]] = defaultdict(list)
    for i, some in enumerate(grams):
        rare = sorted(some, key=number.__getitem__)[:_RAREST]
        candidates = {j for gram in rare for j in holders[gram]}
        for j in sorted(candidates):
            least = min(len(some), len(grams[j]))
            if least > 2 * _GRAM and len(some & grams[j]) > _COPY * least:
                yield Fault(scenarios[i].id, "text", f"nearly the same as {scenarios[j].id}")
                break
        for gram in rare:
            holders[gram].append(i)


def _grams(text: str) -> frozenset[str]:
    flat = re.sub(r"\W+", " ", text.lower()).strip()
    return frozenset(flat[i : i + _GRAM] for i in range(max(1, len(flat) - _GRAM + 1)))


def _recurring(scenarios: Sequence[Scenario]) -> Iterator[Fault]:
    """Words in a row, and openings, that come back in many scenarios: the skeleton of a template."""
    phrases: defaultdict[tuple[str, ...], set[str]] = defaultdict(set)
    openings: dict[str, Counter[str]] = defaultdict(Counter)
    for one in scenarios:
        words = words_of(one.text.lower())
        for i in range(len(words) - _WORDS + 1):
            phrases[tuple(words[i : i + _WORDS])].add(one.id)
        if len(words) > _OPENING:
            openings[one.language][" ".join(words[:_OPENING])] += 1
    for phrase, ids in phrases.items():
        if len(ids) > _RECURRING:
            some = ", ".join(sorted(ids)[:3])
            yield Fault(min(ids), "text", f"{' '.join(phrase)!r} recurs in {len(ids)} scenarios ({some} …)")
    for language, counts in openings.items():
        most = max(_RECURRING, _OPENINGS * counts.total())
        for opening, times in counts.items():
            if times > most:
                yield Fault(f"scenarios in {language}", "text", f"{times} of {counts.total()} begin with {opening!r}")


def _mixed(scenarios: Sequence[Scenario]) -> Iterator[Fault]:
    """Whether writers, languages and conversations are as many as they should be."""
    total = len(scenarios)
    for writer, times in Counter(one.writer for one in scenarios).items():
        if times > _WRITER * total:
            yield Fault(f"writer {writer}", "writer", f"wrote {times} of {total}, more than an eighth")
    languages = Counter(one.language for one in scenarios)
    if languages["en"] > _ENGLISH * total:
        yield Fault("scenarios", "language", f"{languages['en']} of {total} are in English, more than half")
    if len(languages) < _LANGUAGES:
        yield Fault("scenarios", "language", f"{len(languages)} languages, where {_LANGUAGES} are due")
    if (several := sum(bool(one.turns) for one in scenarios)) < _TURNS * total:
        yield Fault("scenarios", "turns", f"{several} of {total} are conversations, where about a third should be")


def _alike(scenarios: Sequence[Scenario]) -> Iterator[Fault]:
    """Whether loaded and harmless are alike in what should tell nothing."""
    loaded = [one for one in scenarios if one.loaded]
    harmless = [one for one in scenarios if not one.loaded]
    if not loaded or not harmless:
        return
    for name, figure in _FIGURES.items():
        one, other = figure(loaded), figure(harmless)
        apart = abs(one - other) / other if name == "length" else abs(one - other)
        if apart > _APART[name]:
            yield Fault("scenarios", name, f"{one:.2f} of the loaded, {other:.2f} of the harmless: too far apart")


def _share(values: Iterable[bool]) -> float:
    known = list(values)
    return sum(known) / len(known)


_FIGURES: dict[str, Callable[[Sequence[Scenario]], float]] = {
    "length": lambda some: statistics.median(len(one.said) for one in some),
    "pictures": lambda some: _share(one.pictured for one in some),
    "turns": lambda some: _share(bool(one.turns) for one in some),
    "English": lambda some: _share(one.language == "en" for one in some),
    "question marks": lambda some: _share(any(mark in one.text for mark in "?？؟") for one in some),
}


def _same(scenarios: Sequence[Scenario], encode: Encode) -> Iterator[Fault]:
    """Scenarios of one norm and one outcome that mean the same, if in other words or another language."""
    groups: defaultdict[tuple[str | None, bool], list[Scenario]] = defaultdict(list)
    for one in scenarios:
        groups[one.norm, one.loaded].append(one)
    for some in groups.values():
        if len(some) < 2:
            continue
        vectors = np.stack([encode(one.said) for one in some])
        likeness = np.tril(vectors @ vectors.T, k=-1)
        for i, j in np.argwhere(likeness > _SAME).tolist():
            yield Fault(some[i].id, "text", f"means nearly the same as {some[j].id}")


def _told_by_letters(scenarios: Sequence[Scenario], probe: Probe) -> Iterator[Fault]:
    areas = probe([one.said for one in scenarios], [one.loaded for one in scenarios], [one.writer for one in scenarios])
    mean = statistics.fmean(areas.values())
    if mean >= PROBE:
        worst = ", ".join(f"{writer} {area:.2f}" for writer, area in sorted(areas.items(), key=lambda w: -w[1])[:4])
        yield Fault(
            "scenarios", "style", f"letters alone tell what is loaded: area under the curve {mean:.2f} ({worst})"
        )
