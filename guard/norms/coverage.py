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
    situations, codes = [situation for situation, _ in totals.most_common()], list(counted)
    grid = [[counted[code]["situations"].get(situation, 0) for code in codes] for situation in situations]
    figure, axes = plt.subplots(figsize=(3 + 0.24 * len(codes), 1.6 + 0.2 * len(situations)), layout="constrained")
    image = axes.imshow(grid, cmap="viridis", norm=mpl.colors.PowerNorm(0.6, vmin=0), aspect="auto")
    axes.set_xticks(range(len(codes)), codes, fontsize=7, rotation=90)
    axes.set_yticks(range(len(situations)), situations, fontsize=7)
    axes.set_title(f"{sum(counts['norms'] for counts in counted.values())} norms by situation and country", fontsize=9)
    figure.colorbar(image, ax=axes, label="norms", shrink=0.5)
    try:
        figure.savefig(path, dpi=150)
    except OSError as error:
        raise NormGuardError(f"{path}: cannot be written: {error.strerror}") from error
    finally:
        plt.close(figure)
