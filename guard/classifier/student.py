"""The trained scorer: a distilled student of a few megabytes, run by onnxruntime."""

from __future__ import annotations

import hashlib
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
from guard.norms.wording import meaning_of, things_of
from guard.onnx import Artefact, check_parts, open_session, read_manifest
from guard.types import Evidence, Exchange, Findings, gist

_log = logging.getLogger("normguard")

NAME = "classifier-1"
FORMAT = 1
"""Number of the artefact's layout; one of another number is refused."""

ENCODER, RANKER, VECTORS = "encoder.onnx", "ranker.onnx", "vectors.npz"
_CURE = "Train one (normguard train) or install again."
_QUERY = 2_000  # characters of a question that are read
_SEEN = 0.3  # certainty from which a concept counts among what a picture shows
_SURE = 0.6  # probability from which a culture or situation is evidence
_CULTURE, _SITUATION = 0.5, 0.6  # weight of that evidence beside words that name it


class Manifest(Artefact):
    """What the classifier was made with: what its encoder knows, and in which order its ranker takes what."""

    format: int
    buckets: int
    dimensions: int
    similarities: int
    cultures: tuple[str, ...]
    situations: tuple[str, ...]
    pair: tuple[str, ...]
    request: tuple[str, ...]


class Encoder:
    """A text's unit vector, and the probabilities of cultures and situations that it speaks of. Thread-safe.

    Args:
        directory: folder of the classifier that it belongs to; of the one that comes with NormGuard by default.

    Raises:
        ModelError: the artefact is missing, damaged, or of another version.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self.directory = directory or folder("models") / NAME
        made_for = {"format": FORMAT, "pair": list(PAIR), "request": list(REQUEST), "buckets": BUCKETS}
        self.manifest = read_manifest(self.directory, Manifest, what="classifier", cure=_CURE, made_for=made_for)
        check_parts(self.directory, self.manifest, cure=_CURE)
        self._session = open_session(self.directory / ENCODER)
        self.read = lru_cache(maxsize=1024)(self.run)

    def run(self, text: str) -> tuple[Matrix, Matrix, Matrix]:
        """Vector, cultures and situations, computed anew; `read` is the same, remembered."""
        vector, cultures, situations = self._session.run(None, {"ids": np.asarray(hashed(text), dtype=np.int64)})
        return vector, cultures, situations

    def __call__(self, text: str) -> Matrix:
        """The vector alone, ``(dimensions,)``."""
        return self.read(text)[0]


class StudentScorer:
    """Scores norms by meaning as well as by what the lexical scorer sees, and judges the request as a whole.

    Args:
        library: the norms; those that the artefact does not know are encoded when their country is first asked for.
        directory: folder of the artefact.

    Raises:
        ModelError: the artefact is missing, damaged, or of another version.
    """

    def __init__(self, library: Library, directory: Path | None = None) -> None:
        self.encoder = Encoder(directory)
        self.name = self.encoder.manifest.name
        self._ranker = open_session(self.encoder.directory / RANKER)
        self._library = library
        self._featurize = Featurizer(library)
        self._vectors = _Vectors(library, self.encoder)

    def read(self, exchange: Exchange) -> Iterator[Evidence]:
        """Destination and situations that the question's wording suggests, though it may not name them."""
        if not (query := gist(exchange.query, _QUERY).strip()):
            return
        _, cultures, situations = self.encoder.read(query)
        known = self.encoder.manifest
        best = int(cultures.argmax())
        if cultures[best] >= _SURE:
            yield Evidence("culture", known.cultures[best], float(cultures[best]) * _CULTURE, "model")
        for index in np.flatnonzero(situations >= _SURE).tolist():
            yield Evidence("situation", known.situations[index], float(situations[index]) * _SITUATION, "model")

    def __call__(self, exchange: Exchange, findings: Findings, candidates: Sequence[Norm]) -> Scores:
        if not candidates:
            return Scores(0.0, ())
        pairs, request = self._featurize(exchange, findings, candidates)
        content = content_of(exchange, findings, self._library.vocabulary)
        query = gist(exchange.query, _QUERY)
        meaning, things = self._vectors(candidates)
        relevance, sensitivity = self._ranker.run(
            None,
            {
                "query": self._vector(query),
                "content": self._vector(content),
                "meaning": meaning,
                "things": things,
                "pairs": pairs,
                "request": request,
            },
        )
        return Scores(float(sensitivity[0]), tuple(relevance.tolist()))

    def _vector(self, text: str) -> Matrix:
        return self.encoder(text) if text.strip() else np.zeros(self.encoder.manifest.dimensions, dtype=np.float32)


class _Vectors:
    """Vectors of the norms: those of the artefact, and of texts that it does not know, new ones."""

    def __init__(self, library: Library, encoder: Encoder) -> None:
        self._library = library
        self._encoder = encoder
        with np.load(encoder.directory / VECTORS) as stored:
            self._stored: NDArray[np.float16] = stored["vectors"]
            self._known = {key: row for row, key in enumerate(stored["keys"].tolist())}
        self._row = {id_: row for row, id_ in enumerate(library.norms)}
        # Of memory that is not touched before a country is asked for.
        self._meaning, self._things = np.zeros((2, len(self._row), encoder.manifest.dimensions), dtype=np.float32)
        self._filled: set[str] = set()

    def __call__(self, norms: Sequence[Norm]) -> tuple[Matrix, Matrix]:
        """What `norms` mean and what they can be seen in, a row each."""
        for country in {norm.country for norm in norms} - self._filled:
            for norm in self._library.packs[country].norms:
                row = self._row[norm.id]
                self._meaning[row] = self._of(meaning_of(norm))
                self._things[row] = self._of(things_of(norm, self._library.vocabulary))
            self._filled.add(country)
        rows = [self._row[norm.id] for norm in norms]
        return self._meaning[rows], self._things[rows]

    def _of(self, text: str) -> NDArray[Any]:
        row = self._known.get(text_key(text))
        return self._encoder.run(text)[0] if row is None else self._stored[row]


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
