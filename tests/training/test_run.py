"""A whole training run in seconds: two countries, tiny data sets of our own, an encoder without weights."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.datasets.research import norm_id
from benchmarks.datasets.splits import Part, part_of, part_of_cross
from guard import Guard, Image
from guard.classifier.student import StudentScorer
from guard.norms.library import Library
from guard.norms.packs import read_packs
from guard.norms.vocabulary import Vocabulary
from guard.types import Exchange

pytest.importorskip("torch", reason="torch is not installed (extra train)")

COUNTRIES = {"CN": "China", "JP": "Japan"}
NORMS = {"CN": "cn.gift.clocks", "JP": "jp.gift.set-of-four"}
THINGS = {"CN": "A wall clock", "JP": "A set of four cups"}


class Placed:
    """An encoder without weights: a text lies where its letters and words put it."""

    def __init__(self, *given: Any) -> None: ...

    def encode(self, texts: Sequence[str], batch: int = 64) -> Any:
        rows = np.zeros((len(texts), 384), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in text.lower().split() or [""]:
                row[int(hashlib.sha256(word.encode()).hexdigest()[:8], 16) % 384] += 1
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def save(self) -> None: ...


def named(prefix: str, part: Part, part_of_it: Any) -> str:
    """`prefix` with the first number that puts it into `part`."""
    return next(name for n in range(1000) if part_of_it(name := f"{prefix} {n}") == part)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, tuple[str, ...]]]:
    """A folder of data sets with a few questions in each part, and the links of their norms."""
    root = tmp_path_factory.mktemp("data")
    links: dict[str, tuple[str, ...]] = {}
    records, multilingual = [], []
    parts: tuple[Part, ...] = ("train", "dev", "test")
    for code, country in COUNTRIES.items():
        for part in parts:
            norm = named(f"In {country} this is no gift,", part, lambda text: part_of_cross(norm_id(text)))
            links[norm_id(norm)] = (NORMS[code],)
            for n in range(4):
                query = f"Is this a good gift for my host in {country}, who is {30 + n} and {part}?"
                record = {"index": f"{country}_{n}", "violated_norm": norm, "query": query, "item": THINGS[code]}
                records.append(record | {"file_name": f"{code}-{part}-{n}.png"})
            multilingual.append(records[-1] | {"language": "Spanish", "translated_query": f"¿Es un regalo? {query}"})
    for name, some in {"casa/english": records, "casa/multilingual": multilingual}.items():
        path = root / "cross" / "data" / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(some), encoding="utf-8")
    for name in ("english", "multilingual"):
        path = root / "cross" / "data" / "safeworld" / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("[]", encoding="utf-8")
    general = [
        {"query": named(f"How do I bake bread {n},", part, lambda text: part_of(" ".join(text.lower().split()))),
         "has_image": n % 2 == 0}
        for part in parts for n in range(3)
    ]  # fmt: skip
    lines(root / "benign" / "general.jsonl", general)
    calm, breaching = [], []
    for country in COUNTRIES.values():
        for part in parts:
            topic = named("trains", part, lambda text, country=country: part_of(f"{country}: {text}"))
            calm.append({"query": f"When do {part} trains leave in {country}?", "country": country, "topic": topic})
            asked = {"query": f"May I give my {part} host in {country} shoes?", "country": country, "topic": topic}
            breaching.append(asked | {"violated_specific_norm": f"In {country} shoes are no present."})
    for name in ("culture-do-answer", "policy-do-answer"):
        lines(root / "safeworld" / f"{name}.jsonl", calm)
    for name in ("culture-specific-answer", "culture-comprehensive-answer"):
        lines(root / "safeworld" / f"{name}.jsonl", breaching)
    lines(root / "safeworld" / "culture-refuse-to-answer.jsonl", [{"query": "Is it rude?", "country": "Japan"}])
    return root, links


def lines(path: Path, records: Sequence[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(map(json.dumps, records)), encoding="utf-8")


def test_a_quick_run_writes_a_classifier_that_works_and_its_card(
    data: tuple[Path, dict[str, tuple[str, ...]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from benchmarks.detection import run as detection
    from training import corpus, heads, run

    root, links = data
    packs = {code: pack for code, pack in read_packs().items() if code in COUNTRIES}
    library = Library(packs, Vocabulary())
    monkeypatch.setattr(run, "read_packs", lambda: packs)
    monkeypatch.setattr(run, "SentenceEncoder", Placed)
    monkeypatch.setattr(heads.fit_heads, "__kwdefaults__", {"steps": 20})
    for module in (run, corpus, detection):
        monkeypatch.setattr(module, "read_links", lambda: links)
    figures = run.main(root, out=tmp_path / "classifier-9", quick=True, by_country=True)
    assert {"hashed-pieces", "lexical scorer", "teacher (all-MiniLM-L6-v2)"} <= set(figures["designs"])
    assert figures["parity"]["fp32_vector_largest_difference"] < 1e-4
    assert figures["parity"]["int8_vector_largest_cosine_distance"] < 0.01
    assert set(figures["by_country"]) == set(COUNTRIES)
    assert figures["norms"] == {"train": 2, "dev": 2}
    assert 0 <= figures["test"]["text_only"]["share"] <= 1
    assert "classifier-9" in (tmp_path / "classifier-9" / "README.md").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "classifier-9" / "training.json").read_text())["seed"] == 0
    guard = Guard(library=library, scorer=StudentScorer(library, tmp_path / "classifier-9"))
    decision = guard.check(Exchange.of("Is a wall clock a good gift in China?", images=[Image(url="https://x.test/y")]))
    assert 0 <= decision.sensitivity <= 1
