"""A question that no norm concerns."""

from __future__ import annotations

from typing import Any

from tests.samples import HARMLESS

ASKED: Any = [{"role": "user", "content": HARMLESS}]
