"""Texts cut into sentences."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guard.text.sentences import SentenceSplitter, sentences


@given(st.text(alphabet="ab .!?。\n1។।،\"'Mr€字ก", max_size=400), st.integers(1, 30), st.integers(40, 90))
def test_sentences_joined_are_the_text(text: str, size: int, limit: int) -> None:
    splitter = SentenceSplitter(limit)
    out = [sentence for i in range(0, len(text), size) for sentence in splitter.feed(text[i : i + size])]
    out += splitter.flush()
    assert "".join(out) == text
    assert all(out)
    assert all(len(sentence) <= limit for sentence in out[:-1])


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("One. Two! Three?", 3),
        ("It costs 3.50 euros. Fine.", 2),
        ("1. Tea\n2. Fruit\n", 2),
        ("e.g. tea. Good.", 2),
        ("時計は避けます。お茶が良いです。", 2),
        ("घड़ी मत दें। चाय दें।", 2),
        ("لا تهد ساعة. اهد شايا؟ نعم", 3),
        ("ሰዓት አይስጡ። ሻይ ይስጡ።", 2),
        ("no end", 1),
        ("", 0),
    ],
)
def test_sentences(text: str, count: int) -> None:
    assert len(sentences(text)) == count
