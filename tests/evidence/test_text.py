"""What a question says of places and things."""

from __future__ import annotations

import pytest

from guard import Guard


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("My friend in Osaka is getting married.", "JP"),
        ("Что подарить другу в Киото?", "JP"),
        ("من صديق في القاهرة", "EG"),
        ("A dinner for 3000 yen", "JP"),
        ("我在上海的同事", "CN"),
        ("Diwali at my neighbour's", "IN"),
        ("my Japanese colleague", "JP"),
        ("regalo para mi colega japonesa", "JP"),
        ("подарок японскому другу", "JP"),
        ("Какой подарок сделать японскому другу на день рождения?", "JP"),
        ("a trip to the UK and back", "GB"),
        ("a trip to the U.K. and back", "GB"),
    ],
)
def test_destinations_that_are_implied(guard: Guard, text: str, code: str) -> None:
    assert guard.check(text).cultures[0]["code"] == code


@pytest.mark.parametrize(
    "text",
    [
        "How long do I roast a turkey with chestnuts?",
        "a nice bath towel, most of all",
        "Write a Python function that returns the present value",
        "The reading list is mobile first, of course",
        "Try to explain your answer. All of it in PHP or CAD.",
    ],
)
def test_common_words_are_no_places(guard: Guard, text: str) -> None:
    assert guard.check(text).cultures == ()


def test_where_somebody_comes_from_is_not_where_they_go(guard: Guard) -> None:
    decision = guard.check("I'm from Germany and will visit a family in Japan. What gift should I bring?")
    assert [culture["code"] for culture in decision.cultures[:2]] == ["JP", "DE"]
    assert decision.cultures[1]["score"] < 0.5


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "😀😀😀",
        "\u200f\u202e",
        "a" * 100_000,
        "日" * 50_000,
        "0 1 2 3",
        "ß ﬁ ﷺ İ",
        "\ud800 lone",
        "कि" * 9000,
        "﷽" * 20_000,
    ],
)
def test_odd_texts_do_no_harm(guard: Guard, text: str) -> None:
    assert guard.check(text).action == "pass"


def test_mixed_scripts_and_direction_marks(guard: Guard) -> None:
    decision = guard.check("هدية \u200fwall clock\u200e لصديقي في 上海")
    assert decision.cultures[0]["code"] == "CN"
    assert "wall-clock" in decision.concepts
