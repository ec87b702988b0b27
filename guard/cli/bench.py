"""``normguard bench``: the benchmarks; each brings its commands along, in ``benchmarks/<name>/command.py``."""

from __future__ import annotations

from functools import cache
from typing import Any

import click

from guard.errors import NormGuardError, missing


@cache
def _commands() -> dict[str, click.Command]:
    from guard.files import folder, module

    found: list[click.Command] = []
    for path in sorted(folder("benchmarks").glob("*/command.py")):
        found += module(f"benchmarks.{path.parent.name}.command").COMMANDS
    return {str(command.name): command for command in found}


class _Benchmarks(click.Group):
    """Commands that are found when one is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_commands())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return _commands().get(cmd_name)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            if (error.name or "guard").partition(".")[0] in {"benchmarks", "guard"}:
                raise
            raise NormGuardError(missing(f"{error.name} is not installed. This", "bench")) from error


@click.group(cls=_Benchmarks)
def bench() -> None:
    """Measure the guard."""
