"""Norms by country."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from guard import Guard
from guard.actions.advise import advise
from guard.actions.block import block
from guard.norms.library import Library
from guard.norms.model import Pack
from tests.norms.samples import norm, pack

ITALY = pack(
    norm(id="it.gift.things"),
    norm(id="it.church.dress", title="Cover up", scope={"countries": ["IT", "VA"]}),
    norm(id="it.stamps.vatican", title="Ask for stamps", scope={"countries": ["VA"]}),
    country="IT",
)


def library(guard: Guard) -> Library:
    return Library({"IT": Pack.model_validate(ITALY)}, guard.library.vocabulary)


def test_norms_hold_where_they_say(guard: Guard) -> None:
    known = library(guard)
    assert [n.id for n in known.of_country("IT")] == ["it.gift.things", "it.church.dress"]
    assert [n.id for n in known.of_country("VA")] == ["it.church.dress", "it.stamps.vatican"]
    assert known.of_country("SM") == []


@pytest.mark.parametrize(
    ("asked", "place", "other"),
    [(["VA", "IT"], "Vatican", "Italy"), (["IT"], "Italy", "Vatican"), ([], "Italy", "Vatican")],
)
def test_a_norm_is_told_for_the_place_that_was_asked_about(
    guard: Guard, asked: list[str], place: str, other: str
) -> None:
    both = [n for n in library(guard).of_country("VA") if n.id == "it.church.dress"]
    note = advise(both, budget=350, asked=asked)
    assert note
    assert place in note.text
    assert other not in note.text
    assert "()" not in note.text
    assert place in block(both, "en", asked)


def test_no_pack_speaks_for_another_country() -> None:
    with pytest.raises(ValidationError, match=r"also: no pack speaks for another country; .*scope"):
        Pack.model_validate(ITALY | {"also": ["VA"]})


@pytest.mark.parametrize(
    ("place", "code"),
    [("Taipei", "TW"), ("Hong Kong", "HK"), ("Macau", "MO"), ("Kuwait City", "KW"), ("Doha", "QA"), ("Muscat", "OM"),
     ("Manama", "BH")],
)  # fmt: skip
def test_no_norm_of_china_or_the_emirates_is_told_elsewhere(guard: Guard, place: str, code: str) -> None:
    questions = [f"Which of these should I bring to my host in {place}?", f"Where can I fly my drone in {place}?"]
    questions += [f"May I drink beer in a park in {place}?", f"Bibles for my church friends in {place}: how many?"]
    told = [guard.check(question) for question in questions]
    assert any(decision.norms for decision in told)
    for decision in told:
        assert all(code in guard.library.norms[norm.id].countries for norm in decision.norms)
        assert "China," not in (decision.guidance or "")
        assert "Emirates" not in (decision.guidance or "")
