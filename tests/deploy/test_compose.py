"""The compose file."""

from __future__ import annotations

import re

import yaml

from guard.settings import Settings
from tests.paths import DEPLOY


def test_the_compose_file_names_settings_that_exist() -> None:
    compose = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text())
    given = compose["services"]["normguard"]["environment"]
    names = {name.removeprefix("NORMGUARD_").lower() for name in given}
    assert names <= set(Settings.model_fields), names - set(Settings.model_fields)
    wanted = set(re.findall(r"\$\{(\w+)", (DEPLOY / "compose" / "compose.yaml").read_text()))
    example = set(re.findall(r"^(\w+)=", (DEPLOY / "compose" / ".env.example").read_text(), re.MULTILINE))
    assert wanted == example
    published = [port for service in compose["services"].values() for port in service.get("ports", ())]
    assert all(port.startswith("127.0.0.1:") for port in published)
    for service in compose["services"].values():
        for volume in service.get("volumes", ()):
            if volume.startswith("."):
                assert (DEPLOY / "compose" / volume.split(":")[0]).exists(), volume
    assert not re.search(r"PASSWORD: *[\"']?\w", (DEPLOY / "compose" / "compose.yaml").read_text())
