"""The model card: what the classifier was trained on, what it reaches and where it fails, from the figures themselves.

After Mitchell et al., Model Cards for Model Reporting (FAT* 2019).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

_ABOUT = """# {name}: model card

Judges what the guard has noticed about a question: how likely it is that an answer which does not know the culture
would breach a norm there, and how much each of the country's norms is at stake. Made by `normguard train`; not
edited by hand.

## What it is

- **Encoder** (`encoder.onnx`, 8-bit): hashed words and letter n-grams of any language, 65,536 x 128, averaged to a
  unit vector. It was taught to put a text where all-MiniLM-L6-v2 puts its English. It also tells the destination
  and the situations that the wording suggests.
- **Ranker** (`ranker.onnx`, 32-bit, {ranker_kib} KiB): for each candidate norm the plain features of the lexical
  scorer and four likenesses of meaning; then one judgement of the request. It never sees the question's own vector
  when it judges sensitivity: with it, it had learned the style in which a data set asks (see *What went wrong
  first*).
- `vectors.npz`: vectors of the norms that ship; others are encoded when the guard starts.
- {megabytes} MB in all, onnxruntime on one core, no tokenizer and no download.

## What it was trained on

{train} questions of the public research sets CROSS ({train_norms} norms) and SafeWorld, general questions, and
{invented} questions invented from the project's own vocabulary and norms in 14 languages: as many harmless ones as
unaware ones, in the same frames. {dev} questions ({dev_norms} CROSS norms) were for choices and calibration. The
other half of the CROSS norms, of the benign and of the general questions is kept out of training, which stops if
one of them slips in; norms that express a CROSS norm of those parts get no invented questions. No text of
the data is in the artefact.
"""

_DESIGNS = """
## Designs that were tried

On the development part, each with a ranker of its own: the right norm among the first five (text only, content
known), the area under the ROC curve of sensitivity, sensitive questions caught at 8 % false alarms, and the same on
invented questions about norms that were left out.

"""

_WRONG = """
## What went wrong first

The first version told sensitive from benign almost perfectly on the development part, and failed on plain questions
of our own. CROSS asks long questions over pictures, SafeWorld's benign ones come without: it had learned the
difference between two data sets. Three things put that right: the sensitivity head lost the question's vector, both
sets are shown with a picture and without, and the invented harmless questions use the very frames of the unaware
ones.

## Where it fails

- A place that nothing in text, hints or metadata tells.
- Many things that must not be given compete for a few places when nothing is known of the picture.
- Plain short questions can fall below the line: "Where should I fly my drone in Marrakech?" is given 0.40. And a
  harmless one that names a thing of which a norm speaks can rise above it: the way from the airport to the hotel in
  Cairo, asked in Spanish, 0.72.
- A norm without `visual` concepts is found by its wording and situations alone, and later.
- Harmless questions that sound like choices ("where can I buy") about a country with many norms are the likeliest
  to be touched without need.
- Invented questions are simple. Slang, irony and dialect were not tried; languages beyond the fourteen only by
  their names of places.
- It says what is at stake, not what is right: the norms do that, and they carry their sources.
"""


def write(directory: Path, figures: dict[str, Any]) -> None:
    """Write the card of the artefact in `directory`, from the figures of its training."""
    questions, norms = figures["questions"], figures["norms"]
    size = sum(path.stat().st_size for path in directory.iterdir() if path.suffix in (".onnx", ".npz", ".json"))
    parts = [
        _ABOUT.format(
            name=directory.name,
            ranker_kib=round((directory / "ranker.onnx").stat().st_size / 1024),
            megabytes=round(size / 1e6, 1),
            train=questions["train"],
            dev=questions["dev"],
            invented=questions["invented"],
            train_norms=norms["train"],
            dev_norms=norms["dev"],
        ),
        _DESIGNS,
        _designs(figures["designs"]),
        "\n## What was lost on the way\n\n",
        _table(
            ("from torch to ONNX, from 32 to 8 bits", ""),
            [(k.replace("_", " "), f"{v:.2g}") for k, v in figures["parity"].items()],
        ),
        _by_country(figures.get("by_country", {})),
        _final(figures.get("test", {})),
        _WRONG,
        f"\nSeed {figures['seed']}, {figures['epochs']:g} epochs, {figures['minutes']} minutes, {figures['device']}.\n",
    ]
    (directory / "README.md").write_text("".join(parts), encoding="utf-8")


def _designs(designs: dict[str, dict[str, Any]]) -> str:
    head = (
        "design",
        "text only",
        "content known",
        "AUC",
        "caught",
        "invented",
        "invented AUC",
        "MB int8",
        "ms (torch)",
    )
    keys = (
        "recall5_text_only", "recall5_content_known", "auc", "caught_at_8_percent_false_alarms",
        "invented_recall5_text_only", "invented_auc", "megabytes_int8", "ms_torch",
    )  # fmt: skip
    rows = [
        (name, *("" if row.get(key) is None else f"{row[key]:.3g}" for key in keys)) for name, row in designs.items()
    ]
    return _table(head, rows)


def _by_country(found: dict[str, dict[str, Any]]) -> str:
    if not found:
        return ""
    rows = [
        (code, str(row["questions"]), *("-" if row[k] is None else f"{row[k]:.3g}" for k in
                                        ("recall5_text_only", "recall5_content_known", "auc")))
        for code, row in found.items()
    ]  # fmt: skip
    intro = (
        "\n## A country never seen\n\nThe ranker fitted without one country of CROSS, and measured on that country's"
        " questions of the training and\ndevelopment parts (the encoder, which learns no labels, is the same).\n\n"
    )
    return intro + _table(("left out", "questions", "text only", "content known", "AUC"), rows)


def _final(test: dict[str, Any]) -> str:
    if not test:
        return "\n## On the test part\n\n`normguard bench detection`; figures in `docs/measured/benchmarks.md`.\n"
    rows = [
        (label, f"{100 * test[key]['share']:.1f} % ({100 * test[key]['interval'][0]:.0f} to "
                f"{100 * test[key]['interval'][1]:.0f})" if test[key].get("interval") else
         f"{100 * test[key]['share']:.1f} %")
        for label, key in (
            ("right norm among those sent, text only", "text_only"),
            ("right norm among those sent, content known", "content_known"),
            ("general questions untouched", "general"),
            ("benign cultural questions untouched", "benign"),
        )
    ]  # fmt: skip
    rows.append(("sensitivity: area under the ROC curve", f"{test['auc']:.3f}"))
    rows.append(("sensitivity: expected calibration error", f"{test['calibration']:.3f}"))
    intro = "\n## On the test part, read once, after all choices\n\n95 % intervals resample norms.\n\n"
    return intro + _table(("figure", "reached"), rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)]) + "\n"
