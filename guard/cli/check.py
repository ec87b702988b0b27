"""``normguard check``: one request, or many from a file."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from guard.errors import NormGuardError, RequestError

if TYPE_CHECKING:
    from guard.pipeline import Guard
    from guard.types import Decision, Exchange, Image


@click.command()
@click.option("--query", help="The user's question.")
@click.option("--image", "images", multiple=True, help="A picture: a file, a data URL or an address. Repeatable.")
@click.option("--caption", "captions", multiple=True, help="What a picture shows, in words. Repeatable.")
@click.option("--country", help="Destination, as ISO 3166-1 alpha-2 code (JP).")
@click.option("--locale", help="The user's locale, as BCP 47 tag (pt-BR).")
@click.option("--policy", default="default", show_default=True, help="Deployment policy.")
@click.option("--json", "as_json", is_flag=True, help="Print the decision as JSON.")
@click.option("--jsonl", type=click.Path(dir_okay=False, path_type=Path), help="File of requests, one a line.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Where to write their decisions.")
def check(
    query: str | None,
    images: tuple[str, ...],
    captions: tuple[str, ...],
    country: str | None,
    locale: str | None,
    policy: str,
    as_json: bool,
    jsonl: Path | None,
    out: Path | None,
) -> None:
    """Say what the guard makes of a request.

    One request: --query, with --image and --caption as needed. Many: --jsonl FILE with the fields id, query, images,
    captions, country and locale; one decision a line comes out, in order, each with its id. A line that cannot be read
    gets an "error" field, and the rest goes on.
    """
    from guard.pipeline import Guard

    if (query is None) == (jsonl is None):
        raise click.UsageError("Give either --query or --jsonl.")
    guard = Guard(policy=policy)
    if jsonl is not None:
        failed = _check_file(guard, jsonl, out)
        if failed:
            click.echo(f"{failed} line(s) could not be checked; see their 'error' fields.", err=True)
        return
    request = {"query": query, "images": images, "captions": captions, "country": country, "locale": locale}
    decision = guard.check(_exchange(request))
    if as_json:
        click.echo(json.dumps(decision.to_dict(), ensure_ascii=False, indent=2))
    else:
        _show(decision)


def _check_file(guard: Guard, source: Path, target: Path | None) -> int:
    failed = 0
    try:
        with ExitStack() as stack:
            lines = stack.enter_context(source.open(encoding="utf-8", errors="replace"))
            sink = stack.enter_context(target.open("w", encoding="utf-8")) if target else sys.stdout
            for result in _check_lines(guard, lines):
                failed += "error" in result
                sink.write(json.dumps(result, ensure_ascii=False) + "\n")
    except OSError as error:
        raise RequestError(f"{error.filename or source}: {error.strerror}.") from error
    return failed


def _check_lines(guard: Guard, lines: TextIO) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        id_: Any = None
        try:
            request = json.loads(line)
            if not isinstance(request, dict):
                raise RequestError("a line must hold a JSON object")
            id_ = request.get("id")
            yield {"id": id_, **guard.check(_exchange(request)).to_dict()}
        except json.JSONDecodeError as error:
            yield {"id": id_, "line": number, "error": f"line {number} is not JSON: {error}"}
        except NormGuardError as error:
            yield {"id": id_, "line": number, "error": f"line {number}: {error}"}


def _exchange(request: Mapping[str, Any]) -> Exchange:
    from guard.api.options import parse_country, parse_locale
    from guard.types import Exchange, Hints

    query = request.get("query")
    if not isinstance(query, str):
        raise RequestError("'query' must be a string", param="query")
    captions, country, locale = request.get("captions") or (), request.get("country"), request.get("locale")
    if not isinstance(captions, (list, tuple)) or not all(isinstance(caption, str) for caption in captions):
        raise RequestError("'captions' must be a list of strings", param="captions")
    for name, value in (("country", country), ("locale", locale)):
        if value is not None and not isinstance(value, str):
            raise RequestError(f"'{name}' must be a string", param=name)
    hints = Hints(
        country=parse_country(country) if country else None,
        locale=parse_locale(locale) if locale else None,
        captions=tuple(captions),
    )
    images = request.get("images") or ()
    if not isinstance(images, (list, tuple)) or not all(isinstance(image, str) for image in images):
        raise RequestError("'images' must be a list of files, data URLs or addresses", param="images")
    return Exchange.of(query, images=[_image(image) for image in images], hints=hints)


def _image(given: str) -> Image:
    from guard.api.images import image_of_url
    from guard.errors import ImageError
    from guard.pictures.decode import MAX_BYTES
    from guard.types import Image

    if given[:5].lower() == "data:":
        return image_of_url(given, "image")
    if given.lower().startswith(("http://", "https://")):
        raise ImageError(
            f"{given[:80]}: pictures are not fetched from addresses here; download it and give the file.",
            code="remote_images_off",
        )
    path = Path(given)
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise ImageError(f"{path}: {size / 2**20:.0f} MiB; at most {MAX_BYTES // 2**20} are accepted.")
        return Image(data=path.read_bytes(), name=path.name, param=str(path))
    except OSError as error:
        raise ImageError(f"{path}: cannot be read: {error.strerror}.", code="invalid_image") from error


def _show(decision: Decision) -> None:
    from rich.console import Console

    from guard.cli.view import decision_panel

    Console().print(decision_panel(decision))
