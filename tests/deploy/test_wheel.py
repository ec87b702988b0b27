"""What an installation gets: one package, and everything that it carries works from there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parents[2]

SEEN = """
import sys
from guard.cli.main import main
before = list(sys.path)
try:
    main()
finally:
    assert sys.path == before
    for name in ("benchmarks", "training"):
        if name in sys.modules:
            print(name, "from", *sys.modules[name].__path__)
"""

STARTED = """
import urllib.request
from guard.files import module
servers = module("benchmarks.overhead.servers")
with servers.upstream() as upstream, servers.normguard(upstream) as address:
    print(urllib.request.urlopen(f"{address}/readyz").read().decode())
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the wheel holds, as pip would unpack it."""
    built = next(WheelBuilder(str(ROOT)).build(directory=str(tmp_path_factory.mktemp("wheel")), versions=["standard"]))
    folder = tmp_path_factory.mktemp("site-packages")
    with zipfile.ZipFile(built) as wheel:
        wheel.extractall(folder)
    return folder


def python(installed: Path, code: str, *args: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(installed)}
    command = [sys.executable, "-c", code, *args]
    return subprocess.run(command, cwd=installed.parent, env=env, capture_output=True, text=True, check=False)


def test_the_wheel_installs_one_package(installed: Path) -> None:
    assert {path.name.partition("-")[0] for path in installed.iterdir()} == {"guard", "normguard"}
    assert not [path for path in installed.rglob("*") if path.name in {"__pycache__", "results"}]
    assert (installed / "guard" / "_share" / "policies" / "norms").is_dir()


def test_the_benchmarks_that_it_carries_are_found_in_it(installed: Path) -> None:
    listed = python(installed, SEEN, "bench", "--help")
    assert listed.returncode == 0, listed.stderr
    for name in ("answers", "cross", "detection", "faults", "overhead", "report", "vision"):
        assert f"  {name} " in listed.stdout
    assert f"benchmarks from {installed}/guard/_share/benchmarks" in listed.stdout


def test_servers_that_benchmarks_start_are_the_installed_ones(installed: Path) -> None:
    run = python(installed, STARTED)
    assert run.returncode == 0, run.stdout + run.stderr
    assert json.loads(run.stdout)["norms"]


def test_training_is_found_in_it(installed: Path) -> None:
    run = python(installed, SEEN, "train", "--data", "nowhere")
    assert "does not exist" in run.stderr
    run = python(installed, f"import sys; sys.modules['torch'] = None{SEEN}", "train", "--answers")
    assert run.returncode == 2
    assert "torch is not installed. Training needs the extra [train]" in run.stderr
