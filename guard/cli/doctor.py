"""``normguard doctor``: what is wrong with a deployment, and how to mend it."""

from __future__ import annotations

import click

from guard.cli.settings import settings_file, settings_option


@click.command()
@settings_option
@click.option("--offline", is_flag=True, help="Leave out what needs the network: upstreams, databases, the collector.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def doctor(offline: bool, as_json: bool) -> None:
    """Check the deployment that the settings describe: each finding says what is wrong and how to mend it.

    Exits with 1 where something would keep the server from doing its work. Nothing is changed.
    """
    import json
    import sys

    from rich.console import Console

    from guard.deployment.doctor import Level, examine

    findings = examine(settings_file(), offline=offline)
    if as_json:
        click.echo(json.dumps([finding.to_dict() for finding in findings], indent=1, ensure_ascii=False))
    else:
        console = Console(soft_wrap=True)
        marks = {Level.OK: "[green]ok   [/]", Level.WARNING: "[yellow]look [/]", Level.ERROR: "[red]wrong[/]"}
        for finding in findings:
            console.print(f"{marks[finding.level]} {finding.what}: {finding.found}", highlight=False)
            if finding.mend:
                console.print(f"      → {finding.mend}", highlight=False)
    if any(finding.level is Level.ERROR for finding in findings):
        sys.exit(1)
