"""Artefacts: one manifest, whose faults say which file it is and what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from guard.errors import ModelError
from guard.files import folder, sha256
from guard.onnx import Artefact, check_parts, open_session, read_manifest, write_manifest

CURE = "Make it again."


class Sized(Artefact):
    size: int


def artefact(directory: Path) -> Path:
    (directory / "model.onnx").write_bytes(b"a model")
    (directory / "README.md").write_text("a card")
    write_manifest(directory, {"name": "thing-1", "licence": "Apache-2.0", "size": 3})
    return directory


def read(directory: Path) -> Sized:
    manifest = read_manifest(directory, Sized, what="thing", cure=CURE, made_for={"size": 3})
    check_parts(directory, manifest, cure=CURE)
    return manifest


def test_what_is_written_is_read(tmp_path: Path) -> None:
    manifest = read(artefact(tmp_path))
    assert (manifest.name, manifest.size) == ("thing-1", 3)
    assert manifest.sha256 == {"model.onnx": sha256(tmp_path / "model.onnx")}


def _changed(directory: Path, **changes: Any) -> None:
    path = directory / "manifest.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda d: (d / "manifest.yaml").unlink(), r"manifest\.yaml: no thing there\. Make it again\."),
        (lambda d: (d / "manifest.yaml").write_text("{"), r"manifest\.yaml: not valid YAML.*damaged\. Make it again\."),
        (
            lambda d: (d / "manifest.yaml").write_text("[]"),
            r"made for another version .*\(size differs",
        ),
        (lambda d: _changed(d, size=4), r"size differs\)\. Make it again\."),
        (lambda d: _changed(d, licence=None), r"manifest\.yaml: licence: "),
        (lambda d: _changed(d, licens="x"), "did you mean 'licence'"),
        (lambda d: _changed(d, sha256={"model.onnx": "0"}), r"sha256\.model\.onnx: "),
        (lambda d: (d / "model.onnx").write_bytes(b"x"), r"model\.onnx: missing or damaged.*Make it again\."),
        (lambda d: (d / "model.onnx").unlink(), r"model\.onnx: missing or damaged.*Make it again\."),
    ],
)
def test_a_spoilt_artefact_is_told_with_its_file_and_cure(
    tmp_path: Path, spoil: Callable[[Path], object], message: str
) -> None:
    spoil(artefact(tmp_path))
    with pytest.raises(ModelError, match=message):
        read(tmp_path)


def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"model\.onnx: cannot be loaded"):
        open_session(artefact(tmp_path) / "model.onnx")


def test_every_shipped_artefact_has_this_manifest() -> None:
    for directory in (path for path in folder("models").iterdir() if path.is_dir()):
        document = yaml.safe_load((directory / "manifest.yaml").read_text(encoding="utf-8"))
        assert document["name"] == directory.name
        files = {path.name for path in directory.iterdir() if path.suffix in {".onnx", ".npz"}}
        assert files == set(document.get("sha256", {}))
