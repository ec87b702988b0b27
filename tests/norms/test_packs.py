"""Packs read from files: ours, an operator's, and faulty ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from guard import Guard, PackError
from guard.norms.packs import read_pack, read_packs
from tests.norms.samples import norm, pack, write


def test_the_model_packs_are_there(guard: Guard) -> None:
    for code in ("CN", "JP", "IN"):
        assert len(guard.library.packs[code].norms) >= 25


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
