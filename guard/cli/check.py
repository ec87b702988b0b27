"""``normguard check``: one request, or many from a file."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from guard.cli.asked import asked_options
from guard.cli.settings import settings, settings_option
from guard.errors import NormGuardError, RequestError

if TYPE_CHECKING:
    from guard.pipeline import Guard
    from guard.settings import Settings


@click.command()
@asked_options
@click.option("--jsonl", type=click.Path(dir_okay=False, path_type=Path), help="File of requests, one a line.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Where to write their decisions.")
@settings_option
def check(
    query: str | None,
    images: tuple[str, ...],
    captions: tuple[str, ...],
    country: str | None,
    locale: str | None,
    policy: str | None,
    as_json: bool,
    jsonl: Path | None,
    out: Path | None,
) -> None:
    """Say what the guard of this deployment makes of a request.

    One request: --query, with --image and --caption as needed. Many: --jsonl FILE with the fields id, query, turns,
    images, captions, country, locale, location and policy; one decision a line comes out, in order, each with its id.
    turns are the conversation before the query, oldest first, each with role and text; without a query, its end is what
    the user asks. A line that cannot be used gets an "error" field, and the rest goes on.
    """
    if (query is None) == (jsonl is None):
        raise click.UsageError("Give either --query or --jsonl.")
    told = {"images": images, "captions": list(captions), "country": country, "locale": locale}
    if jsonl is not None and (any(told.values()) or as_json):
        raise click.UsageError("With --jsonl each line tells its own pictures, captions, country and locale.")
    if query is not None and out is not None:
        raise click.UsageError("--out is for --jsonl.")
    if jsonl is not None and out is not None and out.exists() and jsonl.exists() and out.samefile(jsonl):
        raise click.UsageError("--out is the file that --jsonl reads: it would be emptied. Name another.")
    from guard.policy.model import Policies

    deployment = settings(policy=policy)
    # All that was given is looked at before the norms are read, which takes a while.
    policies = Policies.with_own(deployment.policies)
    policies.get(deployment.policy)
    if jsonl is not None:
        failed = _check_file(deployment, jsonl, out)
        if failed:
            click.echo(f"{failed} line(s) could not be checked; see their 'error' fields.", err=True)
        return
    from guard.cli.request import prepared, read_asked

    exchange, rules = read_asked({"query": query, **told}, policies, deployment.policy)
    from guard.pipeline import Guard

    guard = Guard.from_settings(deployment)
    exchange = prepared(guard, exchange, rules, deployment.guard_timeout)
    decision = guard.check(exchange, policy=rules.name)
    if as_json:
        click.echo(json.dumps(decision.to_dict(), ensure_ascii=False, indent=2))
        return
    from rich.console import Console

    from guard.cli.view import decision_panel

    Console().print(decision_panel(decision))


def _check_file(deployment: Settings, source: Path, target: Path | None) -> int:
    from guard.pipeline import Guard

    failed = 0
    try:
        with ExitStack() as stack:
            lines = stack.enter_context(source.open(encoding="utf-8", errors="replace"))
            # A lone surrogate, which no UTF-8 holds, is written as JSON writes it.
            sink = (
                stack.enter_context(target.open("w", encoding="utf-8", errors="backslashreplace"))
                if target
                else sys.stdout
            )
            for result in _check_lines(Guard.from_settings(deployment), lines, deployment.guard_timeout):
                failed += "error" in result
                sink.write(json.dumps(result, ensure_ascii=False) + "\n")
    except OSError as error:
        raise RequestError(f"{error.filename or source}: {error.strerror}.") from error
    return failed


def _check_lines(guard: Guard, lines: TextIO, seconds: float) -> Iterator[dict[str, Any]]:
    from guard.cli.request import prepared, read_asked

    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        id_: Any = None
        try:
            request = json.loads(line)
            if not isinstance(request, dict):
                raise RequestError("a line must hold a JSON object")
            id_ = request.get("id")
            exchange, rules = read_asked(request, guard.policies, guard.policy.name)
            exchange = prepared(guard, exchange, rules, seconds)
            yield {"id": id_, **guard.check(exchange, policy=rules.name).to_dict()}
        except NormGuardError as error:
            yield {"id": id_, "line": number, "error": f"line {number}: {error}"}
        except (ValueError, RecursionError) as error:  # not JSON, or nested or long beyond what is read
            yield {"id": id_, "line": number, "error": f"line {number} is not JSON that can be read: {error}"}
