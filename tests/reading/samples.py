"""What tests ask of a reading, and how they mark what is known to be wrong."""

from __future__ import annotations

from typing import Any

import pytest

from guard.reading.reader import Mention, Reading


def places(reading: Reading) -> list[Mention]:
    return [mention for mention in reading.mentions if mention.kind == "culture"]


def roles(reading: Reading) -> dict[str, str | None]:
    """Of each country that is named what it is to the question; where it is named twice, what it was last."""
    return {mention.value: mention.role for mention in places(reading)}


def fault(*values: Any, reason: str) -> Any:
    """A case that is read wrong, and known to be: once it is read right, the mark must go."""
    return pytest.param(*values, marks=pytest.mark.xfail(strict=True, reason=reason))
