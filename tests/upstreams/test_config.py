"""Settings of upstreams and routes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from guard.deployment.build import upstream_maker
from guard.errors import SettingsError
from guard.settings import read_settings
from guard.upstreams.config import Target, UpstreamConfig
from tests.paths import ROOT

EXAMPLES = ROOT / "examples" / "routing"


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_examples_load(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(name, "k")
    settings = read_settings(path)
    assert settings.routes
    if not any(upstream.kind == "litellm" for upstream in settings.upstreams.values()):
        assert callable(upstream_maker(settings))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"upstreams": {"a": {"base": "http://x"}}}, "no route"),
        ({"routes": [{"model": "*", "to": [{"upstream": "b"}]}]}, r"routes.0.to.0: there is no upstream 'b'"),
        ({"upstreams": {"a": {"base": "http://x"}}, "routes": [{"model": "*", "to": []}]}, "routes.0.to"),
        ({"upstreams": {"a": {}}, "default_upstream": "a"}, "base: is missing"),
        ({"upstreams": {"a": {"kind": "litellm", "base": "http://x"}}, "default_upstream": "a"}, "not for kind"),
        ({"upstreams": {"a": {"base": "http://x", "options": {"x": 1}}}, "default_upstream": "a"}, "only for kind"),
        ({"upstreams": {"a": {"base": "http://x"}}, "default_upstream": "b"}, "default_upstream: there is no"),
        ({"upstreams": {"a": {"base": "http://x"}}, "default_upstream": "a", "upstream": "http://y"}, "not both"),
        (
            {
                "upstreams": {"a": {"base": "http://x"}},
                "routes": [{"model": "*", "to": [{"upstream": "a", "weight": -1}]}],
            },
            "weight",
        ),
    ],
)
def test_bad_settings_name_the_field(given: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        read_settings(**given)


def test_a_key_that_is_not_set_is_missed_at_the_start() -> None:
    settings = read_settings(upstreams={"a": {"base": "http://x", "api_key_env": "NO_SUCH_KEY"}}, default_upstream="a")
    with pytest.raises(SettingsError, match=r"upstreams.a.api_key_env.*NO_SUCH_KEY"):
        upstream_maker(settings)


def test_targets_keep_what_they_are_told() -> None:
    assert Target(upstream="a").weight == 1
    assert UpstreamConfig.model_validate({"base": "http://x"}).forward_auth is False
