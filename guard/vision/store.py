"""Where vision models lie, and fetching them."""

from __future__ import annotations

import os
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from guard.errors import ModelError
from guard.files import folder, read_yaml
from guard.onnx import MANIFEST, check_parts, write_sums
from guard.vision.manifest import CURE, Download, Manifest, check_file, read_manifest

MODEL, LABELS = "model.onnx", "labels.txt"
Fetch = Callable[[str, float], bytes]


def cache() -> Path:
    """Folder of pulled models: ``$NORMGUARD_MODELS``, else ``normguard/models`` in the user's cache."""
    if given := os.environ.get("NORMGUARD_MODELS"):
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "normguard" / "models"


def shipped() -> dict[str, Manifest]:
    """Models that NormGuard knows where to get, by name."""
    found = sorted(folder("models").glob(f"*/{MANIFEST}"))
    pictured = [path.parent for path in found if "input" in read_yaml(path, ModelError)]  # the others read texts
    return {directory.name: read_manifest(directory) for directory in pictured}


def find(name: str) -> Path:
    """Folder of a model that is ready to use: `name` is a folder itself, or the name of a pulled model.

    Raises:
        ModelError: there is none, or it is not complete; the message says how to get it.
    """
    given = Path(name)
    if (given / MANIFEST).is_file():
        directory = given
    elif name in shipped():
        directory = cache() / name
        if not (directory / MANIFEST).is_file():
            raise ModelError(f"The vision model {name!r} is not here yet. Get it: normguard models pull {name}")
    else:
        known = ", ".join(shipped())
        raise ModelError(f"There is no vision model {name!r}; known are {known}, or give a folder with a {MANIFEST}.")
    manifest = read_manifest(directory)
    for part in manifest.parts:
        if not (directory / part).is_file():
            raise ModelError(f"{directory}: {part} is missing. {CURE}")
    check_parts(directory, manifest, cure=CURE)
    return directory


def best() -> str | None:
    """Name of the best model that has been pulled, or None."""
    return next((name for name in shipped() if is_here(name)), None)


def is_here(name: str) -> bool:
    """Whether a known model has been pulled."""
    return (cache() / name / MANIFEST).is_file()


def pull(name: str, *, source: Path | None = None, timeout: float = 60.0, fetch: Fetch | None = None) -> Path:
    """Get a known model, check its files, convert it to ONNX and put it into the cache.

    Args:
        name: name of a model that NormGuard knows.
        source: folder that holds the files already, instead of the network.
        timeout: seconds that each file may take to answer.
        fetch: how an address is read, for tests.

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
        original = _get(manifest.model, partial, source, timeout, fetch or _read)
        labels = _get(manifest.labels, partial, source, timeout, fetch or _read)
        labels.rename(partial / LABELS)
        if original.suffix == ".tflite":
            from guard.vision.convert import tflite_to_onnx  # an extra

            tflite_to_onnx(original, partial / MODEL)
        else:
            original.rename(partial / MODEL)
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


def _get(wanted: Download, into: Path, source: Path | None, timeout: float, fetch: Fetch) -> Path:
    file_name = str(wanted.url).rpartition("/")[2]
    target = into / file_name
    if source is not None:
        if not (source / file_name).is_file():
            raise ModelError(f"{source / file_name}: not there; the model needs it.")
        shutil.copyfile(source / file_name, target)
    else:
        target.write_bytes(fetch(str(wanted.url), timeout))
    check_file(target, wanted)
    return target


def _read(url: str, timeout: float) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer:  # noqa: S310  (pinned addresses of a manifest)
            data: bytes = answer.read()
            return data
    except (urllib.error.URLError, TimeoutError, OSError) as error:
        reason = getattr(error, "reason", error)
        raise ModelError(
            f"{url}: cannot be fetched: {reason}. Fetch it elsewhere and give its folder (--from)."
        ) from error
