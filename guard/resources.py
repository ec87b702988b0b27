"""Where the data folders lie: beside the package in a checkout, inside it in an installed wheel."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def folder(name: str) -> Path:
    """Path of the data folder ``policies``, ``models``, ``benchmarks`` or ``training``."""
    shipped = _PACKAGE / "_share" / name
    return shipped if shipped.is_dir() else _PACKAGE.parent / name
