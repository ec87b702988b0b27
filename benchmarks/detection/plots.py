"""The benchmark's figures as one picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt


def draw(figures: dict[str, Any], path: Path) -> None:
    """Recall by what is known and by scorer, precision and recall, reliability: a PNG at `path`."""
    figure, axes = plt.subplots(1, 3, figsize=(13, 4.2), constrained_layout=True)
    _recall(axes[0], figures)
    sense = figures["sensitivity_held_out"]
    axes[1].plot([p["recall"] for p in sense["curve"]], [p["precision"] for p in sense["curve"]], color="#1f5f8b")
    for point in (min(sense["curve"], key=lambda p: abs(p["threshold"] - t)) for t in (0.2, 0.5, 0.8)):
        axes[1].plot(point["recall"], point["precision"], "o", color="#1f5f8b")
        axes[1].annotate(f"from {point['threshold']:.2f}", (point["recall"], point["precision"]),
                         textcoords="offset points", xytext=(-8, -14), ha="right", fontsize=8)  # fmt: skip
    axes[1].set(title=f"Sensitive or not (average precision {sense['average_precision']:.2f})",
                xlabel="recall", ylabel="precision", xlim=(0, 1.02), ylim=(0, 1.02))  # fmt: skip
    bins = sense["reliability"]
    axes[2].plot([0, 1], [0, 1], color="#999999", linewidth=1)
    axes[2].scatter(
        [b["mean_score"] for b in bins], [b["share_sensitive"] for b in bins],
        s=[20 + 2 * b["n"] for b in bins], color="#c0562f", alpha=0.8,
    )  # fmt: skip
    axes[2].set(title=f"Reliability (expected error {sense['expected_calibration_error']:.3f})")
    axes[2].set(xlabel="sensitivity, as given", ylabel="share that is sensitive", xlim=(0, 1), ylim=(-0.02, 1.02))
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _recall(axis: Any, figures: dict[str, Any]) -> None:
    rows = {figures["scorer"]: {name: figures["recall"][name]["held_out"] for name in ("text_only", "content_known")}}
    rows |= figures.get("baselines", {})
    names = list(rows)[::-1]
    for shift, (key, label, colour) in enumerate(
        (("content_known", "content known", "#c0562f"), ("text_only", "text only", "#1f5f8b"))
    ):
        shares = [rows[name][key]["share"] for name in names]
        spans = [rows[name][key].get("interval", [share, share]) for name, share in zip(names, shares, strict=True)]
        errors = [[s - low for s, (low, _) in zip(shares, spans, strict=True)],
                  [high - s for s, (_, high) in zip(shares, spans, strict=True)]]  # fmt: skip
        places = [i + 0.36 * (shift - 0.5) for i in range(len(names))]
        axis.barh(places, shares, 0.34, xerr=errors, label=label, color=colour, error_kw={"elinewidth": 1})
    axis.set_yticks(range(len(names)), names, fontsize=8)
    axis.set(title="Right norm sent, unseen norms (95 %)", xlim=(0, 1))
    axis.legend(loc="lower center", fontsize=8, ncols=2, bbox_to_anchor=(0.4, -0.28))
