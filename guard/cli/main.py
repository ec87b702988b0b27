"""The command ``normguard``."""

from __future__ import annotations

import sys
from importlib import import_module

import click

from guard.cli.settings import settings_option
from guard.errors import NormGuardError

COMMANDS = ("check", "explain", "serve", "demo", "norms", "models", "bench", "train", "audit", "keys", "doctor")


class Commands(click.Group):
    """Commands, each in the module of its name, which is imported when it is asked for."""

    def list_commands(self, context: click.Context) -> list[str]:
        del context
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        del context
        found: click.Command | None = getattr(import_module(f"guard.cli.{name}"), name) if name in COMMANDS else None
        return found


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="normguard", prog_name="normguard")
@settings_option
def cli() -> None:
    """NormGuard makes any vision-language API culturally safe at run time."""


def main() -> None:
    """Entry point: errors raised on purpose end as one clear line and exit status 2."""
    try:
        cli(standalone_mode=True)
    except NormGuardError as error:
        click.echo(f"normguard: {error}", err=True)
        sys.exit(2)
