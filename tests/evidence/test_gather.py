"""Evidence from all sources, weighed."""

from __future__ import annotations

import pytest

from guard import Exchange, Guard
from guard.evidence.base import Parts
from guard.evidence.captions import Captions
from guard.evidence.gather import Gatherer
from guard.types import Evidence, Findings


def test_evidence_from_independent_sources_adds_up() -> None:
    pieces = [Evidence("culture", "JP", 0.5, "text"), Evidence("culture", "JP", 0.4, "text")]
    assert Findings.weigh(pieces).cultures == {"JP": 0.5}
    assert Findings.weigh([*pieces, Evidence("culture", "JP", 0.5, "exif")]).cultures == {"JP": 0.75}


def test_a_failing_source_is_reported_and_costs_the_others_nothing(
    guard: Guard, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Captions, exchange: Exchange) -> list[Evidence]:
        raise RuntimeError("boom")

    monkeypatch.setattr(Captions, "__call__", broken)
    findings = Gatherer(Parts(guard.library))(Exchange.of("A gift for Japan"))
    assert findings.degraded == ["caption"]
    assert "JP" in findings.cultures
