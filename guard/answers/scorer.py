"""Whether an answer recommends what a norm rules out: the local check of answers, run by onnxruntime."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from guard.answers.features import FEATURES, AnswerFeatures, Vector
from guard.classifier.student import Encoder
from guard.files import folder
from guard.norms.library import Library
from guard.norms.model import Norm
from guard.onnx import Artefact, check_parts, open_session, read_manifest

NAME = "answers-1"
FORMAT = 1
MODEL = "answers.onnx"
_CURE = "Train one (normguard train --answers) or install again."


class Manifest(Artefact):
    """What the check was made with, and the probabilities between which nobody can say without asking a model."""

    format: int
    features: tuple[str, ...]
    clear: float
    breach: float


class AnswerScorer:
    """P(a text recommends what a norm rules out), for texts of a sentence or so.

    Trained on answers made for the purpose (see the model card beside the artefact); calibrated. Below `clear` a text
    may be taken as fine, from `breach` on as in breach; between the two nobody can say without asking a model.

    Args:
        library: the norms; those that the artefact was not made with work as well.
        directory: folder of the artefact.
        encode: unit vector of a text; by the classifier that comes with NormGuard by default.

    Raises:
        ModelError: the artefact is missing, damaged, or of another version.
    """

    def __init__(
        self, library: Library, directory: Path | None = None, *, encode: Callable[[str], Vector] | None = None
    ) -> None:
        directory = directory or folder("models") / NAME
        made_for = {"format": FORMAT, "features": list(FEATURES)}
        manifest = read_manifest(directory, Manifest, what="check of answers", cure=_CURE, made_for=made_for)
        check_parts(directory, manifest, cure=_CURE)
        self.name, self.clear, self.breach = manifest.name, manifest.clear, manifest.breach
        self._model = open_session(directory / MODEL)
        self.features = AnswerFeatures(library, encode or Encoder())

    def __call__(self, query: str, answer: str, norms: Sequence[Norm]) -> tuple[float, ...]:
        """P(breach) of each of `norms`, 0..1."""
        if not norms or not answer.strip():
            return (0.0,) * len(norms)
        dense = self.features(query, answer[:4000], norms)
        (probabilities,) = self._model.run(None, {"features": dense})
        return tuple(float(p) for p in probabilities)
