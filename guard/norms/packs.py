"""Loading norm packs from folders of YAML files."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from guard.errors import PackError
from guard.files import folder, read_yaml
from guard.norms.model import Pack


@dataclass(frozen=True)
class Layers:
    """A country's pack as the files read so far make it, still as plain YAML data.

    Attributes:
        files: of each norm, the files that it was read from.
        off: norms that were switched off, and the file that did.
    """

    document: dict[str, Any]
    files: dict[str, tuple[Path, ...]]
    off: dict[str, Path]

    @cached_property
    def pack(self) -> Pack:
        """The pack that they make; raises pydantic's `ValidationError`."""
        pack = Pack.model_validate(self.document)
        for norm in pack.norms:
            norm._files = self.files[norm.id]
        pack._switched_off = self.off
        return pack


def read_pack(path: Path) -> Pack:
    """The pack in ``path``; raises `PackError` naming file, norm and field, with all faults at once."""
    return _pack(path, _first(path, _document(path)))


def read_packs(folders: Iterable[Path] | None = None) -> dict[str, Pack]:
    """All packs of ``folders`` (by default those that come with NormGuard), by country code.

    A file of a later folder for a country already read adds to that pack: a norm of a known id changes the fields that
    it gives and keeps the others, ``off`` switches norms off by id, and ``replaces: true`` starts afresh.

    Raises:
        PackError: a folder is missing, a file is faulty, or a norm to be switched off is not there.
    """
    layered = read_layers(folders if folders is not None else [folder("policies") / "norms"])
    return {code: layers.pack for code, layers in layered.items()}


def read_layers(folders: Iterable[Path], below: dict[str, Layers] | None = None) -> dict[str, Layers]:
    """The packs that files of ``folders`` state or change, found good, over those `below`; raises as `read_packs`."""
    layers: dict[str, Layers] = {}
    known = ChainMap(layers, below or {})
    for directory in folders:
        for path in pack_files(directory):
            document = _document(path)
            under = known.get(str(document.get("country")))
            if under is None or document.get("replaces"):
                layer = _first(path, document)
            else:
                layer = _over(under, path, document)
            layers[_pack(path, layer).country] = layer
    return layers


def pack_files(directory: Path) -> list[Path]:
    """The pack files of a folder, in the order in which they are read; raises `PackError` if there is no folder."""
    if not directory.is_dir():
        raise PackError(f"{directory}: no such folder of norm packs")
    return sorted(directory.glob("*.yaml"))


def _document(path: Path) -> dict[str, Any]:
    document = read_yaml(path, PackError)
    if not isinstance(document, dict):
        raise PackError(f"{path}: not a norm pack: a mapping with country and norms is needed")
    if not isinstance(document.get("norms") or [], list):
        raise PackError(f"{path}: norms: not a list")
    return document


def _entries(document: dict[str, Any]) -> list[Any]:
    return document.get("norms") or []


def _id(entry: Any) -> str:
    return str(entry.get("id")) if isinstance(entry, dict) else ""


def _first(path: Path, document: dict[str, Any]) -> Layers:
    if unknown := document.get("off"):
        raise PackError(f"{path}: off: there is no norm {', '.join(map(str, unknown))} to switch off")
    if not _entries(document):
        raise PackError(f"{path}: norms: a pack holds at least one, unless it changes another that was read before")
    return Layers(document, {_id(entry): (path,) for entry in _entries(document)}, {})


def _over(below: Layers, path: Path, document: dict[str, Any]) -> Layers:
    """What is read, laid over what was read before."""
    norms = {_id(entry): entry for entry in _entries(below.document)}
    files = dict(below.files)
    seen: set[str] = set()
    for entry in _entries(document):
        id_ = _id(entry)
        if id_ in seen:
            raise PackError(f"{path}: norm {id_}: the id is given twice")
        seen.add(id_)
        known = norms.get(id_)
        norms[id_] = {**known, **entry} if known is not None and isinstance(entry, dict) else entry
        files[id_] = (*files.get(id_, ()), path)
    off = dict(below.off)
    for id_ in map(str, document.get("off") or ()):
        if norms.pop(id_, None) is None:
            raise PackError(f"{path}: off: there is no norm {id_} to switch off")
        off[id_] = path
    merged = {**below.document, **document, "norms": list(norms.values()), "cues": _cues(below.document, document)}
    return Layers({key: value for key, value in merged.items() if key != "off"}, files, off)


def _cues(below: dict[str, Any], document: dict[str, Any]) -> Any:
    first, second = below.get("cues") or {}, document.get("cues") or {}
    if not isinstance(second, dict) or not all(isinstance(names, dict) for names in second.values()):
        return second  # the schema says what is wrong with it
    return {
        kind: {
            language: [*first.get(kind, {}).get(language, ()), *(second.get(kind, {}).get(language) or ())]
            for language in {**first.get(kind, {}), **second.get(kind, {})}
        }
        for kind in {**first, **second}
    }


def _pack(path: Path, layer: Layers) -> Pack:
    try:
        return layer.pack
    except ValidationError as error:
        raise PackError("\n".join(_faults(path, layer.document, error))) from error


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
