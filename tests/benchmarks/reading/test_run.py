"""How well texts are read: the cases, the readers, the figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.reading import cases as known
from benchmarks.reading import run
from benchmarks.reading.cases import CASES, DEVELOPMENT, ROLES, Case, by, read_cases, read_sentences
from benchmarks.reading.readers import GuardReader, LookUp, Understood
from guard import Guard
from guard.errors import NormGuardError
from guard.norms.vocabulary import Vocabulary
from guard.text.languages import READ
from guard.text.places import countries

LINES: list[dict[str, Any]] = [
    {
        "id": "a-1", "lang": "en", "text": "I'm from Germany. Is a wall clock fine in Japan?", "destination": "JP",
        "roles": {"DE": "home", "JP": "destination"}, "things": ["wall-clock"], "acts": [],
        "trap": False, "kind": "roles",
    },
    {
        "id": "a-2", "lang": "en", "text": "How long do I roast a turkey for my guests?", "destination": None,
        "roles": {}, "trap": True, "kind": "goods",
    },
    {
        "id": "a-3", "lang": ["de", "en"], "destination": "KE", "roles": {"KE": "destination", "JP": "negated"},
        "trap": True, "kind": "turns",
        "turns": [{"role": "user", "text": "Ich fliege nach Japan."}, {"role": "assistant", "text": "Nice."},
                  {"role": "user", "text": "Ich fliege doch nicht nach Japan, sondern nach Kenia."}],
    },
]  # fmt: skip
SENTENCES = [{"lang": "en", "text": "Nice weather for reading."}, {"lang": "de", "text": "Wir bleiben heute zu Hause."}]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    def write(name: str, lines: list[dict[str, Any]]) -> None:
        (tmp_path / name).write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")

    write("a.jsonl", LINES)
    write("b.jsonl", [{**LINES[0], "id": "b-1"}])
    write("a-sentences.jsonl", SENTENCES)
    return tmp_path


@pytest.fixture
def small(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Case]:
    """Those cases in place of all."""
    monkeypatch.setattr(run, "read_cases", lambda: read_cases(folder))
    monkeypatch.setattr(run, "read_sentences", lambda: read_sentences(folder))
    return read_cases(folder)


def test_cases_as_they_are_written(folder: Path) -> None:
    one, two, three, four = read_cases(folder)
    assert (one.writer, four.writer) == ("a", "b")
    assert one.things == {"wall-clock"}
    assert one.acts == frozenset()
    assert two.acts is two.things is None, "not labelled"
    assert three.languages == ("de", "en")
    assert [turn.role for turn in three.exchange.turns] == ["user", "assistant", "user"]
    assert dict(by([one, two, three], "language")) == {"de": [three], "en": [one, two]}
    assert read_sentences(folder) == [("en", "Nice weather for reading."), ("de", "Wir bleiben heute zu Hause.")]


@pytest.mark.parametrize(
    "faulty",
    [
        {**LINES[1], "roles": {"JP": "goal"}},
        {key: value for key, value in LINES[1].items() if key != "kind"},
        {**LINES[2], "turns": [{"role": "user"}]},
    ],
)
def test_a_faulty_line_is_named(folder: Path, faulty: dict[str, Any]) -> None:
    (folder / "a.jsonl").write_text("\n".join(map(json.dumps, [LINES[0], faulty])), encoding="utf-8")
    with pytest.raises(NormGuardError, match=r"a\.jsonl:2: "):
        read_cases(folder)


def test_the_guard_and_a_look_up_read_them(guard: Guard, small: list[Case]) -> None:
    reader, look_up = GuardReader(guard.library), LookUp(guard.library.gazetteer)
    one = reader(small[0])
    assert one.countries[0] == "JP"
    assert one.roles == {"DE": "home", "JP": "destination"}
    assert "wall-clock" in one.things
    assert [reader(case).countries[:1] for case in small[1:3]] == [[], ["KE"]]
    assert "TR" in look_up(small[1]).countries
    assert {"DE", "JP"} <= set(look_up(small[0]).countries)


def test_the_figures(guard: Guard, small: list[Case], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "deep" / "figures.json"
    figures = run.main(guard.library, out=out, writers=["a"], missed=True)
    assert json.loads(out.read_text(encoding="utf-8")) == figures
    assert (figures["cases"], figures["writers"]) == (3, ["a"])
    assert figures["destination"]["all"]["share"] == 1.0
    assert figures["destination"]["traps"]["n"] == 2
    assert figures["destination_look_up"]["all"]["share"] < 1.0
    assert figures["roles"]["home"] == {"recall": 1.0, "precision": 1.0, "wanted": 1, "given": 1}
    assert figures["things"]["wanted"] == 1
    assert figures["sentences"]["n"] == 2
    assert "a-1" not in capsys.readouterr().out, "nothing was missed"
    assert set(run.main(guard.library)["writers"]) == {"a", "b"}


def test_figures_of_what_was_not_asked(small: list[Case]) -> None:
    wrong = Understood(["FR"], "fr", {"FR": "destination"}, {"bow"}, set(), set())
    results = [(case, wrong) for case in small]
    assert run._places(results)["all"]["share"] == 0.0
    assert run._sets(results, "acts") == {"recall": None, "precision": 0.0, "wanted": 0, "given": 2}
    assert run._languages(results)["wrong"]["en read as fr"] == 3
    assert run._share([])["share"] is None


def test_the_cases_that_come_along_are_sound() -> None:
    cases, vocabulary = read_cases(), Vocabulary()
    assert len({case.id for case in cases}) == len(cases)
    assert {case.writer for case in cases} > DEVELOPMENT
    for case in cases:
        assert case.turns[-1].role == "user", case.id
        assert set(case.languages) <= {*READ, "ur-Latn"}, case.id
        assert set(case.roles) <= countries(), case.id
        assert case.destination is None or case.destination in countries(), case.id
        assert (case.acts or frozenset()) <= vocabulary.acts.keys(), case.id
        assert (case.things or frozenset()) | case.absent <= vocabulary.concepts.keys(), case.id
    assert {language for language, _ in read_sentences()} <= set(READ)
    assert known.CASES is CASES
    assert {role for case in cases for role in case.roles.values()} == set(ROLES)
