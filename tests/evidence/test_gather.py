"""Evidence from all sources, weighed."""

from __future__ import annotations

import pytest

from guard import Exchange, Guard, Image, Turn
from guard.evidence.base import Parts
from guard.evidence.captions import Captions
from guard.evidence.gather import MAX_PICTURES, MAX_TEXT, Gatherer
from guard.text.places import countries, country_name
from guard.types import Evidence, Findings
from tests.samples import png

QUESTION = "Is a wall clock a nice gift in Shanghai?"
MINUTES = "The minutes of the meeting were read and everybody agreed that they had been kept well. " * 1200


@pytest.fixture(scope="module")
def gather(guard: Guard) -> Gatherer:
    return Gatherer(Parts(guard.library))


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


def test_a_role_is_that_of_the_surest_piece_and_what_is_absent_is_no_thing() -> None:
    found = Findings.weigh(
        [
            Evidence("culture", "JP", 0.3, "history", role="home"),
            Evidence("culture", "JP", 0.9, "text", role="destination"),
            Evidence("culture", "FR", 0.9, "hint"),
            Evidence("act", "bow", 0.9, "text"),
            Evidence("concept", "pork", 0.9, "text", role="absent"),
        ]
    )
    assert found.roles == {"JP": "destination"}
    assert found.acts == {"bow": 0.9}
    assert (found.absent, found.mentioned) == ({"pork": 0.9}, {})
    assert [piece.value for piece in found.evidence] == ["JP", "JP", "FR", "bow", "pork"]


@pytest.mark.parametrize("size", [8_400, MAX_TEXT, 40_000, 100_000])
def test_the_question_at_the_end_of_a_long_text_is_read(gather: Gatherer, size: int) -> None:
    text = f"{MINUTES[: size - len(QUESTION) - 2]}\n\n{QUESTION}"
    assert len(text) == size
    found = gather(Exchange.of(text))
    assert found.cultures["CN"] > 0.8
    assert "wall-clock" in found.mentioned
    assert found.degraded == (["text-limit"] if size > MAX_TEXT else [])


def test_so_is_the_one_at_its_head_and_what_is_in_the_middle_is_not(gather: Gatherer) -> None:
    page = MINUTES[:40_000]
    assert "CN" in gather(Exchange.of(f"{QUESTION}\n\n{page}")).cultures
    found = gather(Exchange.of(f"{page}{QUESTION} {page}"))
    assert found.cultures == {}
    assert found.degraded == ["text-limit"]


def test_of_a_long_conversation_the_last_turns_are_read(gather: Gatherer) -> None:
    turns = [Turn("user", f"We fly to Kenya. {MINUTES[:15_000]}"), Turn("assistant", "Fine.")] * 6
    found = gather(Exchange((*turns, Turn("user", QUESTION))))
    assert next(iter(found.cultures)) == "CN"
    assert found.degraded == ["text-limit"]
    exchange, left_out = gather.bounded(Exchange((*turns, Turn("user", QUESTION))))
    assert left_out == ["text-limit"]
    assert exchange.query == QUESTION
    assert len(exchange.turns) == len(turns) + 1
    assert sum(len(turn.text) for turn in exchange.turns) <= 4 * MAX_TEXT


def test_a_conversation_of_endless_short_turns_is_bounded(gather: Gatherer) -> None:
    exchange, left_out = gather.bounded(Exchange(tuple(Turn("user", "Yes.") for _ in range(10_000))))
    assert sum(bool(turn.text) for turn in exchange.turns) < 200
    assert left_out == ["text-limit"]


def test_the_last_pictures_are_looked_at(gather: Gatherer) -> None:
    images = tuple(Image(data=png((8, 8 + number)), name=f"{number}.png") for number in range(MAX_PICTURES + 1))
    exchange = Exchange((Turn("user", "Look.", images[:20]), Turn("user", "And these?", images[20:])))
    assert "picture-limit" in gather(exchange).degraded
    kept, left_out = gather.bounded(exchange)
    assert kept.images == images[1:]
    assert left_out == ["picture-limit"]
    one_fewer = Exchange((Turn("user", "Look.", images[1:20]), Turn("user", "And these?", images[20:])))
    assert gather(one_fewer).degraded == []


def test_a_list_of_all_countries_says_nothing_of_one(gather: Gatherer) -> None:
    found = gather(Exchange.of("Sort these names: " + ", ".join(country_name(code) for code in sorted(countries()))))
    assert len(found.cultures) > 200
    assert len(set(found.roles.values())) == 1


@pytest.mark.parametrize("text", ["😀😀😀", "🎁🕰️", "?!", "12:30", ""])
def test_a_text_without_words_says_nothing_and_lacks_nothing(gather: Gatherer, text: str) -> None:
    found = gather(Exchange.of(text))
    assert (found.cultures, found.mentioned, found.language, found.degraded) == ({}, {}, None, [])


def test_directions_that_are_mixed(gather: Gatherer) -> None:
    found = gather(Exchange.of("\u202bهدية \u200fwall clock\u200e لصديقي في\u202c 上海؟"))
    assert next(iter(found.cultures)) == "CN"
    assert "wall-clock" in found.mentioned
    assert found.degraded == []
