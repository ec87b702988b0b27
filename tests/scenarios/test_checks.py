"""What is found wrong with a set of scenarios."""

from __future__ import annotations

from itertools import cycle, islice
from random import Random

import numpy as np
import pytest

from guard.scenarios.checks import EACH, check, check_mixture
from guard.scenarios.model import Scenario
from guard.scenarios.probe import by_letters
from tests.scenarios.samples import CLOCK, REPAIR, scenario

NORM = "cn.gift.clocks"


def words(seed: int, number: int = 12) -> str:
    """Words that are nobody's."""
    random = Random(seed)
    return " ".join("".join(random.choices("abcdefghijklmnopqrstuvwxyz", k=6)) for _ in range(number))


def some(loaded: int, harmless: int, **changes: object) -> list[Scenario]:
    made = [scenario(id=f"l{i}", text=words(i), **changes) for i in range(loaded)]
    return made + [scenario(REPAIR, id=f"h{i}", text=words(1000 + i), **changes) for i in range(harmless)]


def test_a_norm_needs_loaded_and_harmless() -> None:
    assert check(some(EACH, EACH), [NORM]) == []
    (fault,) = check(some(EACH, EACH - 1), [NORM])
    assert str(fault) == f"{NORM}: scenarios: 4 loaded and 3 harmless, where 4 each are due"
    assert [fault.where for fault in check(some(EACH, EACH), [NORM, "cn.gift.pears"])] == ["cn.gift.pears"]


def test_copies_are_found_whatever_their_case_and_dots() -> None:
    copied = some(EACH, EACH)
    copied[1] = scenario(id="l1", text=copied[0].text.upper() + " !!")
    (fault,) = check(copied, [NORM])
    assert (fault.where, fault.message) == ("l1", "nearly the same as l0")


def test_the_same_in_other_words_is_found_by_meaning() -> None:
    def encode(text: str) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
        vector = np.zeros(40, dtype=np.float32)
        vector[0 if text in (words(0), words(2)) else Random(text).randrange(1, 40)] = 1
        return vector

    found = check(some(3, 2), [], encode=encode)
    assert ("l2", "means nearly the same as l0") in [(fault.where, fault.message) for fault in found]


def test_a_skeleton_that_recurs_is_found() -> None:
    framed = [scenario(id=f"f{i}", text=f"{words(i, 3)} would it be rude if i {words(i + 50, 3)}") for i in range(9)]
    assert any("'would it be rude if i' recurs in 9" in fault.message for fault in check(framed, []))
    opened = [scenario(id=f"o{i}", text=f"quick question about {words(i, 9)}") for i in range(9)]
    assert any("9 of 9 begin with 'quick question about'" in fault.message for fault in check(opened, []))


def test_a_mixture_of_few_writers_and_languages_is_told() -> None:
    told = "\n".join(map(str, check_mixture(some(10, 10))))
    for fault in (
        "writer ann",
        "10 of 20",
        "20 of 20 are in English",
        "1 languages, where 26",
        "0 of 20 are conversations",
    ):
        assert fault in told


def test_what_should_tell_nothing_is_alike() -> None:
    unlike = [*some(10, 0, caption="a clock"), *(scenario(REPAIR, id=f"s{i}", text=words(i, 4)) for i in range(10))]
    told = {fault.field for fault in check_mixture(unlike) if fault.where == "scenarios"}
    assert {"length", "pictures"} <= told


def test_the_probe_finds_a_style_and_no_style() -> None:
    pytest.importorskip("sklearn")
    writers = list(islice(cycle("abcdef"), 240))
    loaded = [i % 4 < 2 for i in range(240)]
    plain = [words(i) for i in range(240)]
    marked = [told and i % 5 > 0 for i, told in enumerate(loaded)]
    styled = [f"{text} gonna bring" if told else text for text, told in zip(plain, marked, strict=True)]
    assert np.mean(list(by_letters(plain, loaded, writers).values())) < 0.62
    areas = by_letters(styled, loaded, writers)
    assert set(areas) == set("abcdef")
    assert min(areas.values()) > 0.75
    style = [scenario(CLOCK if told else REPAIR, id=str(i), writer=w, text=t)
             for i, (t, told, w) in enumerate(zip(styled, loaded, writers, strict=True))]  # fmt: skip
    assert any(fault.field == "style" for fault in check_mixture(style, probe=by_letters))
    assert not any(fault.field == "style" for fault in check_mixture(style, probe=lambda *_: {"a": 0.6}))
