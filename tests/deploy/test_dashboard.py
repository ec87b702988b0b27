"""The dashboard and the alerts."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import pytest
import yaml

from guard.observability.metrics import Metrics
from tests.paths import DEPLOY


def metrics_of(text: str) -> set[str]:
    return {re.sub(r"_bucket$", "", name) for name in re.findall(r"normguard_[a-z_]+", text)}


def test_dashboard_and_alerts_name_metrics_that_exist() -> None:
    told = Metrics().exposition().decode()
    known = set(re.findall(r"^# TYPE (\S+)", told, re.MULTILINE))
    dashboard = json.loads((DEPLOY / "grafana" / "normguard.json").read_text())
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    assert len(expressions) > 20
    alerts = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yaml").read_text())
    expressions += [rule["expr"] for group in alerts["groups"] for rule in group["rules"]]
    assert metrics_of(" ".join(expressions)) <= known, metrics_of(" ".join(expressions)) - known


def test_panels_do_not_overlap_and_say_what_they_show() -> None:
    dashboard = json.loads((DEPLOY / "grafana" / "normguard.json").read_text())
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
        assert panel["type"] == "row" or panel["description"]
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)


def test_the_alert_rules_are_sound() -> None:
    if not shutil.which("promtool"):
        pytest.skip("there is no promtool on this machine")
    rules = DEPLOY / "prometheus" / "alerts.yaml"
    assert subprocess.run(["promtool", "check", "rules", str(rules)], capture_output=True, check=False).returncode == 0
