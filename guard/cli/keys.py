"""``normguard keys``: who may use the proxy."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from guard.cli.settings import settings, settings_option

if TYPE_CHECKING:
    from guard.access.store import KeyStore

_URL = click.option(
    "--keys", "url", help="URL of the keys' database, such as sqlite:///keys.db.  [default: that of the settings]"
)


@click.group()
def keys() -> None:
    """Make, list and revoke the keys that `normguard serve` asks for where the setting `keys` is given."""


@keys.command()
@_URL
@settings_option
@click.option("--name", required=True, help="Whose key it is.")
@click.option("--policy", help="Deployment policy of its requests; they then cannot ask for another.")
@click.option("--model", "models", multiple=True, help="Model that it may ask for, or a pattern (gpt-4o*). Repeatable.")
@click.option("--per-minute", type=click.IntRange(1), help="Most requests in a minute.")
@click.option("--concurrent", type=click.IntRange(1), help="Most requests at one time.")
@click.option("--days", type=click.FloatRange(0, min_open=True), help="Days after which it expires.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def create(
    url: str | None,
    name: str,
    policy: str | None,
    models: tuple[str, ...],
    per_minute: int | None,
    concurrent: int | None,
    days: float | None,
    as_json: bool,
) -> None:
    """Make a key. It is shown this once; only a hash of it is kept."""
    from guard.access.keys import new_key
    from guard.errors import SettingsError

    if not 0 < len(name.strip()) <= 200:
        raise SettingsError("--name: 1 to 200 characters are needed.")
    expires = datetime.now(UTC) + timedelta(days=days) if days else None
    if policy is not None:
        from guard.policy.model import Policies

        Policies.with_own(settings().policies).get(policy)
    limits: dict[str, Any] = {"per_minute": per_minute, "concurrent": concurrent, "expires": expires}
    token, key = new_key(name.strip(), policy=policy, models=models, **limits)
    _open(url).add(key)
    if as_json:
        click.echo(json.dumps({"key": token, "id": key.id, "expires": expires.isoformat() if expires else None}))
    else:
        click.echo(f"{token}\n\nThe key of {name.strip()}, id {key.id}. Keep it now: it cannot be shown again.")


@keys.command("list")
@_URL
@settings_option
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def list_(url: str | None, as_json: bool) -> None:
    """List the keys, also those that ended."""
    from rich.console import Console
    from rich.table import Table

    now = datetime.now(UTC)
    every = _open(url).all()
    found: list[dict[str, Any]] = [
        {
            "id": key.id,
            "name": key.name,
            "state": key.ended(now) or "valid",
            "policy": key.policy,
            "models": list(key.models),
            "per_minute": key.per_minute,
            "concurrent": key.concurrent,
            "created": key.created.isoformat(timespec="seconds"),
            "expires": key.expires.isoformat(timespec="seconds") if key.expires else None,
        }
        for key in every
    ]
    if as_json:
        click.echo(json.dumps(found, indent=1, ensure_ascii=False))
        return
    table = Table("id", "name", "state", "policy", "models", "a minute", "at once", "expires")
    table.columns[0].no_wrap = True
    for key, row in zip(every, found, strict=True):
        shown: dict[str, Any] = {**row, "models": ", ".join(key.models), "expires": (row["expires"] or "")[:10]}
        table.add_row(*(str(cell or "") for name, cell in shown.items() if name != "created"))
    Console().print(table)


@keys.command()
@_URL
@settings_option
@click.argument("id_", metavar="ID")
def revoke(url: str | None, id_: str) -> None:
    """End the key with this ID, within five seconds everywhere."""
    from guard.access.keys import parts
    from guard.errors import SettingsError

    whole = parts(id_)
    if not _open(url).revoke(whole[0] if whole else id_, datetime.now(UTC)):
        raise SettingsError("There is no such key, or it was revoked before (normguard keys list).")
    click.echo("Revoked.")


def _open(url: str | None) -> KeyStore:
    from guard.access.store import open_keys
    from guard.errors import SettingsError

    if url is None:
        if (given := settings().keys) is None:
            raise SettingsError(
                "keys: the settings name no database of keys; give one with --keys, or set NORMGUARD_KEYS."
            )
        url = given.get_secret_value()
    return open_keys(url)
