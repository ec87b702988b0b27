"""Puts the compiled norms into the wheel, so that an installed NormGuard starts without reading their YAML."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CompiledNorms(BuildHookInterface[Any]):
    """Compiles what `guard.norms.compiled` and `guard.text.places` keep; a checkout keeps it in the user's cache."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        self._made = tempfile.TemporaryDirectory()
        sys.path.insert(0, self.root)
        try:
            from guard.norms.compiled import ship
        finally:
            sys.path.pop(0)
        for path in ship(Path(self._made.name)):
            build_data["force_include"][str(path)] = f"guard/_share/compiled/{path.name}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if version != "editable":
            self._made.cleanup()
