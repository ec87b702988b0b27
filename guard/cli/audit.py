"""``normguard audit``: what was decided, read back."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO

import click

from guard.cli.settings import settings, settings_option

if TYPE_CHECKING:
    from guard.audit.store import Store

_WHEN = click.DateTime(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])
_URL = click.option(
    "--audit",
    "url",
    help="URL of the database.  [default: that of the settings, or the file that `normguard serve` writes without one]",
)


@click.group()
def audit() -> None:
    """Read the audit trail that `normguard serve` keeps. Needs the extra [database]."""


@audit.command()
@_URL
@settings_option
@click.option("--since", type=_WHEN, help="From this day or second on, UTC.")
@click.option("--until", type=_WHEN, help="Before this day or second, UTC.")
@click.option("--action", help="Only decisions of this action.")
@click.option("--out", type=click.File("w", encoding="utf-8"), default="-", help="Where to write.  [default: stdout]")
def export(url: str | None, since: datetime | None, until: datetime | None, action: str | None, out: TextIO) -> None:
    """Write the decisions as JSON lines, oldest first."""
    records = _open(url).read(since=_utc(since), until=_utc(until), action=action)
    out.write("")  # nothing found is an answer too: the file is made
    for record in records:
        out.write(json.dumps(record, ensure_ascii=False) + "\n")


@audit.command()
@_URL
@settings_option
@click.option("--since", type=_WHEN, help="From this day or second on, UTC.")
@click.option("--until", type=_WHEN, help="Before this day or second, UTC.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def stats(url: str | None, since: datetime | None, until: datetime | None, as_json: bool) -> None:
    """Count the decisions: by action, country, norm, status."""
    from rich.console import Console
    from rich.table import Table

    counts = count(_open(url).read(since=_utc(since), until=_utc(until)))
    if as_json:
        click.echo(json.dumps(counts, indent=1, ensure_ascii=False))
        return
    console = Console()
    for kind, found in counts.items():
        if isinstance(found, dict):
            table = Table("", "decisions", title=kind)
            for name, number in list(found.items())[:15]:
                table.add_row(name, str(number))
            console.print(table)
    console.print(f"{counts['decisions']} decisions")


def count(records: Any) -> dict[str, Any]:
    """How often each action, country, norm, status and outcome occurs, the most frequent first."""
    counters: dict[str, Counter[str]] = {
        kind: Counter() for kind in ("action", "shadow", "country", "norm", "degraded", "verify", "http status", "day")
    }
    total = 0
    for record in records:
        total += 1
        counters["action"][record["action"]] += 1
        counters["http status"][str(record["http_status"])] += 1
        counters["day"][record["time"][:10]] += 1
        counters["country"].update(record["cultures"][:1])
        counters["norm"].update(record["norms"])
        counters["degraded"].update(record["degraded"])
        for kind in ("shadow", "verify"):
            counters[kind].update([record[kind]] if record[kind] else [])
    return {"decisions": total, **{kind: dict(found.most_common()) for kind, found in counters.items()}}


def _open(url: str | None) -> Store:
    from guard.deployment.build import open_store
    from guard.errors import SettingsError
    from guard.settings import AUTO, audit_file, audit_url

    if url is None:
        given = settings().audit
        url = given.get_secret_value() if given is not None else "none"
    if url == AUTO and not audit_file().exists():
        raise SettingsError(f"audit: no decisions are kept in {audit_file()} yet; name another database with --audit.")
    if (found := audit_url(url)) is None:
        raise SettingsError("audit: decisions are not kept; name a database that holds some with --audit.")
    return open_store(found)


def _utc(when: datetime | None) -> datetime | None:
    return when.replace(tzinfo=UTC) if when else None
