"""Files that people write and files that come along: where they lie, how they are read, how faults in them are told."""

from __future__ import annotations

import difflib
import hashlib
import importlib
import re
import sys
from collections.abc import Iterable, Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar, get_args

import yaml
from platformdirs import user_cache_path
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from guard.errors import NormGuardError

T = TypeVar("T")

_PACKAGE = Path(__file__).resolve().parent
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def folder(name: str) -> Path:
    """Path of the data folder ``policies`` or ``models``: beside the package in a checkout, inside it in a wheel."""
    shipped = _PACKAGE / "_share" / name
    return shipped if shipped.is_dir() else _PACKAGE.parent / name


def cache_folder() -> Path | None:
    """NormGuard's folder in the user's cache (``$XDG_CACHE_HOME``); None for a user without a home."""
    path = user_cache_path("normguard", appauthor=False)
    return path if path.is_absolute() else None


def module(name: str) -> ModuleType:
    """A module of the folders ``benchmarks`` and ``training``, wherever they lie.

    An installation has no packages of these names: the folders are known by them in this process only.
    """
    for package in ("benchmarks", "training"):
        if package not in sys.modules:
            at = folder(package)
            spec = spec_from_file_location(package, at / "__init__.py", submodule_search_locations=[str(at)])
            assert spec is not None
            assert spec.loader is not None
            sys.modules[package] = loaded = module_from_spec(spec)
            spec.loader.exec_module(loaded)
    return importlib.import_module(name)


class Strict(BaseModel):
    """What people write: unknown fields are refused, and nothing changes after it was read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class _Loader(_Base):  # type: ignore[misc]
    """YAML as YAML 1.2 has it: only true and false are booleans, so that NO is Norway and "off" a word."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in _Base.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|false)$"), list("tf"))


def read_yaml(path: Path, error: type[NormGuardError]) -> Any:
    """The document in ``path``; raises `error` with file and line if it is no YAML or cannot be read."""
    try:
        return yaml.load(path.read_bytes(), Loader=_Loader)  # noqa: S506  (a safe loader, in C)
    except OSError as fault:
        raise error(f"{path}: cannot be read: {fault.strerror}") from fault
    except yaml.YAMLError as fault:
        raise error(f"{path}: not valid YAML: {' '.join(str(fault).split())}") from fault


def read_as(path: Path, schema: TypeAdapter[T], error: type[NormGuardError]) -> T:
    """The YAML file at ``path`` as `schema` has it; raises `error` with a line a fault, naming file and field."""
    document = read_yaml(path, error)
    try:
        return schema.validate_python(document if document is not None else {})
    except ValidationError as found:
        raise error("\n".join(f"{path}: {line}" for line in faults(found, schema))) from found


def faults(error: ValidationError, schema: Any = None) -> Iterator[str]:
    """A line for each fault: where it is and what it is; where a name of `schema` was meant, which.

    Args:
        schema: the model, or the adapter of one, that found it.
    """
    for fault in error.errors(include_url=False):
        yield told(fault["loc"], fault, schema)


def told(where: Iterable[int | str], fault: Any, schema: Any = None) -> str:
    """One fault, found at `where`, as a line."""
    place = ".".join(map(str, where))
    message = str(fault["msg"]).removeprefix("Value error, ")  # the words of a check of our own
    if fault["type"] == "extra_forbidden":
        message = f"there is no such field{nearest(str(fault['loc'][-1]), _fields(schema, fault['loc'][:-1]))}"
    return f"{place}: {message}" if place else message


def nearest(name: str, known: Iterable[str]) -> str:
    """``; did you mean 'x'?`` where one of `known` is near to `name`, else nothing."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes; empty where there is no such file."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def _fields(schema: Any, where: Iterable[int | str]) -> Iterable[str]:
    """The fields of the model that lies at `where` in `schema`."""
    kind = getattr(schema, "_type", schema)
    for step in where:
        while not _is_model(kind) and get_args(kind):  # Optional[X], tuple[X, ...], dict[str, X]
            kind = next((arg for arg in get_args(kind) if _is_model(arg) or get_args(arg)), None)
        if _is_model(kind) and step in kind.model_fields:
            kind = kind.model_fields[step].annotation
    while not _is_model(kind) and get_args(kind):
        kind = next((arg for arg in get_args(kind) if _is_model(arg) or get_args(arg)), None)
    return kind.model_fields if _is_model(kind) else ()


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
