"""Data files of others, read with messages that name file and line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from guard.errors import NormGuardError

_LFS = "version https://git-lfs"


def json_list(path: Path) -> list[Any]:
    """The list of records in a JSON file; raises `NormGuardError` if it is none."""
    text = _text(path)
    if text.startswith(_LFS):
        raise NormGuardError(f"{path}: only a pointer to the file is here; run 'git lfs pull' in the clone.")
    try:
        records = json.loads(text)
    except json.JSONDecodeError as error:
        raise NormGuardError(
            f"{path}: no JSON from line {error.lineno} on ({error.msg}); is the file complete?"
        ) from error
    if not isinstance(records, list):
        raise NormGuardError(f"{path}: a list of records is expected.")
    return records


def json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a file of JSON lines, with their line numbers; raises `NormGuardError` at one that is none."""
    for number, line in enumerate(_text(path).splitlines(), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            raise NormGuardError(f"{path}:{number}: no JSON ({error.msg}).") from error
        if not isinstance(record, dict):
            raise NormGuardError(f"{path}:{number}: an object is expected.")
        yield number, record


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise NormGuardError(f"{path}: no such file.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise NormGuardError(f"{path}: cannot be read: {error}") from error
