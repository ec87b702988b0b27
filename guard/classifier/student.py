"""The trained scorer: a distilled student of a few megabytes, run by onnxruntime."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from guard.classifier.base import Scorer, Scores
from guard.classifier.features import PAIR, REQUEST, Featurizer, Matrix
from guard.classifier.lexical import LexicalScorer
from guard.classifier.ngrams import BUCKETS, hashed
from guard.errors import ModelError
from guard.files import folder
from guard.norms.library import Library
from guard.norms.model import Norm
from guard.norms.vocabulary import Vocabulary
from guard.types import Evidence, Exchange, Findings

_log = logging.getLogger("normguard")

NAME = "classifier-1"
FORMAT = 1
"""Number of the artefact's layout; one of another number is refused."""

ENCODER, RANKER, VECTORS, MANIFEST = "encoder.onnx", "ranker.onnx", "vectors.npz", "manifest.json"
_QUERY = 2_000  # characters of a question that are read
_SEEN = 0.3  # certainty from which a concept counts among what a picture shows
_SURE = 0.6  # probability from which a culture or situation is evidence
_CULTURE, _SITUATION = 0.5, 0.6  # weight of that evidence beside words that name it


class StudentScorer:
    """Scores norms by meaning as well as by what the lexical scorer sees, and judges the request as a whole.

    Args:
        library: the norms; those that the artefact does not know are encoded when it is loaded.
        directory: folder of the artefact.

    Raises:
        ModelError: the artefact is missing, damaged, or of another version.
    """

    def __init__(self, library: Library, directory: Path | None = None) -> None:
        directory = directory or folder("models") / NAME
        self._manifest = _read_manifest(directory)
        self.name: str = self._manifest["name"]
        self._encoder = open_session(directory / ENCODER)
        self._ranker = open_session(directory / RANKER)
        self._library = library
        self._featurize = Featurizer(library)
        self._cultures: list[str] = self._manifest["cultures"]
        self._situations: list[str] = self._manifest["situations"]
        self._row = {id_: row for row, id_ in enumerate(library.norms)}
        self._meaning, self._things = self._vectors(directory / VECTORS)
        self._encode = lru_cache(maxsize=1024)(self._encode_text)

    def read(self, exchange: Exchange) -> Iterator[Evidence]:
        """Destination and situations that the question's wording suggests, though it may not name them."""
        if not (query := exchange.query[:_QUERY].strip()):
            return
        _, cultures, situations = self._encode(query)
        best = int(cultures.argmax())
        if cultures[best] >= _SURE:
            yield Evidence("culture", self._cultures[best], float(cultures[best]) * _CULTURE, "model")
        for index in np.flatnonzero(situations >= _SURE).tolist():
            yield Evidence("situation", self._situations[index], float(situations[index]) * _SITUATION, "model")

    def __call__(self, exchange: Exchange, findings: Findings, candidates: Sequence[Norm]) -> Scores:
        if not candidates:
            return Scores(0.0, ())
        pairs, request = self._featurize(exchange, findings, candidates)
        content = content_of(exchange, findings, self._library.vocabulary)
        query = exchange.query[:_QUERY]
        rows = np.fromiter((self._row[norm.id] for norm in candidates), dtype=np.intp, count=len(candidates))
        relevance, sensitivity = self._ranker.run(
            None,
            {
                "query": self._vector(query),
                "content": self._vector(content),
                "meaning": self._meaning[rows],
                "things": self._things[rows],
                "pairs": pairs,
                "request": request,
            },
        )
        return Scores(float(sensitivity[0]), tuple(relevance.tolist()))

    def _vector(self, text: str) -> Matrix:
        if not text.strip():
            return np.zeros(self._meaning.shape[1], dtype=np.float32)
        vector: Matrix = self._encode(text)[0]
        return vector

    def _encode_text(self, text: str) -> tuple[Matrix, Matrix, Matrix]:
        vector, cultures, situations = self._encoder.run(None, {"ids": np.asarray(hashed(text), dtype=np.int64)})
        return vector, cultures, situations

    def _vectors(self, path: Path) -> tuple[Matrix, Matrix]:
        """Vectors of all norms: those of the artefact, and for texts that it does not know, new ones."""
        with np.load(path) as stored:
            known = dict(zip(stored["keys"].tolist(), stored["vectors"], strict=True))

        def of(text: str) -> NDArray[Any]:
            vector = known.get(text_key(text))
            return self._encode_text(text)[0] if vector is None else vector

        norms = self._library.norms.values()
        meaning = np.stack([of(meaning_of(norm)) for norm in norms]).astype(np.float32)
        things = np.stack([of(things_of(norm, self._library.vocabulary)) for norm in norms]).astype(np.float32)
        return meaning, things


def open_scorer(classifier: str, library: Library, *, forgiving: bool = False) -> Scorer:
    """The scorer that a deployment asks for.

    Args:
        classifier: ``auto`` for the one that comes with NormGuard, ``lexical`` for the first, untrained one, or the
            folder of another that was trained.
        library: the norms.
        forgiving: take the lexical scorer, and say so in the log, where the one asked for cannot be used.

    Raises:
        ModelError: it cannot be used.
    """
    if classifier == "lexical":
        return LexicalScorer(library)
    try:
        return StudentScorer(library, None if classifier == "auto" else Path(classifier))
    except ModelError as error:
        if not forgiving:
            raise
        _log.warning("starting with the lexical scorer: %s", error)
        return LexicalScorer(library)


def meaning_of(norm: Norm) -> str:
    """What a norm says, as one text."""
    return f"{norm.title}. {norm.expectation} {norm.breach}"


def things_of(norm: Norm, vocabulary: Vocabulary) -> str:
    """What a norm can be seen in and named by, as one text."""
    return ", ".join([*(vocabulary.concepts[id_].name for id_ in norm.visual), *norm.terms]) or norm.title


def content_of(exchange: Exchange, findings: Findings, vocabulary: Vocabulary) -> str:
    """What is known of what the pictures show, as one English text; empty if nothing is."""
    captions = [caption[:300] for caption in exchange.hints.captions[:4]]
    if captions:
        return " ".join(captions)
    seen = [id_ for id_, score in findings.shown.items() if score >= _SEEN and id_ in vocabulary.concepts]
    return ", ".join(vocabulary.concepts[id_].name for id_ in seen[:6])


def text_key(text: str) -> str:
    """Short name of a text in the artefact's table of vectors."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _read_manifest(directory: Path) -> dict[str, Any]:
    path = directory / MANIFEST
    try:
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"{path}: no classifier there. Train one (normguard train) or install again.") from error
    except ValueError as error:
        raise ModelError(f"{path}: damaged: {error}") from error
    wanted = {"format": FORMAT, "pair": list(PAIR), "request": list(REQUEST), "buckets": BUCKETS}
    for key, value in wanted.items():
        if manifest.get(key) != value:
            raise ModelError(
                f"{path}: made for another version of NormGuard ({key} differs). Train it anew or install again."
            )
    for part, digest in manifest["sha256"].items():
        file = directory / part
        if not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != digest:
            raise ModelError(f"{file}: missing or damaged: it is not the file that was made. Install again.")
    return manifest


def open_session(path: Path) -> Any:
    import onnxruntime  # a tenth of a second, and `import guard` shall not pay it

    options = onnxruntime.SessionOptions()
    # So small a model gains nothing from threads, and loses to their waking.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises errors of its own, of many kinds
        raise ModelError(f"{path}: cannot be loaded: {str(error)[:200]}") from error
