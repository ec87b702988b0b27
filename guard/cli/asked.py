"""The options that tell a command of one request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--query", help="The user's question."),
    click.option("--image", "images", multiple=True, help="A picture: a file, a data URL or an address. Repeatable."),
    click.option("--caption", "captions", multiple=True, help="What a picture shows, in words. Repeatable."),
    click.option("--country", help="Destination, as ISO 3166-1 alpha-2 code (JP)."),
    click.option("--locale", help="The user's locale, as BCP 47 tag (pt-BR)."),
    click.option("--policy", help="Deployment policy.  [default: that of the settings]"),
    click.option("--json", "as_json", is_flag=True, help="Print JSON."),
)


def asked_options(command: Command) -> Command:
    """``--query``, ``--image``, ``--caption``, ``--country``, ``--locale``, ``--policy`` and ``--json``."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
