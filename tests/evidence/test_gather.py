"""Evidence from all sources, weighed."""

from __future__ import annotations

from guard import Exchange, Guard
from guard.evidence.gather import Gatherer
from guard.pictures.decode import PictureCache
from guard.types import Evidence, Findings


def test_evidence_from_independent_sources_adds_up() -> None:
    pieces = [Evidence("culture", "JP", 0.5, "text"), Evidence("culture", "JP", 0.4, "text")]
    assert Findings.weigh(pieces).cultures == {"JP": 0.5}
    assert Findings.weigh([*pieces, Evidence("culture", "JP", 0.5, "exif")]).cultures == {"JP": 0.75}


def test_a_failing_source_is_reported_and_costs_the_others_nothing(guard: Guard) -> None:
    gather = Gatherer(guard.library, PictureCache())

    def broken(exchange: Exchange) -> list[Evidence]:
        raise RuntimeError("boom")

    gather._sources["caption"] = broken
    findings = gather(Exchange.of("A gift for Japan"))
    assert findings.degraded == ["caption"]
    assert "JP" in findings.cultures
