"""Upstreams by way of LiteLLM."""

from __future__ import annotations

import pytest

from guard.deployment.build import upstream_maker
from guard.errors import SettingsError
from guard.settings import read_settings


def test_litellm_that_is_missing_is_missed_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=r"pip install 'normguard\[litellm\]'"):
        upstream_maker(read_settings(upstreams={"a": {"kind": "litellm"}}, default_upstream="a"))
