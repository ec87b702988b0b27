"""Where the torchvision that is installed does not fit torch: two operators, declared, are enough to import it."""

from __future__ import annotations

from typing import Any

import pytest

_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_kept: list[Any] = []
"""The library of the declared operators, which must outlive the declarations."""


def make_torchvision_fit() -> None:
    """Declare what a torchvision lacks beside this torch; before the first import of transformers or open_clip."""
    torch: Any = pytest.importorskip("torch", reason="torch is not installed (extra train or vision-export)")
    try:
        import torchvision  # noqa: F401
    except ImportError:
        return
    except RuntimeError:  # operator torchvision::nms does not exist
        _kept.append(torch.library.Library("torchvision", "FRAGMENT"))
        for schema in _SCHEMAS:
            _kept[-1].define(schema)
