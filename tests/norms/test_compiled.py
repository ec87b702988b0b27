"""The library as it is kept: it says what the files say, and nothing that happens to the cache changes a decision."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from guard import Guard, PackError
from guard import files as guard_files
from guard.files import cache_folder, folder
from guard.norms.compiled import open_library, ship
from guard.norms.library import Library
from guard.norms.packs import read_packs
from guard.norms.vocabulary import KINDS, Vocabulary
from guard.reading.reader import Reader
from guard.text.gazetteer import Gazetteer
from guard.text.languages import LANGUAGES
from guard.text.lexicon import Lexicon
from guard.text.places import country_name
from tests.norms.samples import norm, pack, write

CLOCK = "Is a wall clock a nice gift for my host in Shanghai?"


@pytest.fixture(scope="module")
def plain() -> Library:
    """The library made from its files, with nothing kept but the names of places."""
    return Library(read_packs(), Vocabulary())


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    kept = cache_folder()
    assert kept is not None
    return kept


@pytest.fixture
def one_pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path) -> Path:
    """Instead of all shipped packs one of a single norm; the folder that they are read from."""
    norms = tmp_path / "policies" / "norms"
    norms.mkdir(parents=True)
    (tmp_path / "policies" / "vocabulary").symlink_to(folder("policies") / "vocabulary")
    write(norms, pack(norm()))
    monkeypatch.setattr("guard.norms.compiled.folder", lambda name: tmp_path / name)
    return norms


def texts(library: Library) -> list[str]:
    concepts, situations = list(library.vocabulary.concepts), list(library.vocabulary.situations)
    made = [CLOCK, "What is 2+2?"]
    for i, language in enumerate(LANGUAGES):
        for j, code in enumerate(("CN", "JP", "IR", "MX")):
            thing = library.vocabulary.concepts[concepts[(37 * i + 11 * j) % len(concepts)]].names[language][-1]
            occasion = library.vocabulary.situations[situations[(5 * i + j) % len(situations)]].names[language][0]
            made.append(f"{thing} {occasion} {country_name(code, language)}?")
    return made


def named(library: Library, text: str = CLOCK) -> set[str]:
    return {mention.value for mention in Reader(library)(text).mentions}


def test_what_is_kept_is_what_the_files_say(guard: Guard, plain: Library) -> None:
    kept = guard.library
    assert list(kept.packs) == list(plain.packs)
    assert list(kept.norms) == list(plain.norms)
    for code, pack_ in plain.packs.items():
        assert kept.packs[code] == pack_
        assert kept.packs[code].norms[0].files == pack_.norms[0].files
        assert kept.of_country(code) == plain.of_country(code)
    for kind in KINDS:
        assert dict(getattr(kept.vocabulary, kind)) == getattr(plain.vocabulary, kind)
    assert kept.vocabulary.broader("wall-clock") == plain.vocabulary.broader("wall-clock") == ("clock",)
    with pytest.raises(KeyError):
        kept.norms["xx.no.such"]


def test_decisions_are_those_of_a_library_made_from_its_files(guard: Guard, plain: Library) -> None:
    fresh = Guard(library=plain)
    for text in texts(plain):
        found = [Reader(library)(text, LANGUAGES) for library in (guard.library, plain)]
        assert found[0] == found[1], text
        decided = [{**one.check(text).to_dict(), "timings_ms": None} for one in (guard, fresh)]
        assert decided[0] == decided[1], text


def test_the_second_start_reads_no_pack_and_stems_no_name(
    one_pack: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = open_library()

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("this was done before")

    monkeypatch.setattr(guard_files.yaml, "load", refuse)
    monkeypatch.setattr(Lexicon, "add", refuse)
    monkeypatch.setattr(Gazetteer, "compiled", refuse)
    second = open_library()
    assert second.norms["xx.gift.things"] == first.norms["xx.gift.things"]
    assert named(second) >= {"CN", "wall-clock"}


def test_a_changed_pack_is_read_anew(one_pack: Path) -> None:
    assert open_library().norms["xx.gift.things"].instead == "sweets or flowers"
    write(one_pack, pack(norm(instead="a card")))
    assert open_library().norms["xx.gift.things"].instead == "a card"
    write(one_pack, pack(norm(severity=4)))
    with pytest.raises(PackError, match="severity"):
        open_library()


def _flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-100]),
        lambda path: path.write_bytes(b"PK\x03\x04 not a zip file"),
        _flipped,
        lambda path: path.unlink(),
        lambda path: (path.unlink(), path.mkdir()),
    ],
    ids=["empty", "half", "foreign", "flipped", "gone", "folder"],
)
def test_a_damaged_file_is_as_good_as_none(one_pack: Path, cache: Path, spoil: Callable[[Path], object]) -> None:
    open_library()
    (path,) = cache.glob("library-*.zip")
    spoil(path)
    library = open_library()
    assert library.norms["xx.gift.things"].country == "XX"
    assert named(library) >= {"CN", "wall-clock"}
    assert not list(cache.glob(".*")), "nothing half-written is left behind"


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="this system's files have no owner by number")
def test_what_another_user_put_there_is_not_used(one_pack: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_library()
    owner = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: owner + 1)
    asked: list[object] = []
    monkeypatch.setattr("guard.norms.compiled.read_layers", lambda *given: asked.append(given) or {})
    open_library()
    assert asked


def test_without_a_home_or_with_one_that_cannot_be_written(
    one_pack: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert len(open_library().norms) == 1
    monkeypatch.setattr("guard.kept.cache_folder", lambda: None)
    assert len(open_library().norms) == 1


def test_an_operators_packs_make_a_library_of_their_own(
    tmp_path: Path, guard: Guard, monkeypatch: pytest.MonkeyPatch
) -> None:
    clocks = guard.library.norms["cn.gift.clocks"]
    own = tmp_path / "own"
    own.mkdir()
    off = guard.library.packs["CN"].norms[1].id
    mine = {"country": "CN", "reviewed": "2026-11-23", "off": [off]}
    write(own, mine | {"norms": [{"id": clocks.id, "instead": "a plant"}]}, "cn.yaml")
    write(own, pack(norm(terms=["Thingmas"])))
    read: list[str] = []

    def counted(path: Path, error: Any) -> Any:
        read.append(path.name)
        return guard_files.read_yaml(path, error)

    monkeypatch.setattr("guard.norms.packs.read_yaml", counted)
    library = open_library([own])
    assert read == ["cn.yaml", "xx.yaml"], "the shipped packs are not read again"
    changed = library.norms[clocks.id]
    assert (changed.instead, changed.title) == ("a plant", clocks.title)
    assert changed.files == (*clocks.files, own / "cn.yaml")
    assert off not in library.norms
    assert library.packs["CN"].switched_off == {off: own / "cn.yaml"}
    assert "xx.gift.things" in named(library, "for Thingmas")
    assert library.norms["jp.gift.sets-of-four"] == guard.library.norms["jp.gift.sets-of-four"]
    whole_library = Library(read_packs([folder("policies") / "norms", own]), Vocabulary())
    assert dict(library.packs) == whole_library.packs
    assert open_library([own]).norms[clocks.id] == changed
    assert len(read) == 2 + len(list((folder("policies") / "norms").glob("*.yaml"))) + 2


def test_a_wheel_brings_it_along(one_pack: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = tmp_path / "compiled"
    compiled.mkdir()
    assert [path.name for path in ship(compiled)] == ["library.zip"]
    for path in cache.glob("*.zip"):
        path.unlink()
    monkeypatch.setattr("guard.kept.folder", lambda name: tmp_path / name)
    assert open_library().norms["xx.gift.things"].country == "XX"
    assert not list(cache.glob("*.zip"))
    write(one_pack, pack(norm(instead="a card")))
    assert open_library().norms["xx.gift.things"].instead == "a card", "it is of other files than these"
