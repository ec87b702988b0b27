"""normguard models."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

from guard.cli.main import cli
from guard.cli.models import models
from tests.conftest import needs_data
from tests.vision.samples import WEIGHTS, make_model, picture


def test_models_are_listed(tmp_path: Path) -> None:
    listed = CliRunner().invoke(models, ["list"]).output
    assert "mobilenet-v2" in listed
    assert "normguard models pull mobilenet-v2" in listed
    make_model(tmp_path / "colours")
    (tmp_path / "pictures").mkdir()
    picture("red").save(tmp_path / "pictures" / "red.png")
    (tmp_path / "pictures" / "broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    arguments = ["verify", str(tmp_path / "colours"), "--pictures", str(tmp_path / "pictures")]
    shown = CliRunner().invoke(models, arguments).output
    assert "clock 1.00" in shown
    assert "broken.jpg" in shown
    assert "a look: median" in shown


@needs_data
def test_the_command_line_pulls_from_a_folder_and_says_what_is_wrong_with_it(tmp_path: Path) -> None:
    for path in WEIGHTS.iterdir():
        shutil.copy(path, tmp_path)
    spoilt = tmp_path / "mobilenet_v2_1.0_224_quant.tflite"
    spoilt.write_bytes(spoilt.read_bytes()[:-10])
    done = subprocess.run(
        [sys.executable, "-m", "guard", "models", "pull", "mobilenet-v2", "--from", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "not the file that was expected" in done.stderr
    assert "Traceback" not in done.stderr
    assert cli.name == "cli"
