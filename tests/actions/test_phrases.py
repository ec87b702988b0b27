"""Our phrases in every language."""

from __future__ import annotations

import itertools

from guard.actions.phrases import languages, phrase


def test_every_language_has_every_phrase() -> None:
    assert len(languages()) == 14
    for language, name in itertools.product(languages(), ("rewrite", "opening", "instead", "closing", "note")):
        assert phrase(name, language)
    for language in languages():
        assert "{places}" in phrase("rewrite", language)
        assert "{norms}" in phrase("rewrite", language)
        assert "{places}" in phrase("opening", language)
    assert phrase("note", "xx") == phrase("note", "en")
