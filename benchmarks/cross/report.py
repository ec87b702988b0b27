"""What is handed on: one self-contained HTML page, JSON and CSV; and a page that compares runs."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from benchmarks.cross.analysis import MARGIN, RESAMPLES, Figures, analyse, compare
from benchmarks.cross.arms import ARMS
from benchmarks.cross.records import Record, Run, read_humans
from benchmarks.cross.rubric import DIMENSIONS
from guard.text.places import countries, country_name

EXAMPLES = 10

# Qiu et al., arXiv 2505.14972, abstract.
PAPER = (
    ("best of 21 models, awareness", "61.79 %"),
    ("best of 21 models, compliance", "37.73 %"),
    ("GPT-4o after the paper's fine-tuning, awareness, against GPT-4o before", "+60.14 %"),
    ("GPT-4o after the paper's fine-tuning, compliance, against GPT-4o before", "+55.2 %"),
)


def write_report(
    runs: Sequence[Run],
    out: Path,
    *,
    margin: float = MARGIN,
    humans: Path | None = None,
    resamples: int = RESAMPLES,
) -> list[Path]:
    """Write ``report.html``, ``summary.json`` and ``cases.csv`` of one run, or those of a comparison of several.

    Raises:
        NormGuardError: the file of human scores cannot be read.
    """
    given = read_humans(humans) if humans else None
    figures = [analyse(run, margin=margin, resamples=resamples, humans=given) for run in runs]
    out.mkdir(parents=True, exist_ok=True)
    page, summary, table = out / "report.html", out / "summary.json", out / "cases.csv"
    if len(runs) == 1:
        html = _render("report.html.j2", _page(runs[0], figures[0]))
        data: Any = {"run": runs[0].name, "config": runs[0].config, "figures": figures[0], "errors": runs[0].errors}
    else:
        between = _between(runs, resamples)
        html = _render("compare.html.j2", _comparison(runs, figures, between))
        data = {
            "runs": [{"run": r.name, "config": r.config, "figures": f} for r, f in zip(runs, figures, strict=True)],
            "between": between,
        }
    page.write_text(html, encoding="utf-8")
    summary.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    _write_csv(runs, table)
    return [page, summary, table]


def headline(run: Run, figures: Figures) -> str:
    """The finding in a sentence or two; it begins with what is most important about it."""
    compliance = figures.get("dimensions", {}).get("compliance", {})
    lead = "Scripted models, no real ones. " if run.scripted else ""
    if not compliance.get("n"):
        return f"{lead}No case was scored in both arms, so nothing can be said about compliance."
    lift = compliance["lift"]
    verb = "rose" if lift["value"] > 0 else "fell" if lift["value"] < 0 else "did not change"
    by = f" by {abs(100 * lift['value']):.1f} points{_within(lift)}" if lift["value"] else _within(lift)
    return (
        f"{lead}With NormGuard, compliance {verb}{by}: from {percent(compliance['bare'])} to "
        f"{percent(compliance['guarded'])} of {compliance['n']:,} questions on {compliance['norms']:,} norms."
    )


def examples(records: Sequence[Record]) -> tuple[list[Record], list[Record]]:
    """The cases in which the guard helped most, and those in which it failed, each norm at most once before any twice.

    It helped where compliance rose, the more the other dimensions rose too. It failed where compliance fell, or else
    where the guarded answer still breaches the norm.
    """
    scored = [r for r in records if None not in (*_of(r, "bare").values(), *_of(r, "guarded").values())]
    gain = {id(r): _of(r, "guarded")["compliance"] - _of(r, "bare")["compliance"] for r in scored}
    total = {id(r): sum(_of(r, "guarded").values()) - sum(_of(r, "bare").values()) for r in scored}
    helped = sorted((r for r in scored if gain[id(r)] > 0), key=lambda r: (-total[id(r)], _lot(r)))
    failed = sorted(
        (r for r in scored if gain[id(r)] < 0 or not _of(r, "guarded")["compliance"]),
        key=lambda r: (gain[id(r)], total[id(r)], _lot(r)),
    )
    return _varied(helped), _varied(failed)


def percent(figure: Any) -> str:
    value = figure["value"] if isinstance(figure, dict) else figure
    return "–" if value is None else f"{100 * value:.1f} %"


def points(figure: Any) -> str:
    return "–" if figure is None or figure["value"] is None else f"{100 * figure['value']:+.1f}".replace("-", "−")


def interval(figure: Any, *, signed: bool = True) -> str:
    if figure is None or figure["interval"] is None:
        return ""
    low, high = (f"{100 * end:+.1f}" if signed else f"{100 * end:.1f}" for end in figure["interval"])
    return f"{low} to {high}".replace("-", "−")


def kappa(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}".replace("-", "−")


def span(figure: Any, low: float = -1.0, high: float = 1.0) -> Markup:
    """A point with its interval on a scale from `low` to `high`, as a drawing that follows the page's colours."""
    if figure is None or figure["value"] is None:
        return Markup("")

    def at(value: float) -> float:
        return round(100 * (min(max(value, low), high) - low) / (high - low), 2)

    parts = [f'<i class="zero" style="left:{at(0)}%"></i>'] if low < 0 else []
    if figure["interval"]:
        start, end = map(at, figure["interval"])
        parts.append(f'<i class="range" style="left:{start}%;width:{round(end - start, 2)}%"></i>')
    parts.append(f'<i class="dot" style="left:{at(figure["value"])}%"></i>')
    return Markup('<div class="span" aria-hidden="true">{}</div>').format(Markup("".join(parts)))


def _within(figure: Figures) -> str:
    ends = interval(figure)
    return f" (95 % interval {ends})" if ends else ""


def _of(record: Record, arm: str) -> dict[str, Any]:
    return record.verdict[arm]


def _lot(record: Record) -> str:
    """Order among equals: fixed, and not that of the alphabet, which would show the same countries always."""
    return hashlib.sha256(record.case.id.encode()).hexdigest()


def _varied(records: Sequence[Record]) -> list[Record]:
    first: dict[str, Record] = {}
    for record in records:
        first.setdefault(record.case.cluster, record)
    chosen = list(first.values())
    chosen += [record for record in records if all(record is not one for one in chosen)]
    return chosen[:EXAMPLES]


def _page(run: Run, figures: Figures) -> dict[str, Any]:
    helped, failed = examples(run.records)
    return {
        "run": run,
        "config": run.config,
        "figures": figures,
        "headline": headline(run, figures),
        "helped": helped,
        "failed": failed,
        "paper": PAPER,
        "written": _today(),
        "settings": [*_served(run), *_flat(run.config)],
    }


def _comparison(runs: Sequence[Run], figures: Sequence[Figures], between: Any) -> dict[str, Any]:
    keys = list(dict.fromkeys(key for run in runs for key, _ in _flat(run.config)))
    flat = [dict(_flat(run.config)) for run in runs]
    differing = [
        key for key in keys if len({json.dumps(one.get(key), sort_keys=True, default=str) for one in flat}) > 1
    ]
    return {
        "runs": list(zip(runs, figures, strict=True)),
        "between": between,
        "differing": [(key, [one.get(key, "–") for one in flat]) for key in differing],
        "scripted": any(run.scripted for run in runs),
        "judged_alike": len({(str(r.config.get("judges")), r.config.get("rubric_sha256")) for r in runs}) == 1,
        "written": _today(),
    }


def _between(runs: Sequence[Run], resamples: int) -> list[dict[str, Any]]:
    """Each later run against the first, arm by arm, on the cases that both have scored."""
    first = {(r.case.id, r.epoch): r for r in runs[0].records}
    result = []
    for run in runs[1:]:
        shared = [(first[key], r) for r in run.records if (key := (r.case.id, r.epoch)) in first]
        entry: dict[str, Any] = {"run": run.name, "against": runs[0].name, "shared": len(shared), "arms": {}}
        for arm in ARMS:
            entry["arms"][arm] = {}
            for dimension in DIMENSIONS:
                pairs = [(a.case.cluster, _of(a, arm)[dimension], _of(b, arm)[dimension]) for a, b in shared]
                scored = [(c, x, y) for c, x, y in pairs if x is not None and y is not None]
                entry["arms"][arm][dimension] = compare(scored, resamples=resamples)
        result.append(entry)
    return result


def _served(run: Run) -> list[tuple[str, str]]:
    """What the models called themselves, which may be more exact than what they were asked for by."""
    answered = sorted({answer.model for record in run.records for answer in record.answers.values() if answer.model})
    judged = sorted({one.model for record in run.records for one in record.judgements if one.model})
    return [("answered", ", ".join(answered) or "–"), ("judged", ", ".join(judged) or "–")]


def _flat(config: Any, prefix: str = "") -> Iterable[tuple[str, Any]]:
    for key, value in config.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            yield from _flat(value, f"{name}.")
        elif key != "left_out":
            yield (
                name,
                ", ".join(map(str, value)) or "–" if isinstance(value, list) else "–" if value is None else value,
            )


def _render(template: str, context: dict[str, Any]) -> str:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": percent, "points": points, "interval": interval, "kappa": kappa}
    environment.filters |= {"span": span, "place": _place, "short": _short}
    environment.globals |= {"DIMENSIONS": DIMENSIONS, "ARMS": ARMS}
    return environment.get_template(template).render(context)


def _place(code: str) -> str:
    return country_name(code) if code in countries() else code


def _short(model: str) -> str:
    """A model's name, or two of them, without the providers; the whole names are under "What was run"."""
    return " and ".join(name.rpartition("/")[2] for name in model.split(" / "))


def _today() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d}"


def _write_csv(runs: Sequence[Run], path: Path) -> None:
    """One line a case; texts as they are, so that a spreadsheet must not take them for formulas: those get a ``'``."""
    fields = [
        "run",
        "id",
        "epoch",
        "subset",
        "language",
        "country",
        "domain",
        "severity",
        "norm",
        "query",
        "action",
        "hit",
    ]
    fields += [f"{arm}_{dimension}" for dimension in DIMENSIONS for arm in ARMS]
    fields += [
        f"{arm}_{name}"
        for name in ("answer", "error", "input_tokens", "output_tokens", "cost", "seconds")
        for arm in ARMS
    ]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fields, restval="", extrasaction="ignore")
        writer.writeheader()
        for run in runs:
            for record in run.records:
                row: dict[str, Any] = {"run": run.name, "epoch": record.epoch, "hit": record.hit}
                row |= record.case.model_dump(
                    include={"id", "subset", "language", "country", "domain", "severity", "norm", "query"}
                )
                for arm, answer in record.answers.items():
                    row |= {f"{arm}_{name}": value for name, value in answer.model_dump().items()}
                    row[f"{arm}_answer"] = answer.text
                    row |= {f"{arm}_{dimension}": score for dimension, score in record.verdict[arm].items()}
                    row["action"] = answer.action or row.get("action")
                writer.writerow({key: _cell(value) for key, value in row.items()})


def _cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value[:1] in tuple("=+-@\t\r") else value
