"""How decisions and norms look in a terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from guard.text.places import country_name
from guard.types import Action, Decision

_COLOURS: dict[str, str] = {Action.PASS: "green", Action.ADVISE: "yellow"}


def decision_panel(decision: Decision, title: str = "decision") -> Panel:
    """A decision as a framed table, with the guidance below."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    colour = _COLOURS.get(decision.action, "red")
    table.add_row("action", Text(decision.action, style=f"bold {colour}"))
    table.add_row("sensitivity", f"{decision.sensitivity:.2f}")
    cultures = (f"{country_name(c['code'])} {c['score']:.2f} ({c['from']})" for c in decision.cultures)
    table.add_row("cultures", ", ".join(cultures) or "-")
    table.add_row("situations", ", ".join(decision.situations[:6]) or "-")
    table.add_row("concepts", ", ".join(decision.concepts[:6]) or "-")
    for i, norm in enumerate(decision.norms):
        table.add_row("norms" if i == 0 else "", Text(f"{norm.score:.2f}  {norm.id}", overflow="fold"))
    if decision.degraded:
        table.add_row("degraded", Text(", ".join(decision.degraded), style="red"))
    table.add_row("time", f"{sum(decision.timings_ms.values()):.2f} ms")
    parts: list[RenderableType] = [table]
    if decision.guidance:
        parts += [Text(f"\nguidance, about {decision.tokens} tokens:", style="dim"), Text(decision.guidance)]
    return Panel(Group(*parts), title=title, title_align="left", border_style=colour)
