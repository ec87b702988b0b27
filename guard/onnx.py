"""Trained artefacts: a folder with a manifest and the files that it vouches for, and the sessions that run them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import StringConstraints, ValidationError

from guard.errors import ModelError
from guard.files import Strict, faults, read_yaml, sha256

MANIFEST = "manifest.yaml"
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Artefact(Strict):
    """What the manifest of every artefact says.

    Attributes:
        name: name of the artefact, with its version.
        licence: SPDX identifier, or the licence's own name.
        sha256: files that must be as they were made, by name; none of an artefact that somebody put together.
    """

    name: str
    licence: str
    sha256: dict[str, Sha256] = {}


M = TypeVar("M", bound=Artefact)


def read_manifest(
    directory: Path, schema: type[M], *, what: str, cure: str, made_for: Mapping[str, Any] | None = None
) -> M:
    """The manifest in `directory`, as `schema` has it.

    Args:
        what: what lies there, for messages.
        cure: what to do where it cannot be used, as a sentence.
        made_for: what a manifest says that was made for this version.

    Raises:
        ModelError: there is none, it is damaged, or it was made for another version.
    """
    path = directory / MANIFEST
    if not path.is_file():
        raise ModelError(f"{path}: no {what} there. {cure}")
    try:
        document = read_yaml(path, ModelError)
    except ModelError as error:
        raise ModelError(f"{error} The {what} is damaged. {cure}") from error
    for key, value in (made_for or {}).items():
        if not isinstance(document, dict) or document.get(key) != value:
            raise ModelError(f"{path}: made for another version of NormGuard ({key} differs). {cure}")
    try:
        return schema.model_validate(document)
    except ValidationError as error:
        raise ModelError("\n".join(f"{path}: {line}" for line in faults(error, schema))) from error


def check_parts(directory: Path, manifest: Artefact, *, cure: str) -> None:
    """Raise `ModelError` where a file is not the one that `manifest` vouches for."""
    for part, digest in manifest.sha256.items():
        if sha256(directory / part) != digest:
            raise ModelError(f"{directory / part}: missing or damaged: it is not the file that was made. {cure}")


def write_manifest(directory: Path, fields: Mapping[str, Any]) -> None:
    """Write the manifest of an artefact whose files lie in `directory` already, and vouch for them."""
    document = {**fields, "sha256": _sums(directory)}
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, default_flow_style=None, width=118)
    (directory / MANIFEST).write_text(text, encoding="utf-8")


def write_sums(directory: Path) -> None:
    """Let the manifest in `directory`, which vouches for nothing yet, vouch for the files beside it."""
    with (directory / MANIFEST).open("a", encoding="utf-8") as manifest:
        yaml.safe_dump({"sha256": _sums(directory)}, manifest)


def _sums(directory: Path) -> dict[str, str]:
    files = sorted(path for path in directory.iterdir() if path.suffix in {".onnx", ".txt", ".npz"})
    return {path.name: sha256(path) for path in files}


def open_session(path: Path, *, threads: int = 1, providers: Sequence[str] = ("CPUExecutionProvider",)) -> Any:
    """An onnxruntime session; raises `ModelError` if the file is no model.

    Args:
        threads: how many work on one run; so small a model as the classifier gains nothing from more.
        providers: what may run it, in order of preference; those that this machine lacks are left out.
    """
    import onnxruntime  # a tenth of a second, which is not to be paid before something is run

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Threads that spin while they wait would take the cores from the rest of the worker.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    available = set(onnxruntime.get_available_providers())
    try:
        return onnxruntime.InferenceSession(
            str(path), options, providers=[provider for provider in providers if provider in available]
        )
    except Exception as error:  # onnxruntime raises errors of its own, of many kinds
        raise ModelError(f"{path}: cannot be loaded: {str(error)[:200]}") from error
