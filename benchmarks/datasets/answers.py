"""Answers made for the project: for each norm some that breach it and some that respect it."""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks.datasets.splits import Part, part_of, protected_norms, read_links
from guard.answers.features import RULED, AnswerFeatures
from guard.norms.library import Library
from guard.norms.model import Norm
from guard.text.languages import languages_of

FOLDER = Path(__file__).parent
_THINGS = ("breach", "respect", "plain")


@dataclass(frozen=True, slots=True)
class Answer:
    """A text, the norm it is held against, and whether it recommends what that rules out."""

    norm: Norm
    text: str
    breach: bool
    language: str
    kind: str
    query: str = ""


def part_of_norm(norm_id: str, protected: set[str] | None = None) -> Part:
    """The part of a norm: those that express a CROSS norm which is kept for the final figures are of the test part."""
    protected = protected if protected is not None else set(protected_norms(read_links()))
    return "test" if norm_id in protected else part_of(norm_id)


def by_part(library: Library) -> dict[Part, list[Norm]]:
    """The norms of each part."""
    protected = set(protected_norms(read_links()))
    parts: dict[Part, list[Norm]] = {"train": [], "dev": [], "test": []}
    for norm in library.norms.values():
        parts[part_of_norm(norm.id, protected)].append(norm)
    return parts


def handwritten(library: Library, part: Part | None = None) -> list[Answer]:
    """The answers that were written by hand: those of ``dev``, by which choices are made, those of ``test``, or all.

    All are on norms of the test part; none is trained on. Half of their norms serve for choices.
    """
    found: list[Answer] = []
    for entry in yaml.safe_load((FOLDER / "handwritten.yaml").read_text(encoding="utf-8")):
        norm = library.norms[entry["norm"]]
        here: Part = "dev" if int(hashlib.sha256(norm.id.encode()).hexdigest()[:4], 16) % 2 == 0 else "test"
        if part is not None and part != here:
            continue
        for key, breach in (("y", True), ("n", False)):
            found += [
                Answer(norm, text, breach, (languages_of(text) or ("en",))[0], "handwritten") for text in entry[key]
            ]
    return found


class Answers:
    """Makes answers from norms and frames.

    Frames can be split too: with `kept_frames` only one in five is used, or all but those, to see what a way to speak
    that was never learned does.
    """

    def __init__(self, library: Library, features: AnswerFeatures, *, seed: int = 0) -> None:
        self._library = library
        self._features = features
        self._seed = seed
        frames: dict[str, dict[str, list[str]]] = yaml.safe_load((FOLDER / "frames.yaml").read_text(encoding="utf-8"))
        self._frames: dict[bool | None, dict[str, dict[str, list[str]]]] = {
            None: frames,
        } | {
            kept: {
                language: {
                    kind: [s for i, s in enumerate(sentences) if (i % 5 == 4) == kept] or sentences
                    for kind, sentences in kinds.items()
                }
                for language, kinds in frames.items()
            }
            for kept in (False, True)
        }

    def make(self, norms: Sequence[Norm], *, each: int, kept_frames: bool | None = None) -> Iterator[Answer]:
        """Answers for each norm: about `each` of every kind."""
        frames = self._frames[kept_frames]
        for norm in norms:
            draw = random.Random(f"{self._seed} {norm.id} {kept_frames}")
            others = [other for other in self._library.packs[norm.country].norms if other.id != norm.id]
            yield from self._clauses(norm, others, frames["en"], draw, each)
            yield from self._things(norm, others, frames, draw, each)

    def _clauses(
        self, norm: Norm, others: Sequence[Norm], frames: dict[str, list[str]], draw: random.Random, each: int
    ) -> Iterator[Answer]:
        thing = self._name(norm, "en", draw, ruled=True) or "that"
        for _ in range(each):
            said = _thinned(norm.breach, draw)
            yield Answer(norm, _fill(draw.choice(frames["breach_clause"]), b=said), True, "en", "clause")
            said = _thinned(norm.breach, draw)
            yield Answer(norm, _fill(draw.choice(frames["respect_clause"]), b=said), False, "en", "clause")
            text = _fill(draw.choice(frames["alternative"]), i=_thinned(norm.instead, draw), x=thing)
            yield Answer(norm, text, False, "en", "alternative")
            if others:
                other = draw.choice(others)
                text = _fill(draw.choice(frames["breach_clause"]), b=_thinned(other.breach, draw))
                yield Answer(norm, text, False, "en", "another norm's breach")
        for text in (norm.title, norm.expectation, norm.why, f"{norm.title}. Instead: {norm.instead}."):
            yield Answer(norm, text, False, "en", "the norm itself")
        # Both in one sentence: what is ruled out is named, and the alternative recommended.
        respect, alternative = draw.choice(frames["respect"]), draw.choice(frames["alternative"])
        text = _fill(respect, x=thing).rstrip(".") + "; " + _fill(alternative, i=norm.instead, x=thing)
        yield Answer(norm, text, False, "en", "both")

    def _things(
        self,
        norm: Norm,
        others: Sequence[Norm],
        frames: dict[str, dict[str, list[str]]],
        draw: random.Random,
        each: int,
    ) -> Iterator[Answer]:
        languages = list(frames)
        for i in range(each * 2):
            language = "en" if i % 3 == 0 else draw.choice(languages)
            if (ruled := self._name(norm, language, draw, ruled=True)) is not None:
                for kind in _THINGS:
                    text = _fill(draw.choice(frames[language][kind]), x=ruled)
                    yield Answer(norm, text, kind == "breach", language, "thing")
                if language == "en":
                    # "It would be lovely": what is meant, the question says.
                    text = _fill(draw.choice(frames["en"]["breach"]), x="it")
                    yield Answer(norm, text, True, "en", "pronoun", query=f"Is {ruled} a good idea?")
                    text = _fill(draw.choice(frames["en"]["respect"]), x="it")
                    yield Answer(norm, text, False, "en", "pronoun", query=f"Is {ruled} a good idea?")
            if others:
                other = draw.choice(others)
                if (strange := self._name(other, language, draw)) is not None and strange != ruled:
                    mine = self._library.vocabulary.concepts
                    names = {name for id_ in norm.visual if id_ in mine for name in mine[id_].names.get(language, ())}
                    if strange not in names:
                        text = _fill(draw.choice(frames[language]["breach"]), x=strange)
                        yield Answer(norm, text, False, language, "another thing")

    def _name(self, norm: Norm, language: str, draw: random.Random, *, ruled: bool = False) -> str | None:
        """A name of one of the norm's things (of those that it rules out) in `language`."""
        concepts = self._library.vocabulary.concepts
        known = [concepts[id_] for id_ in norm.visual if id_ in concepts]
        if ruled:
            known = [term for term in known if self._features.mark_of(norm, term.name) == RULED]
        names = [name for term in known for name in term.names.get(language, ())]
        return draw.choice(names) if names else None


def _thinned(text: str, draw: random.Random) -> str:
    """The text with some of its words gone, as somebody else would say it in fewer."""
    if draw.random() < 0.4:
        return text.rstrip(".")
    parts = text.rstrip(".").split()
    kept = [part for part in parts if draw.random() > 0.25]
    return " ".join(kept if len(kept) >= 2 else parts)


def _fill(frame: str, **values: str) -> str:
    filled: dict[str, Any] = {}
    for name, value in values.items():
        filled[name] = value[:1].lower() + value[1:]
        filled[name.upper()] = value[:1].upper() + value[1:]
    text = frame.format(**filled)
    text = text if re.match(r"^[\W\d]", text) else text[:1].upper() + text[1:]
    return text if text[-1] in ".!?。？។।።*" else text + "."
