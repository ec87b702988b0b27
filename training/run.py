"""From raw data to the artefact that ships and its model card: what ``normguard train`` does."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from rich.console import Console
from torch import Tensor, nn

from benchmarks.datasets.splits import part_of, protected_norms, read_links
from benchmarks.detection import run as detection
from benchmarks.detection.encoder import SentenceEncoder
from guard import Guard
from guard.classifier.lexical import LexicalScorer
from guard.classifier.student import NAME, StudentScorer, text_key
from guard.files import folder
from guard.norms.library import Library
from guard.norms.packs import read_packs
from guard.norms.vocabulary import Vocabulary
from guard.norms.wording import meaning_of, things_of
from training import card
from training.corpus import Example, read
from training.encoders import Bag, HashedPieces, SmallTransformer, StaticTokens, basis_of, distil
from training.export import Calibrated, encoder_graph, write
from training.fit import Case, calibration, evaluate, fit, opinions, prepare, vectors_of
from training.heads import fit_heads
from training.ranker import LexicalRanker, Ranker
from training.scenarios import Scenarios

_EACH = 4  # invented questions of each kind for every norm
_RATES = {"hashed-pieces": 1e-2, "static-tokens": 1e-2, "small-transformer": 1e-3}
_PASSES = {"small-transformer": 0.3}  # of the epochs: each of its steps costs as much as twenty of the others'


def main(
    data: Path,
    *,
    out: Path | None = None,
    seed: int = 0,
    epochs: float = 6.0,
    cache: Path | None = None,
    by_country: bool = False,
    quick: bool = False,
) -> dict[str, Any]:
    """Train, compare, choose, calibrate, quantise, write.

    Args:
        data: folder with ``cross/``, ``safeworld/`` and ``benign/``.
        out: folder of the artefact; the one that ships by default.
        seed: of everything that is drawn.
        epochs: passes of the encoders over the texts.
        cache: file in which the teacher's vectors are kept between runs.
        by_country: also fit the ranker anew without each country of CROSS, and measure on it.
        quick: only the design that ships, and little of it: to see that all works.
    """
    console = Console()
    torch.manual_seed(seed)
    random.seed(seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    start = time.monotonic()

    def say(what: str) -> None:
        console.print(f"[{time.monotonic() - start:6.0f} s] {what}")

    library = Library(read_packs(), Vocabulary())
    guard = Guard(library=library, scorer=LexicalScorer(library))
    teacher = SentenceEncoder(cache, device)
    parts = read(data, guard.library, teacher)
    invented = list(
        Scenarios(guard.library, seed=seed).make(each=1 if quick else _EACH, leave_out=protected_norms(read_links()))
    )
    held = [e for e in invented if part_of(e.group) == "dev"]
    invented = [e for e in invented if part_of(e.group) != "dev"]
    say(f"{len(parts['train'])} questions to learn from, {len(parts['dev'])} to choose by, {len(invented)} invented")

    train, dev = prepare(parts["train"], guard), prepare(parts["dev"], guard)
    scenarios, unseen = prepare(invented, guard), prepare(held, guard)
    everything = [*train, *dev, *scenarios, *unseen]
    texts = _texts([*parts["train"], *invented], guard)
    targets = teacher.encode([english for _, english in texts])
    teacher.save()
    basis = basis_of(targets[np.random.default_rng(seed).permutation(len(targets))[:8000]])
    pairs = [(text, row) for (text, _), row in zip(texts, _project(targets, basis), strict=True)]
    say(f"the teacher has read {len(texts)} texts")

    seen = vectors_of(everything, guard, lambda some: _project(teacher.encode(some), basis), english=True)
    master = fit(train, scenarios, seen, seed=seed)
    table = {"teacher (all-MiniLM-L6-v2)": _figures(master, dev, unseen, seen)}
    advice = opinions(master, [*train, *scenarios], seen)
    say(f"teacher: {table['teacher (all-MiniLM-L6-v2)']}")

    designs: list[Callable[[], nn.Module]] = [HashedPieces]
    if not quick:
        designs += [lambda: StaticTokens(teacher, basis), lambda: SmallTransformer([text for text, _ in texts])]
    chosen: tuple[Bag, Ranker] | None = None
    for design in designs:
        torch.manual_seed(seed)
        encoder: Any = design().to(device)
        passes = 1.0 if quick else epochs * _PASSES.get(encoder.name, 1.0)
        distil(encoder, pairs, epochs=passes, seed=seed, rate=_RATES[encoder.name])
        encoder.cpu()
        vectors = vectors_of(everything, guard, _encode(encoder))
        ranker = fit(train, scenarios, vectors, seed=seed, teacher=advice)
        table[encoder.name] = _figures(ranker, dev, unseen, vectors) | _cost(encoder)
        say(f"{encoder.name}: {table[encoder.name]}")
        if isinstance(encoder, HashedPieces):
            chosen, kept = (encoder, ranker), vectors
    assert chosen is not None
    encoder, ranker = chosen
    table["lexical scorer"] = _figures(LexicalRanker().eval(), dev, unseen, kept)

    with torch.no_grad():
        examples = [*parts["train"], *invented]
        read_ = torch.cat([encoder([e.query for e in examples[i : i + 512]]) for i in range(0, len(examples), 512)])
    heads = fit_heads(examples, read_, guard, seed=seed)
    scales = calibration(ranker, dev, kept)
    graph = encoder_graph(encoder, heads, int8=True)
    small = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    norms = list(guard.library.norms.values())
    listed = [*map(meaning_of, norms), *(things_of(norm, guard.library.vocabulary) for norm in norms)]
    stored = {text_key(text): _onnx(small, encoder, text) for text in listed}
    directory = out or folder("models") / NAME
    write(directory, NAME, graph, Calibrated(ranker, scales), heads, stored)
    say(f"written to {directory}")

    figures: dict[str, Any] = {
        "designs": table,
        "parity": _parity(directory, encoder, heads, ranker, scales, dev, kept, small),
        "seed": seed,
        "epochs": epochs,
        "questions": {part: len(some) for part, some in parts.items()} | {"invented": len(invented)},
        "norms": {"train": _norms(parts["train"]), "dev": _norms(parts["dev"])},
        "minutes": round((time.monotonic() - start) / 60, 1),
        "device": device,
    }
    if by_country:
        figures["by_country"] = _without_each(train, dev, scenarios, kept, advice, seed)
        say("measured without each country")
    figures["test"] = _test(Guard(library=library, scorer=StudentScorer(library, directory)), data)
    (directory / "training.json").write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    card.write(directory, figures)
    say(f"model card: {directory / 'README.md'}")
    return figures


def _texts(examples: Sequence[Example], guard: Guard) -> list[tuple[str, str]]:
    """Texts to be put where the teacher puts their English: questions, norms, names of concepts and situations."""
    vocabulary = guard.library.vocabulary
    found = [(e.query, e.english) for e in examples] + [(c, c) for e in examples for c in e.captions]
    for norm in guard.library.norms.values():
        whole = (meaning_of(norm), norm.title, norm.expectation, norm.breach, norm.why, norm.instead)
        found += [(text, text) for text in (*whole, things_of(norm, vocabulary))]
    for terms in (vocabulary.concepts, vocabulary.situations):
        for term in terms.values():
            for language, names in term.names.items():
                found += [(name, name if language == "en" else term.name) for name in names]
    return list(dict.fromkeys(found))


def _project(vectors: np.ndarray, basis: Tensor) -> Tensor:
    return nn.functional.normalize(torch.from_numpy(vectors) @ basis, dim=1)


def _encode(encoder: nn.Module) -> Callable[[Sequence[str]], Tensor]:
    def encode(texts: Sequence[str]) -> Tensor:
        with torch.no_grad():
            vectors: Tensor = torch.cat([encoder(texts[i : i + 256]) for i in range(0, len(texts), 256)])
        return vectors

    return encode


def _figures(ranker: Ranker, dev: Sequence[Case], unseen: Sequence[Case], vectors: Any) -> dict[str, Any]:
    real: dict[str, Any] = evaluate(ranker, dev, vectors)
    made = evaluate(ranker, unseen, vectors)
    return real | {"invented_recall5_text_only": made["recall5_text_only"], "invented_auc": made["auc"]}


def _cost(encoder: Any) -> dict[str, float]:
    """Megabytes with 8-bit weights, and milliseconds to encode one question with torch on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    questions = [
        f"Which of these {n} gifts should I bring to my host's dinner in Shanghai on day {n}?" for n in range(100)
    ]
    with torch.no_grad():
        for question in questions:
            encoder([question])
        start = time.perf_counter()
        for question in questions:
            encoder([question])
    torch.set_num_threads(threads)
    return {
        "megabytes_int8": round(sum(p.numel() for p in encoder.parameters()) / 1e6, 1),
        "ms_torch": round((time.perf_counter() - start) * 10, 2),
    }


def _onnx(session: onnxruntime.InferenceSession, encoder: Bag, text: str) -> np.ndarray:
    vector: np.ndarray = session.run(["vector"], {"ids": np.asarray(encoder.ids(text), dtype=np.int64)})[0]
    return vector


@torch.no_grad()
def _parity(
    directory: Path, encoder: Bag, heads: Any, ranker: Ranker, scales: Any, dev: Sequence[Case], vectors: Any,
    small: onnxruntime.InferenceSession,
) -> dict[str, float]:  # fmt: skip
    """What was lost from torch to ONNX, and from 32 to 8 bits, on the questions to choose by."""
    large = onnxruntime.InferenceSession(encoder_graph(encoder, heads, int8=False).SerializeToString())
    ranked = onnxruntime.InferenceSession(str(directory / "ranker.onnx"))
    model = Calibrated(ranker, scales)
    to_fp32, to_int8, relevance, sensitivity, same = [], [], [], [], []
    for case in dev:
        text = case.example.query
        torch_vector = vectors.texts[text].numpy()
        whole, eighth = _onnx(large, encoder, text), _onnx(small, encoder, text)
        to_fp32.append(float(np.abs(whole - torch_vector).max()))
        to_int8.append(float(1 - eighth @ torch_vector))
        inputs = (
            vectors.texts[text], vectors.texts[case.content], vectors.meaning[case.rows], vectors.things[case.rows],
            case.pairs, case.request,
        )  # fmt: skip
        names = ("query", "content", "meaning", "things", "pairs", "request")
        feed = {name: tensor.numpy() for name, tensor in zip(names, inputs, strict=True)} | {"query": eighth}
        given = ranked.run(None, feed)
        wanted, sense = model(*inputs)
        relevance.append(float(np.abs(given[0] - wanted.numpy()).max()))
        sensitivity.append(float(np.abs(given[1] - sense.numpy()).max()))
        same.append(set(np.argsort(-given[0])[:5]) == set(np.argsort(-wanted.numpy())[:5]))
    return {
        "fp32_vector_largest_difference": max(to_fp32),
        "int8_vector_largest_cosine_distance": max(to_int8),
        "int8_relevance_largest_difference": max(relevance),
        "int8_sensitivity_largest_difference": max(sensitivity),
        "int8_same_five_norms": round(float(np.mean(same)), 4),
    }


def _without_each(
    train: Sequence[Case], dev: Sequence[Case], scenarios: Sequence[Case], vectors: Any, advice: Any, seed: int
) -> dict[str, Any]:
    """For each country of CROSS: a ranker that has seen nothing of it, measured on its questions."""
    found = {}

    def of(cases: Sequence[Case], code: str, is_: bool) -> list[Case]:
        return [c for c in cases if (c.example.country == code) is is_]

    for code in sorted(
        {c.example.country for c in [*train, *dev] if c.example.source == "cross" and c.example.country}
    ):
        ranker = fit(
            of(train, code, False),
            of(scenarios, code, False),
            vectors,
            seed=seed,
            epochs=2,
            per_epoch=1500,
            teacher=advice,
        )
        tested = [c for c in of([*train, *dev], code, True) if c.example.source in ("cross", "calm")]
        found[code] = evaluate(ranker, tested, vectors) | {"questions": len(tested)}
    return found


def _test(guard: Guard, data: Path) -> dict[str, Any]:
    """The figures of the benchmark's test part, which nothing above has read."""
    found = detection.main(data, guard=guard, compare=False)
    return {
        "text_only": found["recall"]["text_only"]["held_out"],
        "content_known": found["recall"]["content_known"]["held_out"],
        "general": found["untouched_general"]["held_out"],
        "benign": found["untouched_benign_cultural"]["held_out"],
        "auc": found["sensitivity_held_out"]["roc_auc"],
        "calibration": found["sensitivity_held_out"]["expected_calibration_error"],
    }


def _norms(examples: Sequence[Example]) -> int:
    return len({e.group for e in examples if e.source == "cross"})
