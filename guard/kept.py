"""What is computed once from files and kept: inside a wheel, where it was made with it, else in the user's cache.

A kept thing is a zip file of named parts (JSON, UTF-8 text, plain numbers), and says by a key what it was made from.
One of another key, a damaged one, or one that belongs to another user is as good as none: it is made anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from guard.files import cache_folder, folder

Parts = Mapping[str, bytes]

_KEY = "key"
_REMEMBERED = 8  # files of one name that are left in the cache


def key_of(sources: Iterable[Path], *also: object) -> str:
    """Name of what is made from the bytes of `sources`, in that order, and from whatever else it depends on.

    A file that cannot be read counts as empty; whoever makes something of it says so.
    """
    digest = hashlib.sha256(repr(also).encode())
    for path in sources:
        try:
            data = path.read_bytes()
        except OSError:
            data = b""
        digest.update(f"\n{path.name} {len(data)}\n".encode())
        digest.update(data)
    return digest.hexdigest()[:32]


def kept(name: str, key: str, make: Callable[[], Parts]) -> Parts:
    """The parts that `make` computes, or those that it computed before from what has the same `key`."""
    cache = cache_folder()
    shipped = folder("compiled") / f"{name}.zip"
    mine = cache / f"{name}-{key}.zip" if cache else None
    if (found := _read(shipped, key)) is not None:
        return found
    if mine is not None and _is_ours(mine) and (found := _read(mine, key)) is not None:
        return found
    made = make()
    if mine is not None:
        with contextlib.suppress(OSError):  # a home that cannot be written to costs time, and nothing else
            mine.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write(mine, key, made)
            _forget(mine.parent, name)
    return made


def write(path: Path, key: str, parts: Parts) -> None:
    """Keep `parts` in `path`, whole or not at all; raises `OSError`."""
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(handle, "wb") as file, zipfile.ZipFile(file, "w") as archive:
            for part, data in {_KEY: key.encode(), **parts}.items():
                archive.writestr(zipfile.ZipInfo(part), data)  # without the clock: the same parts are the same bytes
        Path(partial).replace(path)
    except OSError:
        Path(partial).unlink(missing_ok=True)
        raise


def _read(path: Path, key: str) -> dict[str, bytes] | None:
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.read(_KEY) != key.encode():
                return None
            return {part: archive.read(part) for part in archive.namelist()}
    except (OSError, KeyError, ValueError, EOFError, NotImplementedError, RuntimeError, zipfile.BadZipFile):
        return None  # absent, or damaged in one of the ways in which zipfile says so


def _is_ours(path: Path) -> bool:
    try:
        return not hasattr(os, "getuid") or path.stat().st_uid == os.getuid()
    except OSError:
        return False


def _forget(directory: Path, name: str) -> None:
    """Remove what was kept longest ago, as each change of an operator's packs leaves a file behind."""
    files = sorted(directory.glob(f"{name}-*.zip"), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in files[_REMEMBERED:]:
        old.unlink(missing_ok=True)
