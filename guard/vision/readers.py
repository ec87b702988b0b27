"""What a model's outputs mean here: classes or vectors become concepts of the vocabulary, each with a probability."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from guard.errors import ModelError
from guard.files import read_yaml
from guard.norms.vocabulary import Vocabulary
from guard.vision.manifest import Manifest

_log = logging.getLogger("normguard")

_MOST = 4  # concepts reported of one picture: a model names one thing, the rest is what it takes it for


class Reader(Protocol):
    """Reads one picture's outputs."""

    width: int

    def __call__(self, outputs: NDArray[Any]) -> Mapping[str, float]: ...


class ClassReader:
    """Sums the probabilities of the classes that show a concept.

    Attributes:
        width: number of the model's classes.
    """

    def __init__(self, directory: Path, manifest: Manifest, vocabulary: Vocabulary) -> None:
        labels = (directory / "labels.txt").read_text(encoding="utf-8").splitlines()
        self.width = len(labels)
        self._manifest = manifest
        self._concepts, self._matrix = read_concepts(directory / "concepts.yaml", labels, vocabulary)

    def __call__(self, outputs: NDArray[Any]) -> Mapping[str, float]:
        scores = outputs.astype(np.float64)
        if self._manifest.output == "logits":
            scores = _exponential(scores / self._manifest.temperature)
        scores = scores / max(float(scores.sum()), 1e-9)
        return _named(self._concepts, self._matrix @ scores, self._manifest.floor)


class VectorReader:
    """Compares the picture's vector with those of all concepts, and of backgrounds that are none of them.

    Probabilities are a softmax over both (zero-shot classification, Radford et al., CLIP, ICML 2021), so a picture that
    looks like no concept more than like "a photo" has none.

    Attributes:
        width: dimensions of the vector.
    """

    def __init__(self, directory: Path, manifest: Manifest, vocabulary: Vocabulary) -> None:
        path = directory / "concepts.npz"
        try:
            with np.load(path) as stored:
                ids, vectors = stored["ids"].tolist(), stored["vectors"].astype(np.float32)
                background = stored["background"].astype(np.float32)
        except (OSError, KeyError, ValueError) as error:
            raise ModelError(f"{path}: no embedded vocabulary: {error}. Export the model again.") from error
        if vectors.ndim != 2 or len(vectors) != len(ids) or background.shape[1:] != vectors.shape[1:]:
            raise ModelError(f"{path}: {len(ids)} concepts, but vectors of shape {vectors.shape}. Export it again.")
        if not np.isfinite(vectors).all() or not np.isfinite(background).all():
            raise ModelError(f"{path}: a vector is not finite. Export the model again.")
        self.width = int(vectors.shape[1])
        self._manifest = manifest
        known = [row for row, id_ in enumerate(ids) if id_ in vocabulary.concepts]
        self._concepts = [ids[row] for row in known]
        self._vectors = np.concatenate([vectors[known], background])
        if missing := len(vocabulary.concepts) - len(known):
            _log.warning("%s: %d newer concepts cannot be seen until the model is exported again", path, missing)

    def __call__(self, outputs: NDArray[Any]) -> Mapping[str, float]:
        length = float(np.linalg.norm(outputs))
        if not np.isfinite(length) or length == 0.0:
            raise ModelError(f"{self._manifest.name}: gave no vector for a picture.")
        scores = _exponential(self._vectors @ (outputs / length) / self._manifest.temperature)
        return _named(self._concepts, (scores / scores.sum())[: len(self._concepts)], self._manifest.floor)


def reader(directory: Path, manifest: Manifest, vocabulary: Vocabulary) -> Reader:
    """The reader that a model's kind needs; raises `ModelError` if what it reads by is faulty."""
    kind = ClassReader if manifest.kind == "classifier" else VectorReader
    return kind(directory, manifest, vocabulary)


def read_concepts(path: Path, labels: list[str], vocabulary: Vocabulary) -> tuple[list[str], NDArray[Any]]:
    """What a classifier's classes mean: concepts, and for each the classes that show it.

    `path` maps a concept to labels, each given whole or by its first name; ``A..B`` are all classes from A to B.

    Returns:
        Concepts, and a matrix of ones and zeros, concepts x classes.

    Raises:
        ModelError: a concept or label is unknown.
    """
    index: dict[str, int] = {}
    for number, label in enumerate(labels):
        index.setdefault(label.partition(",")[0].strip(), number)
        index[label] = number

    def of(label: str) -> int:
        if label not in index:
            raise ModelError(f"{path}: the model has no class {label!r}.")
        return index[label]

    document = read_yaml(path, ModelError)
    concepts: list[str] = list(document)
    matrix = np.zeros((len(concepts), len(labels)), dtype=np.float32)
    for row, concept in enumerate(concepts):
        if concept not in vocabulary.concepts:
            raise ModelError(f"{path}: there is no concept {concept!r} in the vocabulary.")
        for label in document[concept]:
            first, _, last = str(label).partition("..")
            matrix[row, of(first) : of(last or first) + 1] = 1.0
    return concepts, matrix


def _named(concepts: list[str], scores: NDArray[Any], floor: float) -> Mapping[str, float]:
    best = np.argsort(-scores)[:_MOST]
    return {concepts[i]: float(min(scores[i], 1.0)) for i in best if scores[i] >= floor}


def _exponential(logits: NDArray[Any]) -> NDArray[Any]:
    """Unnormalised probabilities, none so large that it overflows."""
    weights: NDArray[Any] = np.exp(logits - logits.max())
    return weights
