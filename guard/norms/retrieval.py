"""Candidates: the norms that could be at stake, before anything weighs them."""

from __future__ import annotations

from collections.abc import Callable

from guard.norms.library import Library
from guard.norms.model import Norm
from guard.types import Findings

MAX_CULTURES = 3


def candidates(
    findings: Findings, library: Library, *, allow: Callable[[str], bool] = lambda code: True, floor: float = 0.3
) -> list[Norm]:
    """Norms of the likeliest cultures, and those that the text names by their own object or rite.

    A culture's whole pack is taken: it is small, and which of its norms matter is for the scorer to say. What is known
    of situations and concepts weighs there, where it can also be outweighed.

    Args:
        findings: the evidence.
        library: the norms at hand.
        allow: whether a country's norms may be used.
        floor: certainty from which a culture is considered.
    """
    found: dict[str, Norm] = {}
    likely = [code for code, score in findings.cultures.items() if score >= floor and library.of_country(code)]
    for code in likely[:MAX_CULTURES]:
        norms = library.of_country(code)
        if allow(norms[0].country):
            found.update((norm.id, norm) for norm in norms)
    for id_ in findings.named:
        norm = library.norms[id_]
        if allow(norm.country):
            found[id_] = norm
    return list(found.values())
