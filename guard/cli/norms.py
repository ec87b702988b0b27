"""``normguard norms``: look at the packs, and check them."""

from __future__ import annotations

import json
import sys
from collections import Counter
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

import click

from guard.cli.scenarios import scenario_faults, scenarios_of, test, tried
from guard.cli.settings import library as open_norms
from guard.cli.settings import norms_option, settings_option
from guard.errors import NormGuardError

if TYPE_CHECKING:
    from guard.norms.model import Law, Source


@click.group()
def norms() -> None:
    """List, show, check and count the norms."""


@norms.command("list")
@click.option("--country", help="Only this country, as ISO 3166-1 alpha-2 code.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@norms_option
@settings_option
def list_(country: str | None, as_json: bool, folders: tuple[Path, ...]) -> None:
    """List the norms, one a line."""
    from guard.api.options import parse_country

    code = parse_country(country) if country else None
    library = open_norms(folders)
    chosen = library.of_country(code) if code else list(library.norms.values())
    if as_json:
        click.echo(json.dumps([norm.model_dump(mode="json") for norm in chosen], ensure_ascii=False, indent=2))
        return
    for norm in chosen:
        click.echo(f"{norm.id:<44} {norm.severity:d}  {norm.title}")


@norms.command()
@click.argument("id_", metavar="ID")
@norms_option
@settings_option
def show(id_: str, folders: tuple[Path, ...]) -> None:
    """Show one norm as a page."""
    from rich.console import Console
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    from guard.text.places import country_name

    library = open_norms(folders)
    norm = library.norms.get(id_)
    if norm is None:
        for pack in library.packs.values():
            if id_ in pack.switched_off:
                raise NormGuardError(f"The norm {id_!r} is switched off in {pack.switched_off[id_]}.")
        near = get_close_matches(id_, library.norms, n=3) or [known for known in library.norms if id_ in known][:5]
        raise NormGuardError(f"There is no norm {id_!r}." + (f" Did you mean {', '.join(near)}?" if near else ""))
    severity = {1: "faux pas", 2: "offence", 3: "sacred or against the law"}[norm.severity]
    rows: list[tuple[str, str | None]] = [
        ("expected", norm.expectation),
        ("breach", f"“{norm.breach}”"),
        ("why", norm.why),
        ("instead", norm.instead),
        ("where", ", ".join(map(country_name, norm.countries)) + (f": {norm.scope}" if norm.scope else "")),
        ("held", norm.strength + (f" ({norm.differs})" if norm.differs else "")),
        ("severity", f"{norm.severity:d}, {severity}"),
        ("brief", norm.brief),
        ("kind", norm.kind),
        ("applies", norm.when),
        ("law", _law(norm.law) if norm.law else None),
        ("situations", ", ".join(norm.situations)),
        ("domains", ", ".join(norm.domains)),
        ("seen in", ", ".join(norm.visual) or None),
        ("named", ", ".join(norm.terms) or None),
        ("sources", "\n".join(map(_source, norm.sources))),
        ("from", str(norm.files[0])),
        ("changed in", "\n".join(map(str, norm.files[1:])) or None),
    ]
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(max_width=90)
    for label, value in rows:
        if value:
            table.add_row(label, Text(value))
    console = Console()
    console.print(Text(norm.id, style="dim"))
    console.print(Text(norm.title, style="bold"))
    console.print(Padding(table, (1, 0)))
    if scenarios := scenarios_of(library, id_):
        console.print(Padding(tried(library, scenarios), (0, 0, 1, 0)))


def _law(law: Law) -> str:
    said = [law.instrument, law.punishable, law.where, f"as of {law.read_on:%B %Y}", law.official]
    return "\n".join(str(part) for part in said if part) + (
        f"\nto be read again by {law.expires}" if law.expires else ""
    )


def _source(source: Source) -> str:
    told = ", ".join(part for part in (source.kind, "" if source.read else "not read") if part)
    return f"{source.title}{f' ({told})' if told else ''}\n{source.url}"


norms.add_command(test)


@norms.command()
@click.option(
    "--data", type=click.Path(exists=True, path_type=Path), help="Benchmark data that no pack may quote, to compare."
)
@norms_option
@settings_option
def lint(data: Path | None, folders: tuple[Path, ...]) -> None:
    """Check all packs and their scenarios; exit status 1 if anything is wrong."""
    from guard.classifier.lexical import LexicalScorer
    from guard.norms.lint import lint as find_faults

    library = open_norms(folders)
    faults = find_faults(library, LexicalScorer(library), data=data)
    scenarios, more = scenario_faults(library)
    faults += more
    for fault in faults:
        click.echo(str(fault))
    found = f"{len(faults) or 'no'} fault(s)"
    click.echo(f"{len(library.norms)} norms in {len(library.packs)} packs, {scenarios:,} scenarios: {found}.")
    sys.exit(bool(faults))


@norms.command()
@click.option("--change", is_flag=True, help="For files that change packs that were read before: little is required.")
def schema(change: bool) -> None:
    """Print the JSON schema of norm packs, for editors that complete and check YAML by one."""
    from guard.norms.schema import pack_schema
    from guard.norms.vocabulary import Vocabulary

    click.echo(json.dumps(pack_schema(Vocabulary(), change=change), indent=1, ensure_ascii=False))


@norms.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--plot", type=click.Path(dir_okay=False, path_type=Path), help="Draw the heat map into this PNG file.")
@norms_option
@settings_option
def stats(as_json: bool, plot: Path | None, folders: tuple[Path, ...]) -> None:
    """Count norms by country and situation."""
    from guard.norms.coverage import coverage

    library = open_norms(folders)
    counted = coverage(library)
    if plot is not None:
        from guard.norms.coverage import draw

        draw(counted, plot)
    if as_json:
        click.echo(json.dumps(counted, indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    console = Console()
    per_table = max(4, (console.width - 22) // 4)
    situations = [s for s, _ in Counter(s for n in library.norms.values() for s in n.situations).most_common()]
    codes = list(counted)
    console.print(f"{len(library.norms)} norms in {len(codes)} packs, by situation and country")
    for start in range(0, len(codes), per_table):
        some = codes[start : start + per_table]
        table = Table(header_style="bold", padding=(0, 1, 0, 0), box=None)
        table.add_column("situation", no_wrap=True)
        for code in some:
            table.add_column(code, justify="right")
        table.add_row("all", *(str(counted[code]["norms"]) for code in some), style="bold")
        for situation in situations:
            numbers = [counted[code]["situations"].get(situation, 0) for code in some]
            table.add_row(situation, *(f"[{_heat(n)}]{n or '·'}[/]" for n in numbers))
        console.print(table)


def _heat(count: int) -> str:
    return "dim" if count == 0 else "cyan" if count < 3 else "green" if count < 8 else "bold yellow"
