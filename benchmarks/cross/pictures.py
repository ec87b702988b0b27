"""The pictures of the cases: from the clone, from beside an operator's file, or fetched once and kept."""

from __future__ import annotations

import hashlib
import os
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from benchmarks.cross.dataset import Case
from guard.errors import NormGuardError

MAX_BYTES = 32 * 2**20
TIMEOUT = 60.0

Progress = Callable[[int, int], None]


def default_cache() -> Path:
    """Where fetched pictures are kept (``$XDG_CACHE_HOME/normguard/cross``)."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "normguard" / "cross"


def locate(
    cases: Sequence[Case],
    clone: Path | None,
    *,
    fetch: Path | None = None,
    skip: bool = False,
    progress: Progress = lambda done, total: None,
) -> tuple[list[Case], list[str]]:
    """The cases with `image` a path to a picture that decodes, and a line for each that was left out.

    A picture with an address is looked for in the clone's ``images/`` and, where `fetch` names a folder, fetched into
    it unless it lies there already. Every picture is decoded once, before anything is paid for.

    Raises:
        NormGuardError: pictures are missing or broken and `skip` is false; the message counts them and names the first.
    """
    checked: dict[str, Path | str] = {}
    unique = sorted({case.image for case in cases if case.image})
    for done, image in enumerate(unique):
        progress(done, len(unique))
        checked[image] = _usable(image, clone, fetch)
    progress(len(unique), len(unique))
    faults = {image: fault for image, fault in checked.items() if isinstance(fault, str)}
    if faults and not skip:
        first = "; ".join(list(faults.values())[:3])
        hint = "" if fetch else "--fetch to get those that are missing, "
        raise NormGuardError(
            f"{len(faults)} of {len(unique)} pictures cannot be used: {first}{'; ...' if len(faults) > 3 else ''}. "
            f"Give {hint}--skip-broken to leave their cases out, or --no-images to tell what they show instead."
        )
    kept = [
        case if case.image is None else case.model_copy(update={"image": str(checked[case.image])})
        for case in cases
        if case.image not in faults
    ]
    if not kept:
        raise NormGuardError("No case is left: none of the pictures can be used.")
    return kept, [faults[case.image] for case in cases if case.image in faults]


def captioned(cases: Sequence[Case]) -> tuple[list[Case], list[str]]:
    """The cases without pictures, told in words; and a line for each that has a picture and no caption.

    Raises:
        NormGuardError: no case has a caption.
    """
    kept = [case.model_copy(update={"image": None}) for case in cases if case.caption or not case.image]
    if not kept:
        raise NormGuardError("--no-images: no case says what its picture shows.")
    return kept, [
        f"{case.id}: the data does not say what the picture shows" for case in cases if case.image and not case.caption
    ]


def _usable(image: str, clone: Path | None, fetch: Path | None) -> Path | str:
    """Path of the picture, or what is wrong with it."""
    path = Path(image)
    if "://" in image:
        parts = unquote(urlsplit(image).path).split("/")
        name = parts[parts.index("images") + 1 :] if "images" in parts else parts[-1:]
        if ".." in name or not name[-1]:
            return f"{image}: no file is named"
        local = clone.joinpath("images", *name) if clone else None
        if local is not None and local.is_file():
            path = local
        elif fetch is None:
            return f"{'/'.join(['images', *name])} is missing"
        else:
            fetched = _fetch(image, fetch)
            if isinstance(fetched, str):
                return fetched
            path = fetched
    return _fault(path) or path


def _fault(path: Path) -> str | None:
    from PIL import Image

    try:
        with path.open("rb") as file:
            if file.read(23) == b"version https://git-lfs":
                return f"{path} is only a pointer ('git lfs pull' gets it)"
        with Image.open(path) as picture:
            picture.load()
    except FileNotFoundError:
        return f"{path} is missing"
    except Exception as error:  # whatever Pillow's decoders raise at damaged files
        return f"{path} is broken ({str(error)[:80]})"
    return None


def _fetch(url: str, folder: Path) -> Path | str:
    """Get a picture into the cache; a part of one never lies there under its name."""
    if urlsplit(url).scheme not in {"http", "https"}:
        return f"{url}: only http(s) addresses are fetched"
    name = unquote(urlsplit(url).path).rpartition("/")[2]
    target = folder / f"{hashlib.sha256(url.encode()).hexdigest()[:16]}-{name[-80:]}"
    if target.is_file() and _fault(target) is None:
        return target
    part = target.with_suffix(target.suffix + ".part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with urllib.request.urlopen(url, timeout=TIMEOUT) as response:  # the scheme was checked
            data = response.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            return f"{url} is larger than {MAX_BYTES // 2**20} MiB"
        part.write_bytes(data)
        if fault := _fault(part):
            part.unlink()
            return f"{url}: what came is no picture ({fault.partition(' is ')[2]})"
        part.rename(target)
    except OSError as error:
        part.unlink(missing_ok=True)
        return f"{url} cannot be fetched ({error})"
    return target
