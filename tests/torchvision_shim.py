"""There is no torchvision for every torch: two operators, declared, are enough to import open_clip."""

from __future__ import annotations

import pytest


def open_clip_or_skip() -> object:
    """open_clip, or a skip with the reason."""
    torch = pytest.importorskip("torch", reason="torch is not installed (extra vision-export)")
    library = torch.library.Library("torchvision", "FRAGMENT")
    for schema in (
        "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
        "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    ):
        try:
            library.define(schema)
        except RuntimeError:
            continue  # a real torchvision has declared it
    open_clip_or_skip.library = library  # type: ignore[attr-defined]  # it must outlive the declarations
    return pytest.importorskip("open_clip", reason="open_clip is not installed (extra vision-export)")
