"""A question with a norm at stake, and one without."""

from __future__ import annotations

from typing import Any

from tests.samples import CLOCK, HARMLESS

ASKED: Any = [{"role": "user", "content": CLOCK}]
PLAIN: Any = [{"role": "user", "content": HARMLESS}]
