"""Where things are that tests read."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
STREAMS = Path(__file__).parent / "streams"
SHARED = ROOT.parent / "shared" / "data"
