"""What a model's numbers mean: embedders made of a few ONNX nodes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from guard import Exchange, Guard, Image
from guard.errors import ModelError
from guard.norms.vocabulary import Vocabulary
from guard.vision.model import VisionModel
from tests.vision.samples import data_of, make_model, picture


def make_embedder(directory: Path, *, concepts: dict[str, list[float]] | None = None, dimensions: int = 3) -> Path:
    """An embedder whose vector is the picture's mean colour."""
    make_model(directory, weights=np.eye(3, dimensions, dtype=np.float32), kind="embedder", temperature=0.05)
    for name in ("labels.txt", "concepts.yaml"):
        (directory / name).unlink()
    found = concepts if concepts is not None else {"clock": [1, 0, 0], "teapot": [0, 1, 0]}
    np.savez(
        directory / "concepts.npz",
        ids=np.array(list(found)),
        vectors=np.array(list(found.values()), dtype=np.float16),
        background=np.array([[0, 0, 1]], dtype=np.float16),
    )
    return directory


def test_an_embedder_plugs_in_by_its_manifest(
    tmp_path: Path, vocabulary: Vocabulary, guard: Guard, caplog: pytest.LogCaptureFixture
) -> None:
    vision = VisionModel(str(make_embedder(tmp_path / "colours")), vocabulary)
    assert list(vision.concepts(picture("red"), b"1")) == ["clock"]
    assert list(vision.concepts(picture("lime"), b"2")) == ["teapot"]
    assert vision.concepts(picture("blue"), b"3") == {}, "it looks like the background most"
    assert "newer concepts cannot be seen" in caplog.text
    looking = Guard(library=guard.library, policies=guard.policies, scorer=guard.scorer, vision=vision)
    query = "My colleague in Shanghai has a new baby. Which of these should I buy?"
    decision = looking.check(Exchange.of(query, images=[Image(data=data_of("red"))]))
    assert decision.norms[0].id == "cn.gift.clocks"


def test_the_8_bit_file_runs_where_the_manifest_says_so(tmp_path: Path, vocabulary: Vocabulary) -> None:
    directory = make_embedder(tmp_path / "colours")
    manifest = yaml.safe_load((directory / "manifest.yaml").read_text()) | {"precision": "int8"}
    (directory / "manifest.yaml").write_text(yaml.safe_dump(manifest))
    with pytest.raises(ModelError, match=r"model-int8\.onnx is missing"):
        VisionModel(str(directory), vocabulary)
    (directory / "model.onnx").rename(directory / "model-int8.onnx")
    assert list(VisionModel(str(directory), vocabulary).concepts(picture("red"), b"1")) == ["clock"]


def test_a_concept_that_the_vocabulary_has_dropped_is_not_seen(tmp_path: Path, vocabulary: Vocabulary) -> None:
    concepts = {"clock": [1.0, 0, 0], "no-longer-there": [0, 1.0, 0]}
    vision = VisionModel(str(make_embedder(tmp_path / "colours", concepts=concepts)), vocabulary)
    assert "no-longer-there" not in vision.concepts(picture("lime"), b"1")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda d: make_embedder(d, dimensions=4), "gives 4 numbers .* knows 3"),
        (lambda d: make_embedder(d, concepts={"clock": [float("nan"), 0, 0]}), "not finite"),
        (lambda d: (make_embedder(d) / "concepts.npz").unlink(), r"concepts\.npz is missing"),
        (lambda d: (make_embedder(d) / "concepts.npz").write_bytes(b"x"), "no embedded vocabulary"),
        (lambda d: np.savez(make_embedder(d) / "concepts.npz", ids=np.array(["clock"])), "no embedded vocabulary"),
    ],
)
def test_a_spoilt_embedder_is_refused(
    tmp_path: Path, vocabulary: Vocabulary, make: Callable[[Path], Any], message: str
) -> None:
    make(tmp_path / "colours")
    with pytest.raises(ModelError, match=message):
        VisionModel(str(tmp_path / "colours"), vocabulary)
