"""Where vision models lie, and which of them is used."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_cache_path

from guard.errors import ModelError
from guard.files import folder, sha256
from guard.vision.manifest import Manifest, read_manifest

SUMS = "SHA256SUMS"


def cache() -> Path:
    """Folder of pulled models: ``$NORMGUARD_MODELS``, else ``normguard/models`` in the user's cache.

    Models that were pulled to ``~/.cache`` where the system keeps caches elsewhere are still found.
    """
    if given := os.environ.get("NORMGUARD_MODELS"):
        return Path(given)
    before = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "normguard" / "models"
    return before if before.is_dir() else user_cache_path("normguard", appauthor=False) / "models"


def shipped() -> dict[str, Manifest]:
    """Models that NormGuard knows where to get, by name."""
    found = sorted(path.parent for path in (folder("models")).glob("*/manifest.yaml"))
    return {directory.name: read_manifest(directory) for directory in found}


def find(name: str) -> Path:
    """Folder of a model that is ready to use: `name` is a folder itself, or the name of a pulled model.

    Raises:
        ModelError: there is none, or it is not complete; the message says how to get it.
    """
    given = Path(name)
    if (given / "manifest.yaml").is_file():
        directory = given
    elif name in shipped():
        directory = cache() / name
        if not (directory / "manifest.yaml").is_file():
            raise ModelError(f"The vision model {name!r} is not here yet. Get it: normguard models pull {name}")
    else:
        known = ", ".join(shipped())
        raise ModelError(
            f"There is no vision model {name!r}; known are {known}, or give a folder with a manifest.yaml."
        )
    for part in read_manifest(directory).parts:
        if not (directory / part).is_file():
            raise ModelError(f"{directory}: {part} is missing. Pull or export the model again.")
    _check_sums(directory)
    return directory


def preferred() -> str | None:
    """Name of the pulled model of the highest `rank` (of those alike, the first by name), or None."""
    here = [manifest for name, manifest in shipped().items() if is_here(name)]
    return max(here, key=lambda manifest: manifest.rank).name if here else None


def is_here(name: str) -> bool:
    """Whether a known model has been pulled."""
    return (cache() / name / "manifest.yaml").is_file()


def write_sums(directory: Path) -> None:
    """Note the hash of every file of a model, so that damage is noticed when it is loaded."""
    files = sorted(path for path in directory.iterdir() if path.suffix in (".onnx", ".txt", ".npz"))
    lines = [f"{sha256(path)}  {path.name}" for path in files]
    (directory / SUMS).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _check_sums(directory: Path) -> None:
    """Where a model was pulled, its files must still be those; what somebody put together himself has no sums."""
    if not (directory / SUMS).is_file():
        return
    for line in (directory / SUMS).read_text(encoding="utf-8").splitlines():
        digest, _, part = line.partition("  ")
        path = directory / part
        if sha256(path) != digest:
            raise ModelError(f"{directory / part}: damaged: it is not the file that was pulled. Pull the model again.")
