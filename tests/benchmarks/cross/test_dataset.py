"""Cases: of a clone, of one's own, and the choice among them."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.cross.dataset import Case, Choice, choose, read_benign, read_cases, read_clone
from guard.errors import NormGuardError
from tests.benchmarks.cross.samples import NORMS
from tests.conftest import needs_data
from tests.paths import SHARED


def test_cases_of_a_clone(clone: Path) -> None:
    cases = read_clone(clone)
    assert len(cases) == 9
    assert len({case.id for case in cases}) == 9
    assert [case.id for case in cases if "China_1" in case.id] == [
        "casa/English/China_1/1",
        "casa/English/China_1/2",
        "casa/Spanish/China_1/1",
    ]
    spanish = next(case for case in cases if case.language == "Spanish")
    assert spanish.query.startswith("¿Es")
    assert spanish.setting == "multilingual"
    assert spanish.cluster == cases[0].cluster
    assert cases[6].country == "SA"
    assert next(case for case in cases if case.subset == "safeworld").norm == NORMS["buddha"]
    assert len(read_clone(clone, subsets=["casa"])) == 8


@needs_data
def test_cases_of_the_real_data() -> None:
    cases = read_clone(SHARED / "cross")
    assert len(cases) == 671
    assert len({case.id for case in cases}) == 671
    assert len({case.cluster for case in cases}) == 114
    assert all(case.norm_ids for case in cases)
    assert "Mandarin Chinese" not in {case.language for case in cases}
    assert not any(case.language.endswith(".") for case in cases)
    assert len(read_benign([SHARED / "benign" / "general.jsonl"])) == 250


def test_a_sample_is_stratified_and_repeatable() -> None:
    cases = [
        Case(id=f"{country}{n}", query="q", norm="n", country=country)
        for country, count in (("JP", 60), ("CN", 30), ("TH", 10))
        for n in range(count)
    ]
    drawn = choose(cases, Choice(sample=10, seed=1))
    assert Counter(case.country for case in drawn) == {"JP": 6, "CN": 3, "TH": 1}
    assert [case.id for case in choose(cases, Choice(sample=10, seed=1))] == [case.id for case in drawn]
    assert [case.id for case in choose(cases, Choice(sample=10, seed=2))] != [case.id for case in drawn]
    assert len(choose(cases, Choice(sample=13))) == 13
    assert len(choose(cases, Choice(sample=1000))) == 100


def break_clone(clone: Path, how: str) -> None:
    english = clone / "data" / "casa" / "english.json"
    match how:
        case "empty":
            shutil.rmtree(clone / "data")
        case "half":
            (clone / "data" / "safeworld" / "multilingual.json").unlink()
        case "cut":
            english.write_text(english.read_text()[:300])
        case "pointer":
            english.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:1\n")
        case "object":
            english.write_text("{}")
        case "layout":
            english.write_text('[{"index": "Japan_1", "question": "?"}]')
        case "country":
            english.write_text(english.read_text().replace("Saudi_Arabia_1", "Atlantis_1"))
        case "bytes":
            english.write_bytes(b"\xff\xfe\x00")


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("empty", "is no clone of CROSS: there is no data/casa/english.json"),
        ("half", "not complete: data/safeworld/multilingual.json missing"),
        ("cut", "english.json: no JSON from line 1"),
        ("pointer", "git lfs pull"),
        ("object", "a list of records is expected"),
        ("layout", "record 1: 'violated_norm' is missing"),
        ("country", "'Atlantis' is no country"),
        ("bytes", "cannot be read"),
    ],
)
def test_a_folder_that_is_no_whole_clone_is_refused(clone: Path, how: str, says: str) -> None:
    break_clone(clone, how)
    with pytest.raises(NormGuardError, match=re.escape(says)):
        read_clone(clone)


@pytest.mark.parametrize(
    ("choice", "says"),
    [
        (Choice(countries=["XX"]), "no country 'XX'"),
        (Choice(countries=["FR"]), "No case has the country FR; there are: CN, JP"),
        (Choice(countries=["FR"]), "FR"),
        (Choice(languages=["Klingon"]), "No case has the language 'Klingon'; there are: English, Spanish"),
        (Choice(domains=["war"]), "No case has the domain 'war'"),
        (Choice(countries=["JP"], languages=["Spanish"]), "No case is left"),
    ],
)
def test_a_choice_that_fits_nothing_is_refused(clone: Path, choice: Choice, says: str) -> None:
    with pytest.raises(NormGuardError, match=says.replace("country FR", "country 'FR'")):
        choose(read_clone(clone), choice)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "cases.jsonl:2: no JSON"),
        ("[]", "cases.jsonl:2: an object is expected"),
        ('{"query": "q", "country": "JP"}', "norm: Field required"),
        ('{"query": "", "norm": "n", "country": "JP"}', "query: String should have at least 1"),
        ('{"query": "q", "norm": "n", "country": "Atlantis"}', "no country 'Atlantis'"),
        ('{"query": "q", "norm": "n", "country": "JP", "picture": "x"}', "picture: Extra inputs"),
        ('{"query": "q", "norm": "n", "country": "JP", "severity": 9}', "severity"),
        ('{"query": "q", "norm": "n", "country": "JP", "domain": "war"}', "'war' is none of"),
        ('{"id": "line-1", "query": "q", "norm": "n", "country": "JP"}', "'line-1' is given twice"),
    ],
)
def test_a_bad_line_of_own_cases_is_named(tmp_path: Path, line: str, says: str) -> None:
    path = tmp_path / "cases.jsonl"
    path.write_text('{"query": "q", "norm": "n", "country": "jp"}\n' + line)
    with pytest.raises(NormGuardError, match=re.escape(says)) as caught:
        read_cases(path)
    assert "cases.jsonl:2" in str(caught.value)
