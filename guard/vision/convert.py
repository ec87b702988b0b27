"""Conversion of models to ONNX, once, when they are pulled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from guard.errors import ModelError, missing


def forget_origin(path: Path) -> None:
    """Take out of an ONNX file what torch's exporter notes in it: traces of the code, with paths of this machine."""
    import onnx  # an extra

    model: Any = onnx.load(str(path))
    for part in (model, model.graph, *model.graph.node, *model.graph.value_info, *model.functions):
        del part.metadata_props[:]
        part.doc_string = ""
    for function in model.functions:
        for node in function.node:
            del node.metadata_props[:]
            node.doc_string = ""
    onnx.save(model, str(path))


def tflite_to_onnx(source: Path, target: Path) -> None:
    """Convert a TensorFlow Lite file (8-bit weights become floats); raises `ModelError` if that cannot be done."""
    try:
        import tflite2onnx  # an extra
    except ImportError as error:
        raise ModelError(missing("Converting the model", "vision")) from error
    try:
        tflite2onnx.convert(str(source), str(target))
    except Exception as error:  # whatever the converter stumbles over
        raise ModelError(f"{source.name}: cannot be converted to ONNX: {error}") from error
