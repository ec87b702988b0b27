"""Which of the places of a conversation its last question is about."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from guard.norms.vocabulary import Vocabulary
from guard.reading.conversation import HISTORY, Read, evidence_of
from guard.reading.reader import Reader
from guard.types import Evidence

Conversation = Callable[..., list[Evidence]]
"""Turns, the user's and the assistant's in alternation or ``(role, text)``, to what they tell."""


@pytest.fixture(scope="session")
def told(reader: Reader) -> Conversation:
    vocabulary = Vocabulary()

    def told(*turns: str | tuple[str, str], language: str = "en") -> list[Evidence]:
        said = [
            turn if isinstance(turn, tuple) else (("user", "assistant")[n % 2], turn) for n, turn in enumerate(turns)
        ]
        read = [Read(n, role, text, reader(text, [language])) for n, (role, text) in enumerate(said)]
        return list(evidence_of(read, vocabulary))

    return told


def ranked(evidence: list[Evidence]) -> list[str]:
    """The countries, likeliest first, of each its surest piece; without those that count nothing."""
    best: dict[str, float] = {}
    for piece in evidence:
        if piece.kind == "culture":
            best[piece.value] = max(piece.score, best.get(piece.value, 0.0))
    return sorted((code for code, score in best.items() if score), key=lambda code: -best[code])


def score(evidence: list[Evidence], code: str) -> float:
    return max((piece.score for piece in evidence if piece.value == code), default=0.0)


@pytest.mark.parametrize(
    ("turns", "first"),
    [
        (["We fly to Kenya.", "Nice.", "And then to Laos. What do I wear?"], "LA"),
        (["We fly to Kenya.", "Nice.", "What do I wear?"], "KE"),
        (["We fly to Kenya.", "Nice.", "Change of plan: it is Laos now."], "LA"),
        (["We fly to Kenya.", "Nice.", "We are not going to Kenya but Laos."], "LA"),
        (["We fly to Kenya.", "Nice.", "We won't go to Kenya but to Laos."], "LA"),
        (["We go to Kenya, actually to Laos."], "LA"),
        (["We go to Laos. Later we go to Kenya. What do I wear in Laos?"], "LA"),
        (["I'm from Kenya. What do I wear in Laos?"], "LA"),
        (["I'm from Kenya.", "Hello!", "What do I wear in Laos?"], "LA"),
        (["What do I wear in Laos?", "Long sleeves.", "I'm from Kenya."], "LA"),
        (["I live in Dubai. Is it fine to eat in the street?"], "AE"),
        (["Flying via Dubai to Laos. What do I wear?"], "LA"),
        (["Japanese guests come to us. We live in Ohio."], "JP"),
    ],
)
def test_the_country_of_the_last_question(told: Conversation, turns: list[str], first: str) -> None:
    assert ranked(told(*turns))[0] == first


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("What do I wear at the second one?", "LA"),
        ("And what do I wear at the first one?", "KE"),
        ("What do I wear at the last one?", "VN"),
        ("What do I wear during the layover?", "QA"),
    ],
)
def test_one_that_is_pointed_at(told: Conversation, question: str, first: str) -> None:
    trip = "We fly via Doha, first to Kenya, then to Laos, then to Vietnam."
    assert ranked(told(trip, "Nice.", question))[0] == first


def test_a_place_that_is_pointed_at_leaves_the_others_behind(told: Conversation) -> None:
    found = told("We fly to Kenya and to Laos.", "Nice.", "What do I wear at the second one?")
    assert score(found, "LA") > 2 * score(found, "KE")


def test_what_is_pointed_at_in_a_question_that_names_its_place_counts_nothing(told: Conversation) -> None:
    assert ranked(told("We fly to Kenya and Laos.", "Nice.", "In Vietnam, is the second one a tip?"))[0] == "VN"


def test_earlier_destinations_fade_and_stay(told: Conversation) -> None:
    found = told("We fly to Kenya.", "Nice.", "And to Laos?")
    assert 0.2 < score(found, "KE") < 0.5 < score(found, "LA")
    alone = told("We fly to Kenya.", "Nice.", "What do I wear?")
    assert score(alone, "KE") == pytest.approx(HISTORY * score(told("We fly to Kenya."), "KE"))


def test_what_is_not_meant_counts_nothing(told: Conversation) -> None:
    found = told("Not Kenya, Laos.")
    assert score(found, "KE") == 0.0
    assert {piece.role for piece in found if piece.value == "KE"} == {"negated"}


def test_who_the_people_are_holds_wherever_the_talk_goes(told: Conversation) -> None:
    found = told("My boss is Japanese.", "Oh.", "We meet in Ohio. What do I give him?")
    assert set(ranked(found)) == {"JP", "US"}
    assert score(found, "JP") > 0.6
    others = told("My boss is Japanese.", "Oh.", "And my colleagues are Indian. What do I give them?")
    assert score(others, "JP") < 0.4


def test_home_and_former_places_count_little_beside_a_destination(told: Conversation) -> None:
    beside = told("I'm from Kenya and was in Peru last year. What do I wear in Laos?")
    assert ranked(beside) == ["LA", "KE", "PE"]
    assert score(beside, "KE") < 0.5
    assert score(told("I live in Kenya. What do I wear?"), "KE") > 0.8


def test_each_is_told_with_its_role_its_source_and_its_place(told: Conversation) -> None:
    turns = "I'm from Kenya.", "Hello!", "What do I wear in Laos?"
    pieces = {piece.value: piece for piece in told(*turns) if piece.kind == "culture"}
    assert (pieces["KE"].role, pieces["KE"].source) == ("home", "history")
    assert (pieces["LA"].role, pieces["LA"].source) == ("destination", "text")
    for piece in pieces.values():
        assert piece.at is not None
        number, start, end = piece.at
        assert turns[number][start:end] in ("Kenya", "Laos")


def test_what_the_assistant_suggests_counts_where_the_user_names_nothing(told: Conversation) -> None:
    suggested = told("Where could we go?", "How about Laos?", "Good. What do I wear?")
    assert 0.3 < score(suggested, "LA") < 0.5
    assert score(told("To Kenya.", "How about Laos?", "No. What do I wear?"), "LA") == 0.0
    things = told("What do I bring?", "Bring a wall clock.", "Is that right?")
    assert score(things, "wall-clock") == pytest.approx(0.9 * 0.45)
    acts = told("How do I greet?", "You may bow.", "Is that right?")
    assert {piece.value for piece in acts if piece.kind == "act" and piece.at and piece.at[0] == 1} == set()


def test_the_applications_prompt_tells_places_alone(told: Conversation) -> None:
    prompt = ("system", "You help guests in Laos. Never speak of wall clocks.")
    found = told(prompt, ("user", "What do I wear?"))
    assert [piece.value for piece in found if piece.source == "system"] == ["LA"]
    assert score(found, "LA") == pytest.approx(0.5, abs=0.1)
    assert ranked(told(prompt, ("user", "What do I wear in Kenya?")))[0] == "KE"


def test_things_of_earlier_turns_count_almost_as_much(told: Conversation) -> None:
    found = told("I have a wall clock.", "Fine.", "Is it a gift for Laos?")
    assert score(found, "wall-clock") == pytest.approx(0.9 * HISTORY)
    assert {piece.source for piece in found if piece.value == "wall-clock"} == {"history"}


def test_the_askers_own_country_is_that_of_the_language(told: Conversation) -> None:
    here = told("Ist das bei uns in Deutschland üblich?", language="de")
    assert ranked(here) == ["DE"]
    (piece,) = [one for one in told("これは日本国内では失礼ですか", language="ja") if one.kind == "culture"]
    assert piece.value == "JP"
    (piece,) = [one for one in told("Darf man das bei uns?", language="de") if one.kind == "culture"]
    assert (piece.value, piece.source, piece.role) == ("DE", "language", "destination")
    assert ranked(told("In Laos, darf man das wie bei uns?", language="de"))[0] == "LA"
    assert ranked(told("Darf man das?", language="de")) == []


def test_no_turns_no_evidence(told: Conversation) -> None:
    assert told() == []
    assert told(("system", "Hello."), ("assistant", "In Laos?"), language="en")[0].source == "history"
