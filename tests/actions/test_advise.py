"""Guidance: what it says, and how long it is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from guard.actions.advise import advise, count_tokens
from tests.policy.samples import BAD, CONTESTED, made


def test_guidance_says_what_and_what_instead() -> None:
    note = advise([BAD, CONTESTED], budget=350)
    assert note is not None
    assert note.norms == (BAD, CONTESTED)
    assert "- Things are not given as gifts. Things stand for partings. Instead: sweets or flowers." in note.text
    assert "[views differ]" in note.text
    assert note.tokens == count_tokens(note.text)


def test_guidance_names_whom_a_norm_concerns() -> None:
    note = advise([made(scope={"region": "Bali"})], budget=350)
    assert note is not None
    assert "(Bali)" in note.text


@given(st.integers(80, 500), st.integers(1, 12))
def test_guidance_keeps_to_its_budget(budget: int, count: int) -> None:
    norms = [made(f"xx.gift.n{i}", title=f"Norm {i} " + "x " * 35) for i in range(count)]
    note = advise(norms, budget=budget)
    if note is None:
        assert budget < 200
    else:
        assert note.tokens <= budget
        assert list(note.norms) == norms[: len(note.norms)]


def test_no_norms_no_guidance() -> None:
    assert advise([], budget=350) is None
