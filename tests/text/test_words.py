"""Words: folded, stemmed, and what stands around them."""

from __future__ import annotations

import pytest

from guard.text.words import Words, fold, stemmer, stems, words

HYPHENS = pytest.mark.xfail(reason="a hyphen inside a word is taken for a dash")


def test_folding_keeps_hangul_and_kana_whole() -> None:
    assert fold("선물 ガギグ Ésta") == "선물 ガギグ esta"
    assert stems("regalos japonesas", "es") == ["regal", "japones"]
    assert len(fold("한국")) == 2


@pytest.mark.parametrize(
    "text",
    ["हिन्दी में घड़ी", "বাংলা ভাষা", "தமிழ் மொழி", "తెలుగు భాష", "ਪੰਜਾਬੀ ਬੋਲੀ", "සිංහල භාෂාව", "नेपाली भाषा", "मराठी"],
)
def test_vowel_signs_do_not_part_words(text: str) -> None:
    assert words(fold(text)) == text.split()


def test_the_danda_parts_words() -> None:
    assert words("चाय दें।घड़ी मत दें॥") == ["चाय", "दें", "घड़ी", "मत", "दें"]


def test_unspaced_scripts_are_no_words() -> None:
    assert words("go to 東京 or ญี่ปุ่น now") == ["go", "to", "or", "now"]


def opening(text: str) -> list[str]:
    found = Words.of(text)
    return [word for word, opens in zip(found.lower, found.opens, strict=True) if opens]


def parted(text: str) -> list[str]:
    found = Words.of(text)
    return [word for word, breaks in zip(found.lower, found.breaks, strict=True) if breaks]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Nice one. Reading helps! Bath too?\nLima", ["nice", "reading", "bath", "lima"]),
        ("He said “Nice” and (Bath) left", ["he", "nice", "bath"]),
        ("- Kyoto\n- Nara – Osaka", ["kyoto", "nara", "osaka"]),
        ("¿Lima? ¡Cali!", ["lima", "cali"]),
        pytest.param("well-known Nice", ["well"], marks=HYPHENS),
        ("घड़ी दें। चाय", ["घड़ी", "चाय"]),
    ],
)
def test_words_with_which_something_begins(text: str, wanted: list[str]) -> None:
    assert opening(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("from Peru, then Chile; Lima (Cali)", ["then", "lima", "cali"]),
        ("not Japan but Korea", []),
        ("الأردن، مصر", ["مصر"]),
        ("Tokyo - then Kyoto", ["then"]),
        pytest.param("a well-known place", [], marks=HYPHENS),
    ],
)
def test_words_before_which_a_clause_ends(text: str, wanted: list[str]) -> None:
    assert parted(text) == wanted


def test_words_where_they_stand() -> None:
    text = "Im Café d'Inde"
    found = Words.of(text)
    assert found.folded == ["im", "cafe", "d", "inde"]
    assert found.lower == ["im", "café", "d", "inde"]
    assert [text[a:b] for a, b in zip(found.starts, found.ends, strict=True)] == ["Im", "Café", "d", "Inde"]
    assert found.capital == [True, True, False, True]
    assert found.marks == ["", " ", " ", "'"]


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("uk", "годинник", "годинника"),
        ("bg", "часовник", "часовникът"),
        ("he", "שולחן", "השולחן"),
        pytest.param("he", "שעון", "שעונים", marks=pytest.mark.xfail(reason="final letters are other letters")),
        pytest.param("he", "מתנה", "מתנות", marks=pytest.mark.xfail(reason="the first letter is taken for a prefix")),
        ("sw", "zawadi", "zawadini"),
        ("ko", "시계를", "시계는"),
        ("am", "ሰዓት", "ሰዓትን"),
        ("de", "uhren", "uhr"),
        ("pl", "zegar", "zegary"),
        ("xx", "same", "same"),
    ],
)
def test_forms_of_a_word_have_one_stem(language: str, one: str, other: str) -> None:
    stem = stemmer(language)
    assert stem(fold(one)) == stem(fold(other))


@pytest.mark.parametrize("language", ["uk", "bg", "he", "ur", "bn", "te", "mr", "pa", "si", "sw", "zu", "hi"])
def test_a_stem_is_no_single_letter(language: str) -> None:
    for word in ("ната", "הים", "یں", "কে", "को", "ni", "में", "ਾਂ"):
        assert len(stemmer(language)(word)) >= min(2, len(word))
