"""Where vision models lie, and which of them is used."""

from __future__ import annotations

import os
from pathlib import Path

from guard.errors import ModelError
from guard.files import cache_folder, folder, read_yaml
from guard.onnx import MANIFEST, check_parts
from guard.vision.manifest import CURE, Manifest, read_manifest


def cache() -> Path:
    """Folder of pulled models: ``$NORMGUARD_MODELS``, else ``normguard/models`` in the user's cache.

    Models that were pulled to ``~/.cache`` where the system keeps caches elsewhere are still found.
    """
    if given := os.environ.get("NORMGUARD_MODELS"):
        return Path(given)
    before = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "normguard" / "models"
    return before if before.is_dir() else (cache_folder() or before.parent) / "models"


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


def preferred() -> str | None:
    """Name of the pulled model of the highest `rank` (of those alike, the first by name), or None."""
    here = [manifest for name, manifest in shipped().items() if is_here(name)]
    return max(here, key=lambda manifest: manifest.rank).name if here else None


def is_here(name: str) -> bool:
    """Whether a known model has been pulled."""
    return (cache() / name / MANIFEST).is_file()
