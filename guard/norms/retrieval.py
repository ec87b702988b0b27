"""Candidates: the norms that could be at stake, before anything weighs them."""

from __future__ import annotations

from collections.abc import Callable

from guard.norms.library import Library
from guard.norms.model import Norm
from guard.types import Findings

MAX_CULTURES = 3
_SHARE = 0.7  # of the certainty of the likeliest culture, to be considered beside it


def candidates(
    findings: Findings, library: Library, *, allow: Callable[[str], bool] = lambda code: True, floor: float = 0.3
) -> list[Norm]:
    """Norms of the likeliest cultures, or, where no place is known, those whose own object or rite the text names.

    A culture's whole pack is taken: it is small, and which of its norms matter is for the scorer to say. What is known
    of situations and concepts weighs there, where it can also be outweighed. Norms hold where they hold: one of another
    country is no candidate for an object that the text names, nor a culture that is much less certain than the first.

    Args:
        findings: the evidence.
        library: the norms at hand.
        allow: whether a country's norms may be used.
        floor: certainty from which a culture is considered.
    """
    floor = max(floor, _SHARE * max(findings.cultures.values(), default=0.0))
    likely = [code for code, score in findings.cultures.items() if score >= floor]
    if likely:
        covered = [code for code in likely if library.of_country(code)]
        norms = [norm for code in covered[:MAX_CULTURES] for norm in library.of_country(code)]
    else:
        norms = [library.norms[id_] for id_ in findings.named]
    return list({norm.id: norm for norm in norms if any(map(allow, norm.countries))}.values())
