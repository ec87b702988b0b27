"""Does a score of 0.8 mean that four in five are sensitive?"""

from __future__ import annotations

from typing import Any

import numpy as np

_BINS = 10


def reliability(labels: np.ndarray, scores: np.ndarray) -> dict[str, Any]:
    """Expected calibration error over ten bins of equal width (Naeini et al., AAAI 2015), and the bins themselves."""
    bins = np.minimum((scores * _BINS).astype(int), _BINS - 1)
    rows = [
        {
            "mean_score": round(float(scores[bins == b].mean()), 4),
            "share_sensitive": round(float(labels[bins == b].mean()), 4),
            "n": int((bins == b).sum()),
        }
        for b in range(_BINS)
        if (bins == b).any()
    ]
    error = sum(row["n"] * abs(row["mean_score"] - row["share_sensitive"]) for row in rows) / len(labels)
    return {"expected_calibration_error": round(error, 4), "reliability": rows}
