"""Small vision models and pictures for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image as Pillow

from tests.paths import SHARED

WEIGHTS, PHOTOS = SHARED / "vision", SHARED / "photos"
LABELS = ["nothing", "wall clock", "teapot", "kettle, of iron"]
SIZE = 16


def make_model(directory: Path, *, weights: Any = None, batch: str | int = "n", **changes: Any) -> Path:
    """A classifier of four classes that looks at the mean colour: black, red, green or blue."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    matrix = np.array([[0, 9, 0, 0], [0, 0, 9, 0], [0, 0, 0, 9]], dtype=np.float32) if weights is None else weights
    nodes = [
        helper.make_node("ReduceMean", ["picture"], ["mean"], axes=[2, 3], keepdims=0),
        helper.make_node("MatMul", ["mean", "matrix"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, [batch, 3, SIZE, SIZE])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [batch, matrix.shape[1]])],
        [numpy_helper.from_array(matrix, "matrix")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    directory.mkdir(parents=True, exist_ok=True)
    onnx.save(model, directory / "model.onnx")
    (directory / "labels.txt").write_text("\n".join(LABELS) + "\n", encoding="utf-8")
    (directory / "concepts.yaml").write_text("clock: [wall clock]\nteapot: [teapot..kettle]\n")
    manifest = {"name": directory.name, "licence": "CC0-1.0", "input": {"size": SIZE, "crop": 1.0}} | changes
    (directory / "manifest.yaml").write_text(yaml.safe_dump(manifest), encoding="utf-8")
    return directory


def picture(colour: str, size: tuple[int, int] = (40, 30)) -> Pillow.Image:
    return Pillow.new("RGB", size, colour)


def data_of(colour: str) -> bytes:
    import io

    buffer = io.BytesIO()
    picture(colour).save(buffer, "PNG")
    return buffer.getvalue()
