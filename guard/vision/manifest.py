"""What a vision model is: where it comes from, what it takes, and what its outputs mean here."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, HttpUrl

from guard import onnx
from guard.errors import ModelError
from guard.files import Strict, sha256
from guard.norms.model import TermId
from guard.onnx import Artefact, Sha256

CURE = "Pull or export the model again."

Channels = tuple[float, float, float]


class Download(Strict):
    """A file to fetch: its address, the SHA-256 it must have, and its size in bytes."""

    url: HttpUrl
    sha256: Sha256
    bytes: int = Field(gt=0, le=2**30)


class Weights(Strict):
    """Open weights of a CLIP: the architecture and tag by which open_clip knows them, and the hub they lie in."""

    architecture: str
    tag: str
    hub: str


class Input(Strict):
    """The picture that the model takes: `size` x `size` RGB pixels, ``(value / 255 - mean) / deviation`` each channel.

    Attributes:
        size: edge in pixels.
        crop: share of the picture's shorter edge that the central square takes.
        interpolation: how the picture is made smaller.
        layout: order of batch, channels, height and width.
    """

    size: int = Field(ge=16, le=1024)
    crop: float = Field(default=0.875, gt=0, le=1)
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"
    layout: Literal["NCHW", "NHWC"] = "NCHW"
    mean: Channels = (0.0, 0.0, 0.0)
    deviation: Channels = (1.0, 1.0, 1.0)


class Manifest(Artefact):
    """A folder's ``manifest.yaml``.

    Beside it lie ``model.onnx`` and, of a classifier, ``labels.txt`` and ``concepts.yaml`` (what its classes mean); of
    an embedder, ``concepts.npz`` (the embedded vocabulary).

    Attributes:
        kind: what it gives of a picture: scores of classes, or a vector to be compared with those of concepts.
        model, labels: where a classifier's files come from; None for a model whose files somebody put there.
        weights: what an embedder is exported from; None likewise.
        input: the picture it takes.
        precision: which file is run: ``model.onnx`` or the 8-bit ``model-int8.onnx``.
        output: whether a classifier's outputs are probabilities already, or logits.
        temperature: what logits are divided by before they become probabilities; for an embedder, cosines are.
        rank: how good the model is beside others, the higher the better; ``vision: auto`` goes by it.
        floor: probability below which a concept is not reported.
    """

    name: TermId
    kind: Literal["classifier", "embedder"] = "classifier"
    rank: int = 0
    model: Download | None = None
    labels: Download | None = None
    weights: Weights | None = None
    input: Input
    precision: Literal["fp32", "int8"] = "fp32"
    output: Literal["probabilities", "logits"] = "logits"
    temperature: float = Field(default=1.0, gt=0)
    floor: float = Field(default=0.2, gt=0, lt=1)

    @property
    def file(self) -> str:
        """Name of the file that is run."""
        return "model.onnx" if self.precision == "fp32" else "model-int8.onnx"

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the files that must lie beside the manifest."""
        return (self.file, *(("labels.txt", "concepts.yaml") if self.kind == "classifier" else ("concepts.npz",)))


def read_manifest(directory: Path) -> Manifest:
    """The manifest in `directory`; raises `ModelError` that says what is missing or wrong."""
    return onnx.read_manifest(directory, Manifest, what="vision model", cure=CURE)


def check_file(path: Path, expected: Download) -> None:
    """Raise `ModelError` unless `path` is the file that was expected."""
    if not path.is_file():
        raise ModelError(f"{path}: not there.")
    digest = sha256(path)
    if digest != expected.sha256:
        raise ModelError(
            f"{path}: not the file that was expected: its SHA-256 is {digest[:12]}…, not {expected.sha256[:12]}…. "
            "Delete it and pull the model again."
        )
