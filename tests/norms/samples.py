"""Norms and packs made for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml


def norm(**changes: Any) -> dict[str, Any]:
    return {
        "id": "xx.gift.things",
        "title": "Things are not given as gifts",
        "expectation": "Nobody gives things to a host.",
        "breach": "Bring your host a thing.",
        "why": "Things stand for partings.",
        "instead": "sweets or flowers",
        "situations": ["gift"],
        "domains": ["shopping"],
        "visual": ["clock"],
        "severity": 1,
        "strength": "common",
        "sources": [{"title": "A page", "url": "https://www.britannica.com/topic/etiquette"}],
    } | changes


def pack(*norms: dict[str, Any], country: str = "XX") -> dict[str, Any]:
    return {"country": country, "reviewed": "2026-11-23", "norms": list(norms)}


def write(folder: Path, content: Any, name: str = "xx.yaml") -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content), encoding="utf-8")
    return path
