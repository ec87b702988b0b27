"""The Helm chart: what can be known of it without a cluster."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from guard.policy.model import Policies
from guard.settings import read_settings
from tests.paths import DEPLOY

CHART = DEPLOY / "helm" / "normguard"
RENDERER = Path(__file__).parent / "render_chart"
GO_SOURCES = Path("/usr/share/gocode")
EVERYTHING = {
    "secrets": {"keys": "sqlite:////tmp/keys.db", "admin_token": "0123456789abcdef", "redis": "redis://valkey:6379/0"},
    "policies": {"mine.yaml": "description: mine\nmax_norms: 3\n"},
    "norms": {"cn.yaml": "country: CN\nnorms: []\n"},
    "ingress": {"enabled": True, "className": "nginx", "tls": [{"secretName": "tls", "hosts": ["a.test"]}]},
    "networkPolicy": {"enabled": True, "from": [{"podSelector": {}}]},
    "serviceMonitor": {"enabled": True},
    "nodeSelector": {"kind": "cpu"},
}


def rendered(folder: Path, values: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What the chart makes of values, by kind (a second ConfigMap as ``files``)."""
    path = folder / "values.yaml"
    path.write_text(yaml.safe_dump(values))
    environment = {**os.environ, "GO111MODULE": "off", "GOPATH": str(GO_SOURCES), "GOCACHE": str(folder / "go")}
    if shutil.which("helm"):
        command = ["helm", "template", "demo", str(CHART), "--values", str(path)]
    elif shutil.which("go") and (GO_SOURCES / "src/github.com/Masterminds/sprig").is_dir():
        command = ["go", "run", str(RENDERER / "main.go"), str(CHART), "demo", str(path)]
    else:
        pytest.skip("there is neither helm nor Go with sprig on this machine")
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise ValueError(done.stderr)
    text = re.sub(r"---\n# Source: \S+NOTES.txt\n.*?(?=\n---)", "", done.stdout, flags=re.DOTALL)
    documents = [document for document in yaml.safe_load_all(text) if document]
    return {("files" if d["metadata"]["name"].endswith("-files") else d["kind"]): d for d in documents}


def test_the_chart_makes_sound_objects(tmp_path: Path) -> None:
    objects = rendered(tmp_path, EVERYTHING)
    kinds = {"ConfigMap", "files", "Secret", "Deployment", "Service", "ServiceAccount", "Ingress", "NetworkPolicy"}
    assert set(objects) == kinds | {"HorizontalPodAutoscaler", "PodDisruptionBudget", "ServiceMonitor"}
    pod = objects["Deployment"]["spec"]["template"]["spec"]
    container = pod["containers"][0]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    assert {container[f"{probe}Probe"]["httpGet"]["path"] for probe in ("startup", "liveness")} == {"/healthz"}
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    settings = yaml.safe_load(objects["ConfigMap"]["data"]["normguard.yaml"])
    assert pod["terminationGracePeriodSeconds"] > settings["drain"] + settings["drain_delay"]
    labels = objects["Deployment"]["spec"]["template"]["metadata"]["labels"]
    for kind in ("Service", "PodDisruptionBudget"):
        selector = objects[kind]["spec"]["selector"]
        assert (selector.get("matchLabels") or selector).items() <= labels.items()
    assert objects["Ingress"]["spec"]["rules"][0]["http"]["paths"][0]["path"] == "/v1/"


def test_what_pods_are_given_can_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    objects = rendered(tmp_path, EVERYTHING)
    (tmp_path / "normguard.yaml").write_text(objects["ConfigMap"]["data"]["normguard.yaml"])
    for name, value in objects["Secret"]["stringData"].items():
        monkeypatch.setenv(name, value)
    settings = read_settings(tmp_path / "normguard.yaml")
    assert settings.host == "0.0.0.0"
    assert settings.keys is not None
    mounted = {
        item["path"]
        for item in objects["Deployment"]["spec"]["template"]["spec"]["volumes"][0]["projected"]["sources"][1][
            "configMap"
        ]["items"]
    }
    assert mounted == {"policies/mine.yaml", "norms/cn.yaml"}
    assert str(settings.policies) == "/etc/normguard/policies"
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "mine.yaml").write_text(objects["files"]["data"]["policy.mine.yaml"])
    assert Policies([tmp_path / "policies"]).get("mine").max_norms == 3


def test_the_chart_does_not_serve_strangers(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"secrets\.keys"):
        rendered(tmp_path, {})
    assert "Deployment" in rendered(tmp_path, {"settings": {"allow_anonymous": True}})
    assert "Secret" not in rendered(tmp_path, {"existingSecret": "mine"})


def test_objects_fit_kubernetes_schemas(tmp_path: Path) -> None:
    validate = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed").validate
    for kind, document in rendered(tmp_path, EVERYTHING).items():
        if kind != "ServiceMonitor":  # an operator's own kind
            validate(document, "1.30", strict=True)


def test_values_fit_their_schema() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    jsonschema.validate(values, schema)
    assert set(values) <= set(schema["properties"])
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**values, "replicsa": 3}, schema)
