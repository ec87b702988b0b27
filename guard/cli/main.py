"""The command ``normguard``."""

from __future__ import annotations

import sys

import click

from guard.errors import NormGuardError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="normguard", prog_name="normguard")
def cli() -> None:
    """NormGuard makes any vision-language API culturally safe at run time."""


def main() -> None:
    """Entry point: errors raised on purpose end as one clear line and exit status 2."""
    from guard.cli.audit import audit
    from guard.cli.bench import bench
    from guard.cli.check import check
    from guard.cli.demo import demo
    from guard.cli.doctor import doctor
    from guard.cli.keys import keys
    from guard.cli.models import models
    from guard.cli.norms import norms
    from guard.cli.serve import serve
    from guard.cli.train import train

    for command in (check, serve, demo, norms, models, bench, train, audit, keys, doctor):
        cli.add_command(command)
    try:
        cli(standalone_mode=True)
    except NormGuardError as error:
        click.echo(f"normguard: {error}", err=True)
        sys.exit(2)
