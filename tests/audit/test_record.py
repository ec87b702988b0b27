"""What is kept of a decision."""

from __future__ import annotations

from guard import Guard
from tests.audit.records import record
from tests.samples import CLOCK


def test_a_record_holds_hashes_and_no_text_unless_asked(guard: Guard) -> None:
    kept = record(guard)
    assert kept.query is kept.guidance is kept.rewritten is None
    assert len(kept.query_hash) == 64
    assert len(kept.image_hashes) == 1
    assert "cn.gift.clocks" in kept.norms
    assert record(guard).query_hash == kept.query_hash
    assert record(guard, secret=b"other").query_hash != kept.query_hash
    assert record(guard, content=True).query == CLOCK
