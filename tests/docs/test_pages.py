"""The documentation says what the code does."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import click
import yaml

import guard
from guard.actions import ACTIONS
from guard.api import APIS
from guard.cli.main import cli
from guard.errors import NormGuardError, PolicyError
from guard.files import read_yaml
from guard.flow.headers import VERIFY, headers_of
from guard.observability.metrics import Metrics
from guard.policy.model import DeploymentPolicy
from guard.settings import Settings
from guard.types import Decision
from tests.paths import ROOT

PAGES = [
    *ROOT.glob("*.md"),
    *(path for folder in ("docs", "deploy", "models", ".github") for path in (ROOT / folder).rglob("*.md")),
]


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def cells(page: str, heading: str) -> set[str]:
    """The names in backticks of the first column of the table below a heading."""
    below = f"\n{text(page)}".split(f"\n{heading}\n", 1)[1].split("\n## ")[0]
    rows = [re.split(r"(?<!\\\\)\|", line)[1] for line in below.splitlines() if line.startswith("| `")]
    return {name for cell in rows for name in re.findall(r"`([^`]+)`", cell)}


def test_every_setting_is_documented_and_no_other() -> None:
    rows = [line.split("|")[1] for line in text("docs/reference/settings.md").splitlines() if line.startswith("| `")]
    assert {name for cell in rows for name in re.findall(r"`(\w+)`", cell)} == set(Settings.model_fields)


def test_every_action_is_documented_and_no_other() -> None:
    assert cells("docs/use/policies.md", "## Actions") == {action.name for action in ACTIONS}


def test_every_api_has_a_row_and_a_page() -> None:
    page = text("docs/use/proxy.md")
    rows = dict(re.findall(r"^\| `POST /v1/([a-z/]+)` \(\[[^]]+\]\(([^)]+)\)\) \| yes", page, re.MULTILINE))
    assert set(rows) == {api.path for api in APIS}


def test_every_metric_is_documented_and_no_other() -> None:
    told = re.findall(rb"^# TYPE (\w+) (?:counter|gauge|histogram)$", Metrics().exposition(), re.MULTILINE)
    there = {name.decode() for name in told if not name.endswith(b"_created")}
    assert cells("docs/reference/metrics.md", "# Metrics") == there


def test_the_tree_of_errors_is_drawn_as_it_is() -> None:
    (drawn,) = re.findall(r"```text\n(.*?)```", text("docs/reference/errors.md"), re.DOTALL)
    assert drawn in text("guard/errors.py")
    below = [NormGuardError]
    for error in below:
        below += error.__subclasses__()
    ours = {error.__name__ for error in below if error.__module__ == "guard.errors"}
    assert set(re.findall(r"\w+(?:Error|Fault)\b", drawn)) == ours


def test_every_error_code_is_documented_and_no_other() -> None:
    documented = {
        code
        for row in re.findall(r"^\| \d{3}[^|]*\|([^|]+)\|", text("docs/reference/errors.md"), re.MULTILINE)
        for code in re.findall(r"`(\w+)`", row)
    }
    raised, patterns = codes()
    assert raised <= documented
    made = {code for code in documented - raised if any(re.fullmatch(pattern, code) for pattern in patterns)}
    assert documented == raised | made
    assert all(any(re.fullmatch(pattern, code) for code in made) for pattern in patterns)


def codes() -> tuple[set[str], set[str]]:
    """The codes that the code gives errors, and patterns of those that it puts together."""
    raised: set[str] = set()
    patterns: set[str] = set()
    for path in (ROOT / "guard").rglob("*.py"):
        if path.relative_to(ROOT / "guard").parts[0] in {"cli", "deployment", "norms", "scenarios"}:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        constants = {
            node.targets[0].id: node.value
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        }
        for node in ast.walk(tree):
            given: list[ast.expr | None] = []
            if isinstance(node, ast.Call):
                given = [keyword.value for keyword in node.keywords if keyword.arg == "code"]
                if isinstance(node.func, ast.Name) and node.func.id in {"refused", "Fault"}:
                    given += node.args[{"refused": 1, "Fault": 2}[node.func.id] :][:1]
            elif isinstance(node, ast.FunctionDef):
                given = [
                    default
                    for argument, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
                    if argument.arg == "code"
                ]
            for one in given:
                value = constants.get(one.id) if isinstance(one, ast.Name) else one
                if isinstance(value, ast.Constant):
                    raised.add(str(value.value))
                elif isinstance(value, ast.JoinedStr):
                    parts = [str(part.value) if isinstance(part, ast.Constant) else r"\w+" for part in value.values]
                    patterns.add("".join(parts))
    return raised, patterns


def test_the_documented_policy_is_the_default_one(tmp_path: Path) -> None:
    block = re.search(r"```yaml\n(.*?)```", text("docs/use/policies.md"), re.DOTALL)
    assert block
    path = tmp_path / "policy.yaml"
    path.write_text(block[1], encoding="utf-8")
    documented = read_yaml(path, PolicyError)
    assert DeploymentPolicy.model_validate(documented) == DeploymentPolicy()
    assert set(documented) == set(DeploymentPolicy.model_fields)


def test_every_header_is_documented_and_no_other() -> None:
    files = ("api/options", "flow/headers", "proxy/admission", "proxy/app", "proxy/guarded")
    used = set(re.findall(r'"(x-normguard-[a-z-]+[a-z])"', "".join(text(f"guard/{name}.py") for name in files)))
    page = "docs/reference/headers.md"
    told, back = (cells(page, heading) for heading in ("## What the caller may tell", "## What comes back"))
    assert told | back == used
    assert not told & back
    assert {VERIFY, *(name for name, _ in [*headers_of(Decision("pass", 0.0, shadow="advise"), 0.0, "")])} == back


def test_every_command_of_the_readme_exists() -> None:
    from guard.cli import audit, bench, check, demo, doctor, explain, keys, models, norms, serve, train

    groups = {
        "norms": norms.norms,
        "bench": bench.bench,
        "models": models.models,
        "audit": audit.audit,
        "keys": keys.keys,
    }
    single = {
        "check": check.check,
        "explain": explain.explain,
        "serve": serve.serve,
        "demo": demo.demo,
        "train": train.train,
    }
    commands = {**single, "doctor": doctor.doctor, **groups}
    for page in (str(path.relative_to(ROOT)) for path in PAGES if path.name != "CHANGELOG.md"):
        for name, second in re.findall(r"(?:\$ |`|&& )normguard (\w+) ?(\w+)?", text(page)):
            assert name in commands, (page, name)
            if name in groups and second:
                assert groups[name].get_command(click.Context(groups[name]), second), (page, name, second)
    assert cli.name == "cli"


def anchors(page: Path) -> set[str]:
    written = page.read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", written, flags=re.DOTALL), re.MULTILINE)
    slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return slugs | set(re.findall(r'<a id="([^"]+)"', written))


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target, anchor in re.findall(r"\]\(([^)#\s]*)#?([^)\s]*)\)", page.read_text(encoding="utf-8")):
            if "://" in target or target.startswith("../../issues/"):
                continue
            meant = page.parent / target if target else page
            assert meant.exists(), (page.name, target)
            assert not anchor or anchor in anchors(meant), (page.name, target, anchor)


def test_files_that_are_named_are_there() -> None:
    pages = [
        "CONTRIBUTING.md",
        "docs/architecture.md",
        *(f"docs/extend/{name}.md" for name in ("integration", "country")),
    ]
    for page in pages:
        for name in re.findall(r"`((?:[\w-]+/)+[\w-]*(?:\.\w+)?)`", text(page)):
            assert (ROOT / name).exists() or (ROOT / "guard" / name).exists(), (page, name)


def test_the_map_leads_to_every_page() -> None:
    mapped = text("docs/index.md")
    pages = [path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md")]
    assert not [
        str(path) for path in pages if path.parts[0] not in {"decisions", "index.md"} and f"({path})" not in mapped
    ]


def test_decisions_have_numbers_of_their_own() -> None:
    numbers = [path.name[:3] for path in (ROOT / "docs" / "decisions").glob("*.md")]
    assert sorted(numbers) == [f"{i:03}" for i in range(1, len(numbers) + 1)]


def test_there_is_one_version() -> None:
    version = tomllib.loads(text("pyproject.toml"))["project"]["version"]
    assert guard.__version__ == version
    assert f"\nversion: {version}\n" in text("guard/integrations/open_webui.py")
    assert f'appVersion: "{version}"' in text("deploy/helm/normguard/Chart.yaml")
    assert f"image: normguard:{version}" in text("deploy/compose/compose.yaml")
    released = re.findall(r"^## \[(.+?)\](?: - \d{4}-\d\d-\d\d)?$", text("CHANGELOG.md"), re.MULTILINE)
    assert released[:2] == ["Unreleased", version]


def test_the_forms_for_issues_can_be_filled_in() -> None:
    for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"):
        form = yaml.safe_load(path.read_text(encoding="utf-8"))
        if path.name != "config.yml":
            assert {"name", "description", "body"} <= set(form)
            ids = [field["id"] for field in form["body"]]
            assert len(ids) == len(set(ids))
            assert all(field["type"] in {"input", "textarea", "dropdown"} for field in form["body"])


def test_the_docker_file_does_what_the_install_check_does() -> None:
    docker, check = text("Dockerfile"), text("scripts/check-install")
    copied = re.findall(r"^COPY (.+) \./\S*$", docker, re.MULTILINE)
    needed = {
        "hatch_build.py",
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "guard",
        "models",
        "policies",
        "benchmarks",
        "training",
    }
    assert set(" ".join(copied).split()) == needed
    assert "'.[production]'" in docker
    assert "'.[production]'" in check
    for name in " ".join(copied).split():
        assert name in check
