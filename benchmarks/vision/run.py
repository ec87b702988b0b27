"""What a model sees in pictures whose file names say what they show, and how long it takes."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from guard.errors import NormGuardError
from guard.norms.vocabulary import Vocabulary
from guard.pictures.decode import PictureCache
from guard.vision.model import VisionModel

_ROUNDS = 5


def main(pictures: Path, *, model: str, out: Path | None = None) -> dict[str, Any]:
    """Look at every picture under `pictures`; those whose name is a concept's are scored.

    A picture counts as right if its concept, or one broader or narrower, comes first (or is among those reported).
    """
    vocabulary = Vocabulary()
    names = {name.lower(): id_ for id_, term in vocabulary.concepts.items() for name in term.names["en"]}
    names |= {id_.replace("-", " "): id_ for id_ in vocabulary.concepts}
    vision, cache = VisionModel(model, vocabulary), PictureCache()
    rows, first, among = [], 0, 0
    cold: list[float] = []
    for path in sorted(pictures.glob("*.jpg")):
        wanted = names.get(path.stem.replace("_", " ").lower())
        start = time.perf_counter()
        picture = cache.decode(path.read_bytes())
        seen = vision.concepts(picture.thumbnail, picture.key)
        cold.append((time.perf_counter() - start) * 1000)
        if wanted is not None:
            first += _same(vocabulary, wanted, list(seen)[:1])
            among += _same(vocabulary, wanted, list(seen))
        rows.append((path.name, wanted, seen))
    if not rows:
        raise NormGuardError(f"{pictures}: no *.jpg in it.")
    named = sum(wanted is not None for _, wanted, _ in rows)
    looks: list[float] = []
    for number in range(_ROUNDS):
        for path in sorted(pictures.glob("*.jpg")):
            picture = cache.decode(path.read_bytes())
            start = time.perf_counter()
            vision.concepts(picture.thumbnail, f"{number}{path.name}".encode())
            looks.append((time.perf_counter() - start) * 1000)
    start = time.perf_counter()
    for _ in range(1000):
        vision.concepts(picture.thumbnail, picture.key)
    figures = {
        "model": vision.name,
        "provider": vision.provider,
        "pictures": len(rows),
        "with_a_concept": named,
        "first": first,
        "among": among,
        "ms_decode_and_look": round(statistics.median(cold), 2),
        "ms_look": round(statistics.median(looks), 2),
        "ms_seen_before": round((time.perf_counter() - start), 4),
    }
    _show(rows, figures, vocabulary)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return figures


def _same(vocabulary: Vocabulary, wanted: str, seen: list[str]) -> bool:
    near = {wanted, *vocabulary.broader(wanted)}
    return any(id_ in near or wanted in vocabulary.broader(id_) for id_ in seen)


def _show(
    rows: list[tuple[str, str | None, Mapping[str, float]]], figures: dict[str, Any], vocabulary: Vocabulary
) -> None:
    table = Table(title=f"{figures['model']} on {figures['provider']}")
    for heading in ("picture", "concept", "seen"):
        table.add_column(heading)
    for name, wanted, seen in rows:
        right = wanted is not None and _same(vocabulary, wanted, list(seen)[:1])
        listed = ", ".join(f"{id_} {score:.2f}" for id_, score in seen.items()) or "-"
        table.add_row(name, wanted or "(none of that name)", f"[green]{listed}[/]" if right else listed)
    console = Console()
    console.print(table)
    console.print({key: value for key, value in figures.items() if key not in ("model", "provider")})
