"""From packs and frames to the check of answers that ships: what ``normguard train --answers`` does."""

from __future__ import annotations

import copy
import json
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from rich.console import Console
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn

from benchmarks.answers import run as bench
from benchmarks.datasets.answers import Answer, Answers, by_part, handwritten
from guard.answers.features import FEATURES, AnswerFeatures
from guard.answers.scorer import FORMAT, MODEL, NAME, AnswerScorer
from guard.classifier.student import Encoder
from guard.files import folder
from guard.norms.library import Library
from guard.norms.packs import read_packs
from guard.norms.vocabulary import Vocabulary
from guard.onnx import write_manifest
from guard.text.sentences import sentences
from guard.vision.convert import forget_origin
from training.answers import card
from training.answers.model import AnswerNet

Data = tuple[Tensor, Tensor]
"""Features and truths of answers."""

_EACH = 6
_EPOCHS = 10
_BATCH = 512
_PRECISION = 0.9
"""Of alarms on the dev part, from which the upper threshold follows: a false alarm costs a call and may spoil a good
answer."""
_MISSED = 0.05
"""Share of the dev part's breaches that may be taken as fine, from which the lower one follows."""


def main(*, out: Path | None = None, seed: int = 0, quick: bool = False) -> dict[str, Any]:
    """Make answers, train, calibrate, choose thresholds on the dev part, write, measure on the test part.

    Args:
        out: folder of the artefact; the one that ships by default.
        quick: little data and one pass, to see that all works.
    """
    console = Console()
    start = time.monotonic()
    torch.manual_seed(seed)
    random.seed(seed)

    def say(what: str) -> None:
        console.print(f"[{time.monotonic() - start:6.0f} s] {what}")

    library = Library(read_packs(), Vocabulary())
    features = AnswerFeatures(library, Encoder())
    parts = by_part(library)
    if quick:
        parts = {part: norms[:60] for part, norms in parts.items()}
    answers = Answers(library, features, seed=seed)
    train = list(answers.make(parts["train"], each=1 if quick else _EACH))
    dev = list(answers.make(parts["dev"], each=2))
    say(f"{len(train)} answers on {len(parts['train'])} norms to train, {len(dev)} on {len(parts['dev'])} to choose")
    written = _tensors(features, _sentences(handwritten(library, "dev")))
    data, held = _tensors(features, train), _tensors(features, dev)
    say("features are there")
    net = fit(data, (held, written), seed=seed, epochs=1 if quick else _EPOCHS)
    blind = fit(_blind(data), (_blind(held), _blind(written)), seed=seed, epochs=1 if quick else _EPOCHS)
    aucs = {
        "the model": [_auc(net, some) for some in (held, written)],
        "answer alone, no norm": [_auc(blind, _blind(some)) for some in (held, written)],
    }
    for name, (made, by_hand) in aucs.items():
        say(f"{name}: AUC {made:.3f} made, {by_hand:.3f} handwritten (dev)")
    calibrate(net, (held, written))
    with torch.no_grad():
        made_p, written_p = (net.eval()(some[0]).numpy() for some in (held, written))
    clear, breach = thresholds((held[1].numpy(), made_p), (written[1].numpy(), written_p))
    directory = out or folder("models") / NAME
    write(net, directory, clear=clear, breach=breach)
    parity = _parity(net, directory, held)
    say(f"written to {directory}: clear < {clear}, breach >= {breach}; largest difference from torch {parity:.1e}")
    figures = bench.measure(library, AnswerScorer(library, directory))
    figures |= {"dev": aucs, "parity": parity, "seed": seed, "train answers": len(train)}
    (directory / "training.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    (directory / "README.md").write_text(card.write(figures), encoding="utf-8")
    bench.show(figures, console)
    return figures


def fit(data: Data, held: tuple[Data, Data], *, seed: int, epochs: int) -> AnswerNet:
    """The network of the epoch that does best on the dev parts, the made and the handwritten answers counting alike."""
    torch.manual_seed(seed)
    net = AnswerNet()
    optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=1e-2)
    features, truth = data
    loss_of = nn.BCEWithLogitsLoss()
    best, state = -1.0, copy.deepcopy(net.state_dict())
    for _ in range(epochs):
        net.train()
        for some in torch.randperm(len(truth)).split(_BATCH):
            loss = loss_of(net.logits(features[some]), truth[some])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        auc = sum(_auc(net, some) for some in held)
        if auc > best:
            best, state = auc, copy.deepcopy(net.state_dict())
    net.load_state_dict(state)
    net.eval()
    return net


def calibrate(net: AnswerNet, held: tuple[Data, Data]) -> None:
    """Fit temperature and shift on the dev parts, the made and the handwritten answers counting alike."""
    net.eval()
    with torch.no_grad():
        logits = [net.logits(features) for features, _ in held]
    log, shift = torch.zeros((), requires_grad=True), torch.zeros((), requires_grad=True)
    # Without a search along the line a step can leap to a temperature that is no number.
    optimizer = torch.optim.LBFGS([log, shift], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        losses = [
            nn.functional.binary_cross_entropy_with_logits(some / log.exp() + shift, truth)
            for some, (_, truth) in zip(logits, held, strict=True)
        ]
        loss = torch.stack(losses).mean()
        loss.backward()
        return loss

    optimizer.step(closure)
    net.temperature.data, net.shift.data = log.exp().detach(), shift.detach()


def thresholds(*held: tuple[NDArray[Any], NDArray[Any]]) -> tuple[float, float]:
    """The two thresholds, in hundredths: the lowest upper one of enough precision in every set, the highest lower one
    that misses little in any."""
    steps = [step / 100 for step in range(1, 100)]

    def precise(t: float) -> bool:
        return all((p >= t).any() and truth[p >= t].mean() >= _PRECISION for truth, p in held)

    upper = next((t for t in steps if t >= 0.5 and precise(t)), 0.95)
    lower = max(
        (t for t in steps if t < upper and all((p[truth == 1] < t).mean() <= _MISSED for truth, p in held)),
        default=0.02,
    )
    return lower, upper


def _sentences(answers: Sequence[Answer]) -> list[Answer]:
    """The answers of one sentence: of the others nobody said which sentence it is."""
    return [answer for answer in answers if len(sentences(answer.text)) == 1]


def write(net: AnswerNet, directory: Path, *, clear: float, breach: float) -> None:
    """The artefact: an ONNX graph and its manifest."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / MODEL
    example = (torch.zeros(2, len(FEATURES)),)
    rows = torch.export.Dim("norms", min=1, max=1024)
    torch.onnx.export(
        net.eval(),
        example,
        str(path),
        input_names=["features"],
        output_names=["breach"],
        dynamic_shapes=({0: rows},),
        dynamo=True,
        external_data=False,
        verbose=False,
    )
    forget_origin(path)
    manifest = {
        "name": NAME,
        "licence": "Apache-2.0",
        "format": FORMAT,
        "features": list(FEATURES),
        "clear": clear,
        "breach": breach,
    }
    write_manifest(directory, manifest)


def _tensors(features: AnswerFeatures, answers: Sequence[Answer]) -> Data:
    rows = [features(answer.query, answer.text, [answer.norm]) for answer in answers]
    return torch.from_numpy(np.concatenate(rows)), torch.tensor([float(answer.breach) for answer in answers])


def _blind(data: Data) -> Data:
    """What is seen without knowing the norm: how one speaks. Were that enough, the frames would tell the answer."""
    seen = torch.zeros_like(data[0])
    for name in ("warns", "praises", "length", "english"):
        seen[:, FEATURES.index(name)] = data[0][:, FEATURES.index(name)]
    return seen, data[1]


def _auc(net: AnswerNet, data: Data) -> float:
    net.eval()
    with torch.no_grad():
        return float(roc_auc_score(data[1].numpy(), net.logits(data[0]).numpy()))


def _parity(net: AnswerNet, directory: Path, data: Data) -> float:
    session = onnxruntime.InferenceSession(str(directory / MODEL), providers=["CPUExecutionProvider"])
    some = data[0][:500]
    with torch.no_grad():
        wanted = net(some).numpy()
    return float(np.abs(session.run(None, {"features": some.numpy()})[0] - wanted).max())
