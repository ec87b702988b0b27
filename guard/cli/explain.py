"""``normguard explain``: why a request is decided as it is."""

from __future__ import annotations

import json
from typing import Any

import click

from guard.cli.asked import asked_options
from guard.cli.settings import settings, settings_option


@click.command()
@asked_options
@click.option(
    "--turn", "turns", multiple=True, metavar="ROLE:TEXT", help="What was said before. Repeatable, oldest first."
)
@settings_option
def explain(
    query: str | None,
    images: tuple[str, ...],
    captions: tuple[str, ...],
    country: str | None,
    locale: str | None,
    policy: str | None,
    as_json: bool,
    turns: tuple[str, ...],
) -> None:
    """Say what was read in a request and as what, which norms came near, and what the policy made of it.

    The same request as for `check`; earlier turns are given as --turn "user:We fly to Hanoi".
    """
    if query is None:
        raise click.UsageError("Give --query.")
    said = [dict(zip(("role", "text"), _parted(turn), strict=True)) for turn in turns]
    asked: dict[str, Any] = {"query": query, "turns": said, "images": images, "captions": list(captions)}
    asked |= {"country": country, "locale": locale}
    from guard.cli.request import prepared, read_asked
    from guard.pipeline import Guard
    from guard.policy.model import Policies

    deployment = settings(policy=policy)
    exchange, rules = read_asked(asked, Policies.with_own(deployment.policies), deployment.policy)
    guard = Guard.from_settings(deployment)
    exchange = prepared(guard, exchange, rules, deployment.guard_timeout)
    found = guard.explain(exchange, policy=rules.name)
    if as_json:
        click.echo(json.dumps(found.to_dict(), ensure_ascii=False, indent=2))
        return
    from rich.console import Console

    from guard.cli.view import explanation_view

    Console().print(explanation_view(found))


def _parted(turn: str) -> tuple[str, str]:
    role, colon, text = turn.partition(":")
    if not colon:
        raise click.UsageError(f"--turn {turn[:40]!r}: write ROLE:TEXT, such as 'user:We fly to Hanoi'.")
    return role.strip(), text.strip()
