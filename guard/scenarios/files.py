"""Scenarios in files: JSON lines, or a table as a spreadsheet saves it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Container, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from guard.errors import PackError
from guard.files import faults, folder, nearest
from guard.scenarios.model import Scenario

ORDINARY = "ordinary"
"""Name of the file of questions that no norm has to do with."""

_SUFFIXES = (".jsonl", ".csv")


def folder_of(packs: Path) -> Path:
    """Where the scenarios of a folder of norm packs lie, if there are any: beside those that come with NormGuard."""
    policies = folder("policies")
    return policies / "scenarios" if packs == policies / "norms" else packs / "scenarios"


def read_all(folders: Iterable[Path] | None = None, *, norms: Container[str] | None = None) -> list[Scenario]:
    """The scenarios of all files in `folders`, by default of those that come with NormGuard.

    Args:
        norms: ids that a scenario may name; any where None.

    Raises:
        PackError: a folder is missing, or lines are faulty: all of them are told.
    """
    found: dict[str, Scenario] = {}
    wrong: list[str] = []
    for directory in folders if folders is not None else [folder_of(folder("policies") / "norms")]:
        if not directory.is_dir():
            raise PackError(f"{directory}: no such folder of scenarios")
        for path in sorted(path for path in directory.iterdir() if path.suffix in _SUFFIXES):
            for where, one in _parsed(path, norms, wrong):
                if one.id in found:
                    wrong.append(f"{where}: id: {one.id!r} is given twice")
                found[one.id] = one
    if wrong:
        raise PackError("\n".join(wrong))
    return list(found.values())


def read_file(path: Path, *, norms: Container[str] | None = None) -> list[Scenario]:
    """The scenarios of one file; raises `PackError`, telling every faulty line."""
    wrong: list[str] = []
    found = [one for _, one in _parsed(path, norms, wrong)]
    if wrong:
        raise PackError("\n".join(wrong))
    return found


def write(path: Path, scenarios: Iterable[Scenario]) -> None:
    """Write `scenarios` as JSON lines, what is empty left out."""
    lines = [one.model_dump_json(exclude_defaults=True, by_alias=True) + "\n" for one in scenarios]
    path.write_text("".join(lines), encoding="utf-8")


def _parsed(path: Path, norms: Container[str] | None, wrong: list[str]) -> Iterator[tuple[str, Scenario]]:
    """The sound scenarios of a file, each with where it stands; what is faulty goes to `wrong`."""
    for number, record in _records(path, wrong):
        where = f"{path}:{number}"
        try:
            one = Scenario.model_validate(record)
        except ValidationError as error:
            wrong += [f"{where}: {line}" for line in faults(error, Scenario)]
            continue
        if norms is not None and (unknown := [id_ for id_ in one.norms if id_ not in norms]):
            known = nearest(unknown[0], norms) if isinstance(norms, Iterable) else ""
            wrong.append(f"{where}: there is no norm {unknown[0]!r}{known}")
            continue
        yield where, one


def _records(path: Path, wrong: list[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise PackError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise PackError(f"{path}: is not UTF-8 text; save it as UTF-8") from error
    if path.suffix == ".csv":
        yield from _rows(path, text, wrong)
        return
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            wrong.append(f"{path}:{number}: no JSON ({error.msg})")
            continue
        if isinstance(record, dict):
            yield number, record
        else:
            wrong.append(f"{path}:{number}: not an object of fields")


def _rows(path: Path, text: str, wrong: list[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows of a table: the same fields as columns, empty cells left out."""
    try:
        dialect: Any = csv.Sniffer().sniff(text.partition("\n")[0], delimiters=",;\t")
    except csv.Error:
        dialect = csv.excel
    rows = csv.DictReader(io.StringIO(text), dialect=dialect, restkey="more")
    for row in rows:
        if row.pop("more", None):
            wrong.append(f"{path}:{rows.line_num}: more cells than there are columns")
            continue
        filled = {str(key).strip(): value.strip() for key, value in row.items() if value and value.strip()}
        if filled:
            try:
                yield rows.line_num, _from_cells(filled)
            except ValueError as error:
                wrong.append(f"{path}:{rows.line_num}: {error}")


def _from_cells(row: Mapping[str, str]) -> dict[str, Any]:
    """A row's cells as fields: ``a; b`` in ``stake``, ``clock 0.8; vase 0.4`` in ``seen``, a line of ``turns`` a turn.

    Raises:
        ValueError: a cell cannot be read so.
    """
    record: dict[str, Any] = dict(row)
    if "stake" in row:
        record["stake"] = row["stake"].replace(";", " ").replace(",", " ").split()
    if "seen" in row:
        record["seen"] = [_seen(part) for part in row["seen"].split(";") if part.strip()]
    if "turns" in row:
        record["turns"] = [_said(line) for line in row["turns"].splitlines() if line.strip()]
    if "roles" in row:
        record["roles"] = dict(_pair(part) for part in row["roles"].split(";") if part.strip())
    if "picture" in row:
        record["picture"] = row["picture"].lower() in ("true", "yes", "1", "x")
    return record


def _seen(part: str) -> tuple[str, float]:
    name, _, score = part.strip().rpartition(" ")
    try:
        return name.strip(), float(score)
    except ValueError:
        raise ValueError(f"seen: {part.strip()!r} is no name with a score (clock 0.8)") from None


def _said(line: str) -> dict[str, str]:
    role, colon, text = line.partition(":")
    if not colon or role.strip().lower() not in ("user", "assistant"):
        raise ValueError(f"turns: {line.strip()[:40]!r} does not begin with 'user:' or 'assistant:'")
    return {"role": role.strip().lower(), "text": text.strip()}


def _pair(part: str) -> tuple[str, str]:
    code, _, role = part.strip().partition(" ")
    return code, role.strip()
