"""How decisions and norms look in a terminal."""

from __future__ import annotations

import re

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from guard.explain import Explanation
from guard.text.places import country_name
from guard.types import Action, Decision, Evidence

_COLOURS: dict[str, str] = {Action.PASS: "green", Action.ADVISE: "yellow"}


def decision_panel(decision: Decision, title: str = "decision") -> Panel:
    """A decision as a framed table, with the guidance below."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    colour = _COLOURS.get(decision.action, "red")
    table.add_row("action", Text(decision.action, style=f"bold {colour}"))
    table.add_row("sensitivity", f"{decision.sensitivity:.2f}")
    cultures = (f"{country_name(c['code'])} {c['score']:.2f} ({c.get('role', c['from'])})" for c in decision.cultures)
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


_MARKS = {
    "culture": "bold black on yellow",
    "concept": "black on cyan",
    "norm": "black on cyan",
    "situation": "black on green",
    "act": "black on magenta",
    "intent": "underline",
}
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")
_CROSSED_OUT = frozenset({"negated", "absent"})


def explanation_view(found: Explanation) -> RenderableType:
    """An explanation: the conversation, marked with what was read in it; what that was; nearest norms; the policy."""
    parts: list[RenderableType] = []
    for number, turn in enumerate(found.exchange.turns):
        text = Text(_CONTROL.sub(" ", turn.text))  # rich drops some, and the marks would shift
        for piece in found.marks(number):
            if piece.at is not None:
                style = _MARKS.get(piece.kind, "underline") + (" strike" if piece.role in _CROSSED_OUT else "")
                text.stylize(style, *piece.at[1:])
        parts.append(Text.assemble((f"{turn.role}: ", "dim"), text))
    kinds = {kind: style for kind, style in _MARKS.items() if kind != "norm"}
    parts += [Text.assemble(*((f" {kind} ", style) for kind, style in kinds.items())), Text()]
    parts += [_read_table(found), Text(), _nearest_table(found), Text()]
    decision, limits = found.decision, found.policy.thresholds
    parts.append(
        Text.assemble(
            ("policy ", "dim"),
            f"{found.policy.name}: acts from sensitivity {limits.advise:g}, "
            f"this request has {decision.sensitivity:.2f}; ",
            (str(decision.action), f"bold {_COLOURS.get(decision.action, 'red')}"),
        )
    )
    if decision.degraded:
        parts.append(Text.assemble(("not read ", "dim"), (", ".join(decision.degraded), "red")))
    return Panel(Group(*parts), title="explanation", title_align="left", border_style="blue")


def _read_table(found: Explanation) -> Table:
    table = Table(title="read", title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0))
    for name in ("words", "as", "role", "certainty", "from"):
        table.add_column(name, header_style="dim")
    for number, turn in enumerate(found.exchange.turns):
        for piece in found.marks(number):
            if piece.at is not None and piece.kind != "intent":
                words = turn.text[piece.at[1] : piece.at[2]]
                table.add_row(Text(words), _meaning(piece), piece.role or "", f"{piece.score:.2f}", piece.source)
    for piece in found.unplaced:
        table.add_row("", _meaning(piece), piece.role or "", f"{piece.score:.2f}", piece.source)
    return table


def _meaning(piece: Evidence) -> Text:
    value = country_name(piece.value) if piece.kind == "culture" else piece.value
    return Text.assemble((f"{piece.kind} ", "dim"), value)


def _nearest_table(found: Explanation) -> Table:
    title = f"nearest norms, of {found.candidates} weighed"
    table = Table(title=title, title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0))
    table.add_column("score", header_style="dim", justify="right")
    table.add_column("norm", header_style="dim", no_wrap=True)
    table.add_column("sent", header_style="dim", overflow="fold")
    for norm in found.norms:
        table.add_row(f"{norm.score:.2f}", norm.id, Text(norm.why, style="green" if norm.sent else "dim"))
    return table
