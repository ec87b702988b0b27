"""The lint of packs."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from guard import Guard
from guard.classifier.lexical import LexicalScorer
from guard.norms.library import Library
from guard.norms.lint import lint
from guard.norms.model import Pack
from tests.norms.samples import norm, pack, write
from tests.paths import SHARED


def test_every_pack_that_comes_along_is_clean(guard: Guard) -> None:
    faults = lint(guard.library, guard.scorer, data=SHARED if SHARED.is_dir() else None)
    assert [str(fault) for fault in faults] == []


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


@pytest.mark.parametrize(("days", "faulty"), [(-30, False), (300, False), (400, True)])
def test_lint_finds_laws_that_nobody_read_again(guard: Guard, days: int, faulty: bool) -> None:
    law = {"instrument": "An Act", "read_on": "2020-01-01", "expires": date.today() - timedelta(days=days)}
    found = [fault for fault in faults_of(guard, norm(kind="law", law=law)) if ": law:" in fault]
    assert bool(found) is faulty


def test_lint_finds_laws_that_are_not_called_so_and_refused_hosts(guard: Guard) -> None:
    law = {"instrument": "An Act", "read_on": "2026-01-01"}
    assert any("has a law behind it" in fault for fault in faults_of(guard, norm(kind="custom", law=law)))
    farm = [{"title": "Ten things", "url": "https://www.toplist.info/ten", "kind": "commercial"}]
    assert any("www.toplist.info is a mirror" in fault for fault in faults_of(guard, norm(sources=farm)))
