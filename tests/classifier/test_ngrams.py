"""Texts as hashed pieces of words."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from guard.classifier.ngrams import BUCKETS, MAX_IDS, hashed


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=400))
def test_ids_are_within_bounds_and_never_none(text: str) -> None:
    ids = hashed(text)
    assert 1 <= len(ids) <= MAX_IDS
    assert all(0 <= id_ < BUCKETS for id_ in ids)
    assert hashed(text) == ids
