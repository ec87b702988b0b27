"""Whole training runs in seconds: two countries, tiny data sets of our own, a teacher without knowledge."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from benchmarks.datasets.research import norm_id
from benchmarks.datasets.splits import Part, part_of, part_of_cross
from guard import Exchange, Guard, Image, NormGuardError
from guard.classifier.student import StudentScorer
from guard.cli.train import train
from guard.norms.library import Library
from guard.norms.packs import read_packs
from guard.norms.vocabulary import Term, Vocabulary

pytest.importorskip("torch", reason="torch is not installed (extra train)")

from training import corpus, heads, run
from training.fit import _platt

COUNTRIES = {"CN": "China", "JP": "Japan"}
NORMS = {"CN": "cn.gift.clocks", "JP": "jp.gift.sets-of-four"}
THINGS = {"CN": "A wall clock", "JP": "A set of four cups"}
PARTS: tuple[Part, ...] = ("train", "dev", "test")


def named(prefix: str, part: Part, part_of_it: Callable[[str], Part]) -> str:
    """`prefix` with the first number that puts it into `part`."""
    return next(name for n in range(1000) if part_of_it(name := f"{prefix} {n}") == part)


def lines(path: Path, records: Sequence[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(map(json.dumps, records)), encoding="utf-8")


def write_cross(root: Path) -> dict[str, tuple[str, ...]]:
    """A clone of CROSS with a norm of each country in each part; what pack norm expresses each of them."""
    links: dict[str, tuple[str, ...]] = {}
    english, multilingual = [], []
    for code, country in COUNTRIES.items():
        for part in PARTS:
            norm = named(f"In {country} this is no gift,", part, lambda text: part_of_cross(norm_id(text)))
            links[norm_id(norm)] = (NORMS[code],)
            for n in range(3):
                query = f"Is this a good gift for my host in {country}, who is {30 + n} and {part}?"
                record = {"index": f"{country}_{n}", "violated_norm": norm, "query": query, "item": THINGS[code]}
                english.append(record | {"file_name": f"{code}-{part}-{n}.png"})
            multilingual.append(english[-1] | {"language": "Spanish", "translated_query": f"¿Es un regalo? {query}"})
    files = {"casa/english": english, "casa/multilingual": multilingual}
    for name, records in (files | {"safeworld/english": [], "safeworld/multilingual": []}).items():
        path = root / "data" / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(records), encoding="utf-8")
    return links


def write_safeworld(root: Path) -> None:
    """Questions about each country in each part: calm ones, and some that breach a norm."""
    calm, breaching = [], []
    for country in COUNTRIES.values():
        for part in PARTS:
            topic = named("trains", part, lambda text, country=country: part_of(f"{country}: {text}"))
            calm.append({"query": f"When do {part} trains leave in {country}?", "country": country, "topic": topic})
            asked = {"query": f"May I give my {part} host in {country} shoes?", "country": country, "topic": topic}
            breaching.append(asked | {"violated_specific_norm": f"In {country} shoes are no present."})
    for name in ("culture-do-answer", "policy-do-answer"):
        lines(root / f"{name}.jsonl", calm)
    for name in ("culture-specific-answer", "culture-comprehensive-answer"):
        lines(root / f"{name}.jsonl", breaching)
    lines(root / "culture-refuse-to-answer.jsonl", [{"query": "Is it rude?", "country": "Japan"}])


def once(term: Term) -> Term:
    """The term by the first of its names in each language."""
    return term.model_copy(update={"names": {language: names[:1] for language, names in term.names.items()}})


def small_library() -> Library:
    """Eight norms of two countries each, and of the vocabulary what they name, by one name in each language."""
    packs = read_packs()
    some = {code: packs[code].norms[:8] for code in COUNTRIES}
    vocabulary = Vocabulary()
    seen = {id_ for norms in some.values() for norm in norms for id_ in norm.visual}
    seen |= {above for id_ in seen for above in vocabulary.broader(id_)} | {"teapot", "camera"}
    asked = {id_ for norms in some.values() for norm in norms for id_ in norm.situations}
    vocabulary.concepts = {id_: once(vocabulary.concepts[id_]) for id_ in sorted(seen)}
    vocabulary.situations = {id_: once(vocabulary.situations[id_]) for id_ in sorted(asked)}
    return Library({code: packs[code].model_copy(update={"norms": some[code]}) for code in COUNTRIES}, vocabulary)


@pytest.fixture
def data(tmp_path: Path, untaught: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of data sets, with all that a run reads beside it made small."""
    del untaught
    root = tmp_path / "data"
    links = write_cross(root / "cross")
    write_safeworld(root / "safeworld")
    general = [
        {"query": named(f"How do I bake bread {n},", part, lambda text: part_of(" ".join(text.lower().split()))),
         "has_image": n % 2 == 0}
        for part in PARTS for n in range(3)
    ]  # fmt: skip
    lines(root / "benign" / "general.jsonl", general)
    library = small_library()
    monkeypatch.setattr(run, "Library", lambda packs, vocabulary: library)
    monkeypatch.setitem(heads.fit_heads.__kwdefaults__, "steps", 20)
    for module in (run, corpus, run.detection):
        monkeypatch.setattr(module, "read_links", lambda: links)
    return root


@pytest.mark.parametrize("options", [["--quick"], ["--epochs", "2", "--by-country"]], ids=" ".join)
def test_a_run_writes_a_classifier_that_a_guard_uses_and_its_card(
    data: Path, tmp_path: Path, options: list[str]
) -> None:
    made, cache = tmp_path / "classifier-9", tmp_path / "kept" / "teacher.npz"
    arguments = ["--data", str(data), "--out", str(made), "--cache", str(cache), *options]
    done = CliRunner().invoke(train, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert cache.is_file()
    figures = json.loads((made / "training.json").read_text(encoding="utf-8"))
    designs = {"teacher (all-MiniLM-L6-v2)", "lexical scorer", "hashed-pieces"}
    whole = "--quick" not in options
    assert set(figures["designs"]) == designs | ({"static-tokens", "small-transformer"} if whole else set())
    assert set(figures.get("by_country", ())) == (set(COUNTRIES) if whole else set())
    assert figures["parity"]["fp32_vector_largest_difference"] < 1e-4
    assert figures["parity"]["int8_vector_largest_cosine_distance"] < 0.01
    assert figures["norms"] == {"train": 2, "dev": 2}
    assert figures["test"]["text_only"] | {"interval": None} == {"share": 1.0, "n": 8, "norms": 2, "interval": None}
    assert "# classifier-9: model card" in (made / "README.md").read_text(encoding="utf-8")

    library = run.Library(read_packs(), Vocabulary())
    guard = Guard(library=library, scorer=StudentScorer(library, made))
    exchange = Exchange.of("Is a wall clock a good gift in China?", images=[Image(url="https://pictures.test/1")])
    decision = guard.check(exchange)
    assert 0 < decision.sensitivity < 1
    assert "cn.gift.clocks" in {norm.id for norm in decision.norms}


def test_data_that_cannot_calibrate_are_told() -> None:
    with pytest.raises(NormGuardError, match="cannot calibrate"):
        _platt([(0.3, True), (0.9, True)])
    with pytest.raises(NormGuardError, match="cannot calibrate"):
        _platt([])
