"""Which norms are candidates for a request."""

from __future__ import annotations

import dataclasses

from guard import Guard
from guard.norms.retrieval import candidates
from guard.types import Findings


def test_candidates_are_those_of_the_likeliest_countries_that_the_policy_allows(guard: Guard) -> None:
    findings = Findings(cultures={"JP": 0.9, "CN": 0.8, "IN": 0.2, "AQ": 0.9}, sources={})
    found = candidates(findings, guard.library, allow=lambda code: code != "CN")
    assert {n.country for n in found} == {"JP"}
    named = dataclasses.replace(findings, cultures={}, named={guard.library.packs["IN"].norms[0].id: 0.9})
    assert [n.country for n in candidates(named, guard.library)] == ["IN"]
