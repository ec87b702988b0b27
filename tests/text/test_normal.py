"""Texts as they are compared, and the way back."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guard.text.normal import normal


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("Tokyo", "Tokyo"),
        ("Tō\u00adkyō", "Tōkyō"),  # soft hyphen
        ("To\u2060kyo", "Tokyo"),  # word joiner
        ("\u202eTokyo\u202c\ufeff", "Tokyo"),  # direction marks and a byte order mark
        ("clock\ufe0f\U000e0041", "clock"),  # variation selector, tag
        ("ﾄｳｷｮｳ", "トウキョウ"),  # half-width kana
        ("ｶﾞｰﾅ", "ガーナ"),  # whose voicing mark is a character of its own
        (unicodedata.normalize("NFD", "한국"), "한국"),
        (unicodedata.normalize("NFD", "México"), "México"),
        (unicodedata.normalize("NFD", "パリ"), "パリ"),
        ("Ｊａｐａｎ", "Japan"),
        ("ﻣﺼﺮ", "مصر"),  # presentation forms
        ("مـصـر", "مصر"),  # stretched with tatweel
        ("ﬁlm", "film"),
        ("a\ud800b", "a\ufffdb"),
        ("", ""),
    ],
)
def test_the_same_text_however_it_is_written(given: str, wanted: str) -> None:
    assert normal(given).text == wanted


@pytest.mark.parametrize(
    ("text", "word", "written"),
    [
        ("in To\u00adkyo, please", "Tokyo", "To\u00adkyo"),
        ("on to \u2060Kyoto", "Kyoto", "Kyoto"),
        ("ｶﾞｰﾅへ", "ガーナ", "ｶﾞｰﾅ"),
        (unicodedata.normalize("NFD", "나는 한국에"), "한국", unicodedata.normalize("NFD", "한국")),
        ("a ﬁne ﬁlm", "film", "ﬁlm"),
        ("\ud83d x Lima", "Lima", "Lima"),
        ("plain", "plain", "plain"),
    ],
)
def test_a_span_leads_back_to_what_was_written(text: str, word: str, written: str) -> None:
    found = normal(text)
    start = found.text.index(word)
    first, end = found.span(start, start + len(word))
    assert text[first:end].strip("\u2060") == written


def test_a_text_that_is_normal_stays_the_same_object() -> None:
    for text in ("plain words", "日本へ行く", "schöne Grüße"):
        assert normal(text).text is text
        assert normal(text).span(1, 3) == (1, 3)


@given(st.text(alphabet=st.characters() | st.sampled_from("\u00ad\u2060ﾞｶ각\u1100\u1161\u0301ﬁ\ufdfa"), max_size=40))
def test_any_text_can_be_normalised_and_every_character_led_back(text: str) -> None:
    found = normal(text)
    spans = [found.span(i, i + 1) for i in range(len(found.text))]
    assert all(0 <= start <= end <= len(text) for start, end in spans)
    assert [start for start, _ in spans] == sorted(start for start, _ in spans)
    assert found.span(0, len(found.text))[1] == len(text)
    found.text.encode()
