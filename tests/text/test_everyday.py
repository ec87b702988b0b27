"""Words of everyday speech, and borders of words where none are written."""

from __future__ import annotations

import numpy as np
import pytest

from guard.text.everyday import FILE, borders, everyday
from guard.text.languages import bits


def spans(run: str, *names: str) -> list[tuple[int, int]]:
    return [(at, at + len(name)) for name in names for at in range(len(run)) if run.startswith(name, at)]


def named(run: str, *names: str) -> set[str]:
    return {run[start:end] for start, end in borders(run, spans(run, *names))}


@pytest.mark.parametrize(
    ("word", "language"), [("nice", "en"), ("reading", "en"), ("des", "fr"), ("того", "ru"), ("akan", "id")]
)
def test_words_that_look_like_names(word: str, language: str) -> None:
    assert everyday(word) & bits([language])


@pytest.mark.parametrize(
    ("word", "language"), [("japan", "en"), ("tokyo", "en"), ("paris", "fr"), ("россия", "ru"), ("xyzzy", "en")]
)
def test_names_that_are_no_words(word: str, language: str) -> None:
    assert not everyday(word) & bits([language])


@pytest.mark.parametrize(
    ("run", "name", "found"),
    [
        ("今日本店に行きました", "日本", False),  # 今日 本店
        ("日本に行きました", "日本", True),
        ("来週日本に行きます", "日本", True),
        ("東京都内", "京都", False),  # 東京 都内
        ("京都に行く", "京都", True),
        ("スパイスをください", "パイ", False),  # a run of katakana is one word
        ("パリで", "パリ", True),
        ("アパリシオ", "パリ", False),
        ("去日本旅行", "日本", True),
    ],
)
def test_a_name_inside_another_word_is_none(run: str, name: str, found: bool) -> None:
    assert (name in named(run, name)) is found


def test_a_run_without_names_is_not_looked_through() -> None:
    assert borders("今日本店に行きました", []) == set()


def test_of_names_inside_each_other_those_on_borders_count() -> None:
    assert "東京都" in named("東京都に住む", "東京都", "京都") or "東京" in named("東京都に住む", "東京", "京都")
    assert "京都" not in named("東京都に住む", "東京都", "京都")


def test_the_file_says_what_it_is_made_of() -> None:
    with np.load(FILE) as stored:
        about = bytes(stored["about"].tobytes()).decode()
    assert "wordfreq" in about
    assert "CC BY-SA 4.0" in about
    assert FILE.stat().st_size < 4_000_000
