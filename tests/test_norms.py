"""Packs, vocabulary, lint, retrieval."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from guard import Guard, PackError
from guard.classifier.lexical import LexicalScorer
from guard.norms.library import Library
from guard.norms.lint import lint
from guard.norms.model import Norm, Pack
from guard.norms.packs import read_pack, read_packs
from guard.norms.retrieval import candidates
from guard.norms.schema import pack_schema
from guard.norms.vocabulary import Vocabulary
from guard.text.languages import LANGUAGES
from guard.types import Findings
from tests.conftest import SHARED, needs_data


def norm(**changes: Any) -> dict[str, Any]:
    return {
        "id": "xx.gift.things",
        "title": "Things are not given as gifts",
        "expectation": "Nobody gives things to a host.",
        "breach": "Bring your host a thing.",
        "why": "Things stand for partings.",
        "instead": "sweets or flowers",
        "situations": ["gift"],
        "domains": ["shopping"],
        "visual": ["clock"],
        "severity": 1,
        "strength": "common",
        "sources": [{"title": "A page", "url": "https://www.britannica.com/topic/etiquette"}],
    } | changes


def pack(*norms: dict[str, Any], country: str = "XX") -> dict[str, Any]:
    return {"country": country, "reviewed": "2026-11-23", "norms": list(norms)}


def write(folder: Path, content: Any, name: str = "xx.yaml") -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content), encoding="utf-8")
    return path


def test_every_pack_that_comes_along_is_clean(guard: Guard) -> None:
    faults = lint(guard.library, guard.scorer, data=SHARED if SHARED.is_dir() else None)
    assert [str(fault) for fault in faults] == []


def test_the_model_packs_are_there(guard: Guard) -> None:
    for code in ("CN", "JP", "IN"):
        assert len(guard.library.packs[code].norms) >= 25


def test_vocabularies_have_every_language(guard: Guard) -> None:
    vocabulary = guard.library.vocabulary
    for terms in (vocabulary.concepts, vocabulary.situations, vocabulary.intents):
        for term in terms.values():
            assert set(term.names) == set(LANGUAGES)


BAD = {
    "a missing field": (
        {k: v for k, v in norm().items() if k != "instead"},
        "norm xx.gift.things: instead: Field required",
    ),
    "an unknown field": (norm(colour="red"), "norm xx.gift.things: colour: Extra inputs"),
    "a bad severity": (norm(severity=4), "norm xx.gift.things: severity"),
    "no source": (norm(sources=[]), "norm xx.gift.things: sources"),
    "a source that is no address": (norm(sources=[{"title": "x y", "url": "page"}]), "sources.0.url"),
    "one source for severity 3": (norm(severity=3), "severity 3 needs two sources"),
    "contested without saying by whom": (norm(strength="contested"), "'differs' must say"),
    "a foreign id": (norm(id="yy.gift.things"), "its id must begin with xx."),
    "an id of a wrong form": (norm(id="Things"), "norm Things: id"),
    "too long a title": (norm(title="x" * 91), "norm xx.gift.things: title"),
    "no scope in scope": (norm(scope={}), "leave scope out"),
    "no id": ({k: v for k, v in norm().items() if k != "id"}, "norm number 1: id: Field required"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_pack_is_refused_with_file_norm_and_field(tmp_path: Path, case: str) -> None:
    content, message = BAD[case]
    path = write(tmp_path, pack(content))
    with pytest.raises(PackError) as caught:
        read_pack(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("content", ["", "[]", "norms: [", "country: XX", "\x00"])
def test_a_file_that_is_no_pack(tmp_path: Path, content: str) -> None:
    path = write(tmp_path, content)
    with pytest.raises(PackError, match=r"xx\.yaml"):
        read_pack(path)


def test_ids_given_twice_and_missing_folders(tmp_path: Path) -> None:
    with pytest.raises(PackError, match="given twice"):
        read_pack(write(tmp_path, pack(norm(), norm())))
    with pytest.raises(PackError, match="no such folder"):
        read_packs([tmp_path / "nowhere"])


def test_norway_is_no_boolean(tmp_path: Path) -> None:
    text = yaml.safe_dump(pack(norm(id="no.gift.things"), country="NO")).replace("'NO'", "NO")
    assert "country: NO" in text
    assert read_pack(write(tmp_path, text)).country == "NO"


def test_an_operators_pack_adds_changes_and_switches_off(tmp_path: Path) -> None:
    ours = Path("policies/norms")
    change = {"id": "jp.gift.combs", "severity": 2}
    document = {"country": "JP", "norms": [norm(id="jp.gift.things"), change], "off": ["jp.gift.wrapping"]}
    path = write(tmp_path, document | {"cues": {"dishes": {"any": ["okonomimochi"]}}}, "jp.yaml")
    before, after = read_packs([ours])["JP"], read_packs([ours, tmp_path])["JP"]
    old, new = ({n.id: n for n in some.norms} for some in (before, after))
    assert set(new) == set(old) - {"jp.gift.wrapping"} | {"jp.gift.things"}
    assert new["jp.gift.combs"].model_dump() == old["jp.gift.combs"].model_dump() | {"severity": 2}
    assert new["jp.gift.combs"].files == (ours / "jp.yaml", path)
    assert new["jp.gift.things"].files == (path,)
    assert after.switched_off == {"jp.gift.wrapping": path}
    assert "okonomimochi" in after.cues.dishes["any"]
    assert after.cues.festivals == before.cues.festivals


def test_an_operators_pack_replaces_ours_when_it_says_so(tmp_path: Path) -> None:
    write(tmp_path, pack(norm(id="jp.gift.things"), country="JP") | {"replaces": True}, "jp.yaml")
    packs = read_packs([Path("policies/norms"), tmp_path])
    assert [n.id for n in packs["JP"].norms] == ["jp.gift.things"]
    assert len(packs["CN"].norms) > 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"off": ["jp.gift.nothing"]}, "off: there is no norm jp.gift.nothing"),
        ({"norms": [{"id": "jp.gift.combs", "severity": 7}]}, "norm jp.gift.combs: severity"),
        ({"norms": [{"id": "jp.gift.new", "severity": 1}]}, "norm jp.gift.new: title: Field required"),
        ({"norms": [{"id": "jp.gift.combs"}, {"id": "jp.gift.combs"}]}, "norm jp.gift.combs: the id is given twice"),
        ({"cues": ["sushi"]}, "cues"),
        ({"norms": "none"}, "norms"),
        ({"norms": ["jp.gift.combs"]}, "norm"),
    ],
)
def test_a_faulty_change_names_its_file_and_norm(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    path = write(tmp_path, {"country": "JP"} | changes, "jp.yaml")
    with pytest.raises(PackError) as caught:
        read_packs([Path("policies/norms"), tmp_path])
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def test_the_schema_for_editors_is_up_to_date_and_named_by_every_pack(guard: Guard) -> None:
    text = Path("policies/pack.schema.json").read_text(encoding="utf-8")
    assert json.loads(text) == pack_schema(guard.library.vocabulary), (
        "normguard norms schema > policies/pack.schema.json"
    )
    for path in Path("policies/norms").glob("*.yaml"):
        first = path.read_text(encoding="utf-8").partition("\n")[0]
        assert first == "# yaml-language-server: $schema=../pack.schema.json", path


def test_the_schema_accepts_what_the_loader_does(guard: Guard) -> None:
    whole = jsonschema.Draft202012Validator(pack_schema(guard.library.vocabulary))
    change = jsonschema.Draft202012Validator(pack_schema(guard.library.vocabulary, change=True))
    some = pack(norm())
    assert whole.is_valid(some)
    assert not whole.is_valid(pack(norm(situations=["gifts"])))
    assert not whole.is_valid(pack(norm(visual=["no-such-concept"])))
    part = {"country": "JP", "norms": [{"id": "jp.gift.combs", "severity": 2}], "off": ["jp.gift.wrapping"]}
    assert change.is_valid(part)
    assert not whole.is_valid(part)


def test_a_pack_speaks_for_a_place_that_has_none(guard: Guard) -> None:
    china = Pack.model_validate(pack(norm(id="cn.gift.things"), country="CN") | {"also": ["HK"]})
    library = Library({"CN": china}, guard.library.vocabulary)
    assert [n.id for n in library.of_country("HK")] == ["cn.gift.things"]


def faults_of(guard: Guard, *norms: dict[str, Any]) -> list[str]:
    library = Library({"XX": Pack.model_validate(pack(*norms))}, guard.library.vocabulary)
    return [str(fault) for fault in lint(library, LexicalScorer(library))]


def test_lint_finds_unknown_terms_and_double_citations(guard: Guard) -> None:
    source = norm()["sources"][0]
    found = faults_of(guard, norm(visual=["clokc"], situations=["gift", "gifft"], sources=[source, source]))
    assert found == [
        "xx.gift.things: situations: 'gifft' is not in the vocabulary",
        "xx.gift.things: sources: the same page is cited twice",
        "xx.gift.things: visual: 'clokc' is not in the vocabulary",
    ]


def test_lint_finds_near_duplicates_and_unreachable_norms(guard: Guard) -> None:
    assert any("nearly the same as" in fault for fault in faults_of(guard, norm(), norm(id="xx.gift.other")))
    rivals = [norm(id=f"xx.gift.rival-{i}", severity=2) for i in range(9)]
    hidden = norm(id="xx.gift.hidden", situations=["wedding"], visual=[], expectation="What is hidden.")
    rivals = [rival | {"situations": ["wedding", "gift"]} for rival in rivals]
    assert any(f.startswith("xx.gift.hidden: visual") and "outrank" in f for f in faults_of(guard, hidden, *rivals))


def test_lint_finds_private_pages_and_copied_sentences(tmp_path: Path, guard: Guard) -> None:
    copied = "one two three four five six seven eight nine ten"
    write(tmp_path, '{"a": ["' + copied + '"]}', "data.json")
    library = Library({"XX": Pack.model_validate(pack(norm(why=f"It says: {copied}.")))}, guard.library.vocabulary)
    found = [str(fault) for fault in lint(library, LexicalScorer(library), data=tmp_path)]
    assert any("why: shares 9 words" in fault for fault in found)
    local = norm(sources=[{"title": "A page", "url": "http://localhost/x"}])
    assert any("cannot be a public page" in fault for fault in faults_of(guard, local))


def test_a_vocabulary_with_faults(tmp_path: Path) -> None:
    names = {language: ["word"] for language in LANGUAGES}
    for name in ("situations.yaml", "intents.yaml"):
        write(tmp_path, {"gift": names}, name)
    write(tmp_path, {"JP": {"demonyms": {"en": ["Japanese"]}}}, "cultures.yaml")
    write(tmp_path, {"clock": {"en": ["clock"]}}, "concepts.yaml")
    with pytest.raises(PackError, match=r"concepts\.yaml: clock: .*no name in es"):
        Vocabulary(tmp_path)
    write(tmp_path, {"clock": names | {"broader": "thing"}}, "concepts.yaml")
    with pytest.raises(PackError, match="no concept 'thing'"):
        Vocabulary(tmp_path)
    write(tmp_path, {"a": names | {"broader": "b"}, "b": names | {"broader": "a"}}, "concepts.yaml")
    with pytest.raises(PackError, match="circle"):
        Vocabulary(tmp_path)


def test_candidates_are_those_of_the_likeliest_countries_that_the_policy_allows(guard: Guard) -> None:
    findings = Findings(cultures={"JP": 0.9, "CN": 0.8, "IN": 0.2, "AQ": 0.9}, sources={})
    found = candidates(findings, guard.library, allow=lambda code: code != "CN")
    assert {n.country for n in found} == {"JP"}
    named = dataclasses.replace(findings, cultures={}, named={guard.library.packs["IN"].norms[0].id: 0.9})
    assert [n.country for n in candidates(named, guard.library)] == ["IN"]


def test_norms_print_their_scope() -> None:
    scoped = Norm.model_validate(norm(scope={"region": "Bali", "faith": "Hindu"}))
    assert str(scoped.scope) == "Bali, Hindu"


@needs_data
def test_links_name_norms_that_exist(guard: Guard) -> None:
    from benchmarks.datasets.research import read_cross
    from benchmarks.datasets.splits import read_links

    links = read_links()
    known = {query.norm for query in read_cross(SHARED)}
    assert set(links) <= known
    assert {id_ for ids in links.values() for id_ in ids} <= set(guard.library.norms)
