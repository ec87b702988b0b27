"""What the packs cover: norms counted by country, severity, strength and situation."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from guard.errors import NormGuardError, missing
from guard.norms.library import Library


def coverage(library: Library) -> dict[str, dict[str, Any]]:
    """Counts by country code: ``norms`` in all, and by ``severity``, ``strength`` and ``situations``."""
    return {
        code: {
            "norms": len(pack.norms),
            "severity": dict(sorted(Counter(int(norm.severity) for norm in pack.norms).items())),
            "strength": dict(sorted(Counter(str(norm.strength) for norm in pack.norms).items())),
            "situations": dict(sorted(Counter(s for norm in pack.norms for s in norm.situations).items())),
        }
        for code, pack in sorted(library.packs.items())
    }


def draw(counted: dict[str, dict[str, Any]], path: Path) -> None:
    """Draw a heat map of situations by country into the PNG file `path`.

    Raises:
        NormGuardError: matplotlib is not installed, or the file cannot be written.
    """
    try:
        import matplotlib as mpl  # an extra
    except ImportError as error:
        raise NormGuardError(missing("The plot", "bench")) from error
    mpl.use("agg")
    import matplotlib.pyplot as plt

    totals = Counter[str]()
    for counts in counted.values():
        totals.update(counts["situations"])
    situations = [situation for situation, _ in totals.most_common()]
    codes = sorted(counted, key=lambda code: (-counted[code]["norms"], code))
    grid = [[counted[code]["situations"].get(situation) or float("nan") for situation in situations] for code in codes]
    # A country a line: as wide as a column of text, however many there are; what nothing is said of stays white.
    figure, axes = plt.subplots(figsize=(9, 2 + 0.135 * len(codes)), layout="constrained")
    image = axes.imshow(grid, cmap="viridis_r", norm=mpl.colors.LogNorm(vmin=1), aspect="auto")
    axes.set_yticks(range(len(codes)), [f"{code} {counted[code]['norms']}" for code in codes], fontsize=7)
    axes.set_xticks(range(len(situations)), situations, fontsize=7, rotation=90)
    axes.xaxis.tick_top()
    axes.set_title(f"{sum(counts['norms'] for counts in counted.values())} norms by country and situation", fontsize=9)
    bar = figure.colorbar(image, ax=axes, label="norms (white: none)", shrink=0.3)
    bar.set_ticks([1, 2, 5, 10, 20], labels=["1", "2", "5", "10", "20"])
    try:
        figure.savefig(path, dpi=120)
    except OSError as error:
        raise NormGuardError(f"{path}: cannot be written: {error.strerror}") from error
    finally:
        plt.close(figure)
