"""Loading norm packs from folders of YAML files."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from guard.errors import PackError
from guard.norms.model import Pack
from guard.resources import folder

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc]
    """YAML as YAML 1.2 has it: only true and false are booleans, so that NO is Norway and "off" a word."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in _Base.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|false)$"), list("tf"))


def read_yaml(path: Path) -> Any:
    """The document in ``path``; raises `PackError` with file and line if it is no YAML or cannot be read."""
    try:
        return yaml.load(path.read_bytes(), Loader=_Loader)  # noqa: S506  (a safe loader, in C)
    except OSError as error:
        raise PackError(f"{path}: cannot be read: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise PackError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error


def read_pack(path: Path) -> Pack:
    """The pack in ``path``; raises `PackError` naming file, norm and field, with all faults at once."""
    document = read_yaml(path)
    try:
        return Pack.model_validate(document)
    except ValidationError as error:
        raise PackError("\n".join(_faults(path, document, error))) from error


def read_packs(folders: Iterable[Path] | None = None) -> dict[str, Pack]:
    """All packs of ``folders`` (by default those that come with NormGuard), by country code."""
    packs: dict[str, Pack] = {}
    for directory in folders if folders is not None else [folder("policies") / "norms"]:
        if not directory.is_dir():
            raise PackError(f"{directory}: no such folder of norm packs")
        for path in sorted(directory.glob("*.yaml")):
            pack = read_pack(path)
            packs[pack.country] = pack
    return packs


def _faults(path: Path, document: Any, error: ValidationError) -> Iterable[str]:
    for fault in error.errors(include_url=False):
        where = list(fault["loc"])
        norm = ""
        if len(where) >= 2 and where[0] == "norms" and isinstance(where[1], int):
            entry = document["norms"][where[1]]
            norm = f"norm {entry.get('id', f'number {where[1] + 1}') if isinstance(entry, dict) else where[1] + 1}: "
            where = where[2:]
        field = ".".join(str(part) for part in where)
        yield f"{path}: {norm}{field + ': ' if field else ''}{fault['msg']}"
