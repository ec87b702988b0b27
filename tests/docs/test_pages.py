"""The documentation says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from guard.cli.main import cli
from guard.deployment.settings import Settings
from guard.errors import PolicyError
from guard.files import read_yaml
from guard.policy.model import DeploymentPolicy
from tests.paths import ROOT


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_every_setting_is_documented() -> None:
    page = text("docs/use/proxy.md")
    assert [name for name in Settings.model_fields if f"`{name}`" not in page] == []


def test_the_documented_policy_is_the_default_one(tmp_path: Path) -> None:
    block = re.search(r"```yaml\n(.*?)```", text("docs/use/policies.md"), re.DOTALL)
    assert block
    path = tmp_path / "policy.yaml"
    path.write_text(block[1], encoding="utf-8")
    documented = read_yaml(path, PolicyError)
    assert DeploymentPolicy.model_validate(documented) == DeploymentPolicy()
    assert set(documented) == set(DeploymentPolicy.model_fields)


def test_every_response_header_is_documented() -> None:
    page = text("docs/use/proxy.md")
    code = "".join(text(f"guard/{name}.py") for name in ("flow/headers", "proxy/app", "proxy/guarded"))
    assert [name for name in set(re.findall(r'"(x-normguard-[a-z-]+[a-z])"', code)) if name not in page] == []


def test_every_command_of_the_readme_exists() -> None:
    from guard.cli import audit, bench, check, demo, doctor, keys, models, norms, serve, train

    groups = {
        "norms": norms.norms,
        "bench": bench.bench,
        "models": models.models,
        "audit": audit.audit,
        "keys": keys.keys,
    }
    single = {"check": check.check, "serve": serve.serve, "demo": demo.demo, "train": train.train}
    commands = {**single, "doctor": doctor.doctor, **groups}
    for page in ["README.md", "models/README.md", *(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md"))]:
        for name, second in re.findall(r"(?:\$ |`|&& )normguard (\w+) ?(\w+)?", text(page)):
            assert name in commands, (page, name)
            if name in groups and second:
                assert second in groups[name].commands, (page, name, second)
    assert cli.name == "cli"


def test_links_between_pages_lead_somewhere() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), (page.name, target)


def test_the_docker_file_does_what_the_install_check_does() -> None:
    docker, check = text("Dockerfile"), text("scripts/check-install")
    copied = re.findall(r"^COPY (.+) \./\S*$", docker, re.MULTILINE)
    needed = {"pyproject.toml", "README.md", "LICENSE", "guard", "models", "policies", "benchmarks", "training"}
    assert set(" ".join(copied).split()) == needed
    assert "'.[production]'" in docker
    assert "'.[production]'" in check
    for name in " ".join(copied).split():
        assert name in check
