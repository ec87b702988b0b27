"""``normguard norms test``: put scenarios to the guard; and how scenarios look on a norm's page."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from guard.cli.settings import norms_option, settings, settings_option
from guard.errors import NormGuardError, missing

if TYPE_CHECKING:
    from rich.table import Table

    from guard.norms.library import Library
    from guard.norms.lint import Fault
    from guard.scenarios.checks import Probe
    from guard.scenarios.model import Scenario
    from guard.scenarios.trial import Outcome

_SHOWN = 160  # characters of a question


@click.command()
@click.argument("what", metavar="[ID|FILE]", required=False)
@click.option(
    "--least",
    type=click.FloatRange(0, 100),
    default=100.0,
    show_default=True,
    help="Exit with status 1 if a smaller share, in per cent, comes out right.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@norms_option
@settings_option
def test(what: str | None, least: float, as_json: bool, folders: tuple[Path, ...]) -> None:
    """Put scenarios to the guard, and print what it misses and where it speaks up for nothing.

    All scenarios there are, those of one norm (ID), or those of a FILE: JSON lines, or a table (CSV).
    """
    from rich.console import Console
    from rich.progress import track

    from guard.pipeline import Guard
    from guard.scenarios.trial import trial

    guard = Guard.from_settings(settings(norms=folders or None))
    chosen = _chosen(what, guard.library)
    errors = Console(stderr=True)
    outcomes = list(track(trial(guard, chosen), "trying", len(chosen), console=errors, transient=True))
    right = 100 * sum(one.right for one in outcomes) / len(outcomes)
    if as_json:
        click.echo(json.dumps([_record(one) for one in outcomes], ensure_ascii=False, indent=1))
    else:
        for one in outcomes:
            if not one.right:
                click.echo(_told(one))
        click.echo(_counted(outcomes))
    sys.exit(right < least)


def scenarios_of(library: Library, id_: str | None = None) -> list[Scenario]:
    """The scenarios of a library's packs, or of one of its norms; raises `PackError` if a file is faulty.

    Those whose norms a deployment has switched off or replaced are left out.
    """
    from guard.scenarios.files import folder_of, read_all

    every = read_all([place for place in map(folder_of, _folders(library)) if place.is_dir()])
    chosen = [one for one in every if all(id_ in library.norms for id_ in one.norms)]
    return [one for one in chosen if id_ in one.norms] if id_ else chosen


def scenario_faults(library: Library) -> tuple[int, list[Fault]]:
    """How many scenarios there are to check, and what is wrong with them: with a deployment's own, where it has packs.

    Raises:
        PackError: a file is faulty, or a scenario names a norm that there is not.
    """
    from guard.classifier.student import Encoder
    from guard.errors import ModelError
    from guard.scenarios.checks import check, check_mixture
    from guard.scenarios.files import folder_of, read_all

    shipped, *own = _folders(library)
    places = [place for place in own or [shipped] if folder_of(place).is_dir()]
    scenarios = read_all(map(folder_of, places), norms=library.norms)
    due = [norm.id for norm in library.norms.values() if norm.files[0].parent in places]
    try:
        encode: Encoder | None = Encoder()
    except ModelError:
        encode = None
    faults = check(scenarios, due, encode=encode)
    if own:
        return len(scenarios), faults
    return len(scenarios), faults + check_mixture(scenarios, probe=_probe())


def _probe() -> Probe | None:
    if find_spec("sklearn") is None:
        click.echo(missing("The probe of style, which is left out,", "bench"), err=True)
        return None
    from guard.scenarios.probe import by_letters

    return by_letters


def _folders(library: Library) -> list[Path]:
    """The folders of packs, first that of those that come with NormGuard."""
    from guard.files import folder

    read = (path.parent for norm in library.norms.values() for path in norm.files)
    return list(dict.fromkeys([folder("policies") / "norms", *read]))


def tried(library: Library, scenarios: Sequence[Scenario]) -> Table:
    """The scenarios of a norm as a table: what should come of each, and, where a classifier is there, what does."""
    from rich.table import Table
    from rich.text import Text

    from guard.errors import ModelError
    from guard.pipeline import Guard
    from guard.scenarios.trial import trial

    table = Table.grid(padding=(0, 2))
    for style in ("dim", "", "dim", ""):
        table.add_column(style=style, no_wrap=style != "", max_width=90 if not style else None)
    try:
        outcomes: list[Outcome] | None = list(trial(Guard(library=library), scenarios))
    except ModelError:
        outcomes = None
    for number, one in enumerate(scenarios):
        mark = Text("loaded" if one.loaded else "harmless")
        if outcomes is not None:
            told = outcomes[number]
            mark.append(" · fires" if told.fired else " · silent", "green" if told.right else "bold red")
        table.add_row(one.id, mark, one.language, Text(_line(one)))
    return table


def _chosen(what: str | None, library: Library) -> list[Scenario]:
    from guard.files import nearest
    from guard.scenarios.files import read_file

    if what is None:
        return scenarios_of(library)
    if what in library.norms:
        if found := scenarios_of(library, what):
            return found
        raise NormGuardError(f"The norm {what!r} has no scenarios.")
    path = Path(what)
    if not path.is_file():
        raise NormGuardError(f"{what!r} is neither a norm nor a file of scenarios{nearest(what, library.norms)}")
    if found := read_file(path, norms=library.norms):
        return found
    raise NormGuardError(f"{what}: holds no scenarios.")


def _line(one: Scenario) -> str:
    """What is asked in one line, with what came before it and what the picture shows."""
    asked = " / ".join(" ".join(text.split()) for text in one.said.splitlines())
    asked = asked if len(asked) <= _SHOWN else f"… {asked[-_SHOWN:]}"
    shown = (
        one.caption or ", ".join(name for name, _ in one.seen) or one.read or ("not described" if one.picture else "")
    )
    return f"{asked}  [picture: {shown[:_SHOWN]}]" if shown else asked


def _told(outcome: Outcome) -> str:
    one, decision = outcome.scenario, outcome.found.decision
    about = f"{one.id} {one.language}"
    if one.loaded:
        wanted, why = ", ".join(one.stake), f"{outcome.cause}, sensitivity {decision.sensitivity:.2f}"
        return f"missed       {about}  {wanted}  ({why})\n    {_line(one)}"
    sent = ", ".join(norm.id for norm in decision.norms)
    return f"false alarm  {about}  sent {sent} ({decision.sensitivity:.2f})\n    {_line(one)}"


def _counted(outcomes: Sequence[Outcome]) -> str:
    from guard.scenarios.trial import CAUSES

    loaded = [one for one in outcomes if one.scenario.loaded]
    harmless = [one for one in outcomes if not one.scenario.loaded]
    lines = []
    if loaded:
        lines.append(f"{_of(loaded)} loaded: a norm at stake was sent.")
        for cause, meaning in CAUSES.items():
            if number := sum(one.cause == cause for one in loaded):
                lines.append(f"    {number} missed, {cause}: {meaning}")
    if harmless:
        lines.append(f"{_of(harmless)} harmless: nothing was said.")
    return "\n".join(lines)


def _of(outcomes: Sequence[Outcome]) -> str:
    right = sum(one.right for one in outcomes)
    return f"{right} of {len(outcomes)} ({100 * right / len(outcomes):.0f} %)"


def _record(outcome: Outcome) -> dict[str, Any]:
    decision = outcome.found.decision
    return {
        "id": outcome.scenario.id,
        "norm": outcome.scenario.norm,
        "expect": outcome.scenario.expect,
        "action": decision.action,
        "sensitivity": round(decision.sensitivity, 4),
        "sent": [norm.id for norm in decision.norms],
        "right": outcome.right,
        "cause": outcome.cause,
    }
