"""Fetching vision models."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from guard.errors import ModelError, missing
from guard.files import folder
from guard.onnx import MANIFEST, write_sums
from guard.vision.manifest import Download, check_file
from guard.vision.store import cache, shipped

_MODEL, _LABELS = "model.onnx", "labels.txt"
Fetch = Callable[[str, str, Any], None]


def pull(name: str, *, source: Path | None = None, timeout: float = 60.0, fetch: Fetch | None = None) -> Path:
    """Get a known model, check its files, convert it to ONNX and put it into the cache.

    Args:
        name: name of a model that NormGuard knows.
        source: folder that holds the files already, instead of the network.
        timeout: seconds that each file may take to answer.
        fetch: writes what is at an address into a file, as pooch's downloaders do.

    Returns:
        The model's folder.

    Raises:
        ModelError: the model is unknown, a file cannot be had or is not the expected one, or conversion fails.
    """
    known = shipped()
    if name not in known:
        raise ModelError(f"There is no model {name!r} to pull; known are {', '.join(known)}.")
    manifest = known[name]
    if manifest.kind == "embedder":
        from guard.vision.export import export  # an extra

        if source is not None:
            raise ModelError(f"{name} is exported from weights: normguard models export {name} --weights FILE")
        return export(name)
    if manifest.model is None or manifest.labels is None:
        raise ModelError(f"The manifest of {name!r} does not say where its files come from.")
    target = cache() / name
    partial = target.with_name(f".{name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        original = _get(manifest.model, partial, source, timeout, fetch)
        labels = _get(manifest.labels, partial, source, timeout, fetch)
        labels.rename(partial / _LABELS)
        if original.suffix == ".tflite":
            from guard.vision.convert import tflite_to_onnx  # an extra

            tflite_to_onnx(original, partial / _MODEL)
        else:
            original.rename(partial / _MODEL)
        for part in (MANIFEST, "concepts.yaml"):
            shutil.copyfile(folder("models") / name / part, partial / part)
        write_sums(partial)
        shutil.rmtree(target, ignore_errors=True)
        partial.rename(target)
    except OSError as error:
        raise ModelError(f"{error.filename or target}: cannot be written: {error.strerror}.") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return target


def _get(wanted: Download, into: Path, source: Path | None, timeout: float, fetch: Fetch | None) -> Path:
    target = into / str(wanted.url).rpartition("/")[2]
    if source is None:
        _download(wanted, target, timeout, fetch)
    elif (source / target.name).is_file():
        shutil.copyfile(source / target.name, target)
        check_file(target, wanted)
    else:
        raise ModelError(f"{source / target.name}: not there; the model needs it.")
    return target


def _download(wanted: Download, target: Path, timeout: float, fetch: Fetch | None) -> None:
    try:
        import pooch  # an extra
    except ImportError as error:
        raise ModelError(missing("Fetching a model", "vision")) from error
    pooch.get_logger().setLevel("ERROR")
    url, elsewhere = str(wanted.url), "Fetch it elsewhere and give its folder (--from)."
    fetch = fetch or pooch.HTTPDownloader(timeout=timeout, progressbar=sys.stderr.isatty())
    try:
        pooch.retrieve(url, wanted.sha256, target.name, target.parent, downloader=fetch)
    except ValueError as error:
        raise ModelError(
            f"{url}: not the file that was expected: its SHA-256 is not {wanted.sha256[:12]}…. {elsewhere}"
        ) from error
    except OSError as error:
        raise ModelError(f"{url}: cannot be fetched: {str(error)[:200]}. {elsewhere}") from error
