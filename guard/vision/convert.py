"""Conversion of models to ONNX, once, when they are pulled."""

from __future__ import annotations

from pathlib import Path

from guard.errors import ModelError


def tflite_to_onnx(source: Path, target: Path) -> None:
    """Convert a TensorFlow Lite file (8-bit weights become floats); raises `ModelError` if that cannot be done."""
    try:
        import tflite2onnx  # noqa: PLC0415  (an extra)
    except ImportError as error:
        raise ModelError("Converting the model needs tflite2onnx: pip install 'normguard[vision]'.") from error
    try:
        tflite2onnx.convert(str(source), str(target))
    except Exception as error:  # whatever the converter stumbles over
        raise ModelError(f"{source.name}: cannot be converted to ONNX: {error}") from error
