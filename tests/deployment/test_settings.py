"""Settings that are refused."""

from __future__ import annotations

import pytest

from guard.deployment.settings import Settings


def test_a_token_that_can_be_guessed_is_refused() -> None:
    with pytest.raises(ValueError, match="admin_token"):
        Settings(admin_token="short")  # type: ignore[arg-type]
