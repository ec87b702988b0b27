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
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Kept:
    """Something that is computed once.

    Attributes:
        name: what it is.
        key: of what it is made from; see `key_of`.
        make: computes its parts.
    """

    name: str
    key: str
    make: Callable[[], Parts]

    def parts(self) -> Parts:
        """What `make` computes, or computed before."""
        if (found := _read(folder("compiled") / self._file, self.key)) is not None:
            return found
        cache = cache_folder()
        if cache is None:
            return self.make()
        mine = cache / f"{self.name}-{self.key}.zip"
        if _is_ours(mine) and (found := _read(mine, self.key)) is not None:
            return found
        made = self.make()
        with contextlib.suppress(OSError):  # a home that cannot be written to costs time, and nothing else
            cache.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write(mine, self.key, made)
            _forget(cache, self.name)
        return made

    def ship(self, directory: Path) -> Path:
        """Write the file that a wheel brings along; raises `OSError`."""
        path = directory / self._file
        _write(path, self.key, self.parts())
        return path

    @property
    def _file(self) -> str:
        return f"{self.name}.zip"


def _write(path: Path, key: str, parts: Parts) -> None:
    """Whole or not at all, whoever else writes it."""
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
