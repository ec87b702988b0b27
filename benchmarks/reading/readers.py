"""What is measured beside the guard: a plain look-up of names, and an identifier of languages off the shelf."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from benchmarks.reading.cases import Case
from guard.evidence.base import Parts
from guard.evidence.gather import Gatherer
from guard.norms.library import Library
from guard.text.gazetteer import Gazetteer, Rank
from guard.text.normal import normal
from guard.text.words import UNSPACED_RUN, fold, words

FLOOR = 0.3
"""Certainty from which a country's norms are considered: `Thresholds.culture` of the default policy."""


@dataclass(slots=True)
class Understood:
    """What a reader makes of a case: countries, likeliest first, and what else it tells."""

    countries: list[str]
    language: str | None = None
    roles: dict[str, str] = field(default_factory=dict)
    acts: set[str] = field(default_factory=set)
    things: set[str] = field(default_factory=set)
    absent: set[str] = field(default_factory=set)


class CaseReader(Protocol):
    """Reads a case."""

    name: str

    def __call__(self, case: Case) -> Understood: ...


_AS = {"residence": "home", "mention": "destination", "language": "destination"}


class GuardReader:
    """The guard's own evidence, without the classifier."""

    name = "guard"

    def __init__(self, library: Library) -> None:
        self.gather = Gatherer(Parts(library))

    def __call__(self, case: Case) -> Understood:
        found = self.gather(case.exchange)
        return Understood(
            # A thing that only carries a country's name is told as such, and no destination.
            [c for c, score in found.cultures.items() if score >= FLOOR and found.roles.get(c) != "goods"],
            found.language,
            {code: _AS.get(role, role) for code, role in found.roles.items() if role != "goods"},
            set(found.acts),
            set(found.mentioned),
            set(found.absent),
        )


class LookUp:
    """Every name of the gazetteer, wherever it stands and however it is written; the first one named is meant."""

    name = "look-up"

    def __init__(self, gazetteer: Gazetteer) -> None:
        self._names = gazetteer

    def __call__(self, case: Case) -> Understood:
        found: dict[str, None] = {}
        for turn in reversed([turn for turn in case.turns if turn.role == "user"]):
            text = fold(normal(turn.text).text)
            spaced = words(text)
            for at in range(len(spaced)):
                window = " ".join(spaced[at : at + 6])
                keys = [key for key in self._names.prefixes(window) if window[len(key) : len(key) + 1] in ("", " ")]
                found.update(dict.fromkeys(self._codes(keys[:1])))
            for run in UNSPACED_RUN.findall(text):
                for at in range(len(run)):
                    keys = [key for key in self._names.prefixes(run[at : at + 12]) if len(key) > 1]
                    found.update(dict.fromkeys(self._codes(keys[:1])))
        return Understood(list(found))

    def _codes(self, keys: list[str]) -> list[str]:
        return [name.country for key in keys for name in self._names.get(key)[:1] if name.rank is not Rank.LATENT]


class OffTheShelf:
    """py3langid (Lui & Baldwin 2012), a well-kept identifier that is small: languages alone."""

    name = "py3langid"

    def __init__(self) -> None:
        import py3langid  # of the extra bench

        self._classify = py3langid.classify

    def __call__(self, case: Case) -> Understood:
        last = next(turn.text for turn in reversed(case.turns) if turn.role == "user")
        language, _ = self._classify(last)
        return Understood([], {"nb": "no", "nn": "no", "hr": "sr", "bs": "sr"}.get(language, language))
