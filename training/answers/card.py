"""The model card of the check of answers."""

from __future__ import annotations

from typing import Any

from guard.answers.features import FEATURES

_TEXT = """# answers-1: does an answer recommend what a norm rules out?

The local check behind the action `verify`. Given a sentence of an answer, the question and a norm, it gives the
probability that the sentence recommends what the norm rules out. A few kilobytes, run by onnxruntime, about
{milliseconds:.1f} ms for a sentence against eight norms; the vectors of texts come from the encoder of `classifier-1`.

## How it was made

`normguard train --answers` makes answers from the norm packs and from frames written for the project
(`training/answers`): the breach as an assistant would phrase it, in many wordings; the same, warned against; the
alternative; other norms' breaches; plain mentions; and, in 14 languages, things recommended and things warned against.
A small network sees {features} plain features: how much of the breach's and of the alternative's words a sentence has,
whether it names a thing that the norm rules out or offers (by the vocabulary, in any language), likeness of meaning,
and words that warn or commend (`guard/answers/stance.yaml`). Seed {seed}, {train} answers. Largest difference
between torch and ONNX: {parity:.0e}.

A design with hashed pieces of the wording was tried first. It told made answers apart almost perfectly, also on norms
that it had not seen, but only in frames that it had seen: on frames kept out of its training it fell from AUC 0.99 to
0.87, where this one stays at 0.95. Hence the plain features.

Norms are split: half are never trained on, among them all that express a norm of CROSS which is kept for the final
figures. The epoch, the calibration and the thresholds (fine below {clear}, in breach from {breach} on) were chosen on a
part of their own and on half of the handwritten answers; the figures below are of the other half.

## Figures on norms never seen (95 % intervals, by norm)

| set | answers | AUC | precision of alarms | breaches found | false alarms | breaches taken as fine | unsure | ECE |
|---|---|---|---|---|---|---|---|---|
{rows}

*Made* answers are of the same kind as those it was trained on, in frames that it has seen. *Handwritten* answers
(`benchmarks/datasets/handwritten.yaml`) are the ones to go by; they are few, and whoever wrote them wrote the cues too.
Where it is unsure it asks the `judge`, or lets the answer through. The lexical rule: the breach's words are there, and
no warning. A model that sees of a sentence only how one speaks, and nothing of the norm, reaches AUC {blind:.2f} on the
handwritten dev answers, the whole model {whole:.2f}.

Made answers, by language:

| language | answers | AUC | breaches found | false alarms |
|---|---|---|---|---|
{languages}

## Known limits

- It sees one sentence at a time, and of the norm its words and the names of its things. A breach in words that the norm
  does not use, or in a language other than English without naming a thing of the vocabulary, is likely to be a case for
  the judge. Spanish, French, Indonesian, Korean and Portuguese are its weakest languages: a sentence is often too short
  to tell its language by.
- An answer that says both ("some avoid it, but it is fine") is hard for it.
- It judges what is recommended, not whether the norm applies: that was decided before.
- Alarms are cheap where `on_breach` is `note`, and cost a call where it is `revise`. Where missing a breach is worse
  than either, name a `judge`.
"""


def write(figures: dict[str, Any]) -> str:
    """The card as Markdown."""
    rows = []
    for name, found in figures["sets"].items():
        rows += [_row(name, found), _row(f"{name}, lexical rule", found["lexical"])]
    languages = [
        f"| {language} | {some['answers']} | {some['auc']:.2f} | {some['recall'] * 100:.0f} % | "
        f"{some['false alarms'] * 100:.0f} % |"
        for language, some in figures["sets"]["made"]["languages"].items()
    ]
    return _TEXT.format(
        milliseconds=figures["milliseconds"],
        seed=figures["seed"],
        features=len(FEATURES),
        train=figures["train answers"],
        parity=figures["parity"],
        clear=figures["clear"],
        breach=figures["breach"],
        rows="\n".join(rows),
        blind=figures["dev"]["answer alone, no norm"][1],
        whole=figures["dev"]["the model"][1],
        languages="\n".join(languages),
    )


def _row(name: str, found: dict[str, Any]) -> str:
    def cell(key: str) -> str:
        low, high = found["interval"][key]
        return f"{found[key] * 100:.1f} % ({low * 100:.0f}-{high * 100:.0f})"

    low, high = found["interval"]["auc"]
    keys = ("precision", "recall", "false alarms", "missed", "unsure")
    cells = " | ".join(cell(key) for key in keys)
    return f"| {name} | {found['answers']} | {found['auc']:.3f} ({low:.2f}-{high:.2f}) | {cells} | {found['ece']:.3f} |"
