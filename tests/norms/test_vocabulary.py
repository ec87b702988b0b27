"""The vocabulary and its names in every language."""

from __future__ import annotations

from pathlib import Path

import pytest

from guard import Guard, PackError
from guard.norms.vocabulary import TERMS, Vocabulary
from guard.text.languages import LANGUAGES, READ
from tests.norms.samples import write


def test_vocabularies_have_every_language(guard: Guard) -> None:
    vocabulary = guard.library.vocabulary
    for kind in TERMS:
        for term in getattr(vocabulary, kind).values():
            assert set(LANGUAGES) <= set(term.names) <= set(READ)


def test_most_concepts_are_named_in_every_language_that_has_a_file(guard: Guard) -> None:
    for language in Vocabulary().languages:
        assert sum(language in concept.names for concept in guard.library.vocabulary.concepts.values()) > (
            90 if language.endswith("-Latn") else 200
        ), language


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A faultless vocabulary of one word."""
    for kind in TERMS:
        write(tmp_path, {"word": NAMES}, f"{kind}.yaml")
    write(tmp_path, {"JP": {"demonyms": {"en": ["Japanese"]}}}, "cultures.yaml")
    write(tmp_path, {"VN": {"place": ["Ha Long"]}}, "places.yaml")
    (tmp_path / "languages").mkdir()
    write(tmp_path / "languages", {"name": "German", "concepts": {"word": ["Wort", "Wörter"]}}, "de.yaml")
    return tmp_path


NAMES = {language: ["word"] for language in LANGUAGES}


def test_a_vocabulary(directory: Path) -> None:
    vocabulary = Vocabulary(directory)
    assert vocabulary.concepts["word"].names["de"] == ("Wort", "Wörter")
    assert "de" not in vocabulary.situations["word"].names
    assert vocabulary.languages["de"].name == "German"
    named = {key: name.country for key, name in vocabulary.names()}
    assert named == {"japanese": "JP", "ha long": "VN"}


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("concepts.yaml", {"word": {**NAMES, "broader": "thing"}}, "no concept 'thing'"),
        ("concepts.yaml", {"word": {**NAMES, "broader": "b"}, "b": {**NAMES, "broader": "word"}}, "circle"),
        ("acts.yaml", {"word": {**NAMES, "situations": ["gift"]}}, r"acts\.yaml: act word: no situation 'gift'"),
        ("languages/de.yaml", {"name": "German", "concepts": {"wrod": ["Wort"]}}, "there is no 'wrod'.*'word'"),
        ("languages/de.yaml", {"name": "German", "roles": {"destnation": {"before": ["nach"]}}}, "destnation"),
        ("languages/de.yaml", {"name": "German", "demonyms": {"Japan": ["Japaner"]}}, "Japan"),
        ("languages/de.yaml", {"countries": ["DE"]}, "name"),
        ("places.yaml", {"VN": {"places": ["Ha Long"]}}, "places"),
    ],
)
def test_a_vocabulary_with_a_fault(directory: Path, name: str, content: object, told: str) -> None:
    write(directory, content, name)
    with pytest.raises(PackError, match=told):
        Vocabulary(directory)


def test_a_language_in_which_every_word_is_kept_lacks_one(directory: Path) -> None:
    write(directory / "languages", {"name": "Spanish"}, "es.yaml")
    write(directory, {"word": NAMES, "clock": {"en": ["clock"]}}, "concepts.yaml")
    with pytest.raises(PackError, match=r"concepts\.yaml: clock: has no name in es"):
        Vocabulary(directory)
    write(directory / "languages", {"name": "Spanish", "concepts": {"clock": ["reloj"]}}, "es.yaml")
    assert Vocabulary(directory).concepts["clock"].names["es"] == ("reloj",)


@pytest.mark.parametrize("missing", ["acts.yaml", "places.yaml", "cultures.yaml"])
def test_a_vocabulary_that_lacks_a_file(directory: Path, missing: str) -> None:
    (directory / missing).unlink()
    with pytest.raises(PackError, match=missing):
        Vocabulary(directory)
