"""What a vision model is: where it comes from, what it takes, and what its outputs mean here."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, HttpUrl, StringConstraints, ValidationError

from guard.errors import ModelError, PackError
from guard.norms.model import TermId
from guard.norms.packs import read_yaml
from guard.norms.vocabulary import Vocabulary

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Channels = tuple[float, float, float]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Download(_Strict):
    """A file to fetch: its address, the SHA-256 it must have, and its size in bytes."""

    url: HttpUrl
    sha256: Sha256
    bytes: int = Field(gt=0, le=2**30)


class Input(_Strict):
    """The picture that the model takes: `size` x `size` RGB pixels, ``(value / 255 - mean) / deviation`` each channel.

    Attributes:
        size: edge in pixels.
        crop: share of the picture's shorter edge that the central square takes.
        layout: order of batch, channels, height and width.
    """

    size: int = Field(ge=16, le=1024)
    crop: float = Field(default=0.875, gt=0, le=1)
    layout: Literal["NCHW", "NHWC"] = "NCHW"
    mean: Channels = (0.0, 0.0, 0.0)
    deviation: Channels = (1.0, 1.0, 1.0)


class Manifest(_Strict):
    """A folder's ``manifest.yaml``; beside it ``concepts.yaml`` and, once pulled, ``model.onnx`` and ``labels.txt``.

    Attributes:
        name: name of the model, the folder's.
        kind: what it gives: probabilities of classes.
        licence: SPDX identifier.
        model, labels: where its files come from; None for a model whose files somebody put there.
        input: the picture it takes.
        output: whether the outputs are probabilities already, or logits.
        temperature: what logits are divided by before they become probabilities.
        floor: probability below which a concept is not reported.
    """

    name: TermId
    kind: Literal["classifier"] = "classifier"
    licence: str
    model: Download | None = None
    labels: Download | None = None
    input: Input
    output: Literal["probabilities", "logits"] = "logits"
    temperature: float = Field(default=1.0, gt=0)
    floor: float = Field(default=0.2, gt=0, lt=1)


def read_manifest(directory: Path) -> Manifest:
    """The manifest in `directory`; raises `ModelError` that says what is missing or wrong."""
    path = directory / "manifest.yaml"
    if not path.is_file():
        raise ModelError(f"{directory}: no vision model: there is no manifest.yaml in it.")
    try:
        return Manifest.model_validate(read_yaml(path))
    except PackError as error:
        raise ModelError(str(error)) from error
    except ValidationError as error:
        faults = (f"{path}: {'.'.join(map(str, f['loc']))}: {f['msg']}" for f in error.errors(include_url=False))
        raise ModelError("\n".join(faults)) from error


def read_concepts(path: Path, labels: list[str], vocabulary: Vocabulary) -> tuple[list[str], np.ndarray]:
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

    try:
        document = read_yaml(path)
    except PackError as error:
        raise ModelError(str(error)) from error
    concepts: list[str] = list(document)
    matrix = np.zeros((len(concepts), len(labels)), dtype=np.float32)
    for row, concept in enumerate(concepts):
        if concept not in vocabulary.concepts:
            raise ModelError(f"{path}: there is no concept {concept!r} in the vocabulary.")
        for label in document[concept]:
            first, _, last = str(label).partition("..")
            matrix[row, of(first) : of(last or first) + 1] = 1.0
    return concepts, matrix


def check_file(path: Path, expected: Download) -> None:
    """Raise `ModelError` unless `path` is the file that was expected."""
    if not path.is_file():
        raise ModelError(f"{path}: not there.")
    digest = sha256(path.read_bytes()).hexdigest()
    if digest != expected.sha256:
        raise ModelError(
            f"{path}: not the file that was expected: its SHA-256 is {digest[:12]}…, not {expected.sha256[:12]}…. "
            "Delete it and pull the model again."
        )
