"""Scenarios for tests, as people write them into files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from guard.scenarios.model import Scenario

CLOCK: dict[str, Any] = {
    "id": "t-1", "writer": "ann", "norm": "cn.gift.clocks", "expect": "advise", "stake": ["cn.gift.clocks"],
    "text": "Is a wall clock a nice gift for my host in Shanghai?", "language": "en", "destination": "CN",
}  # fmt: skip
REPAIR: dict[str, Any] = {
    "id": "t-2", "writer": "bo", "norm": "cn.gift.clocks", "expect": "pass",
    "text": "Which battery does the clock in my flat in Oslo take?", "language": "en",
}  # fmt: skip


def scenario(base: dict[str, Any] = CLOCK, **changes: Any) -> Scenario:
    return Scenario.model_validate({**base, **changes})


def lines(path: Path, *records: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), encoding="utf-8")
    return path
