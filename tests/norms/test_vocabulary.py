"""The vocabulary and its names in every language."""

from __future__ import annotations

from pathlib import Path

import pytest

from guard import Guard, PackError
from guard.norms.vocabulary import Vocabulary
from guard.text.languages import LANGUAGES
from tests.norms.samples import write


def test_vocabularies_have_every_language(guard: Guard) -> None:
    vocabulary = guard.library.vocabulary
    for terms in (vocabulary.concepts, vocabulary.situations, vocabulary.intents):
        for term in terms.values():
            assert set(term.names) == set(LANGUAGES)


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
