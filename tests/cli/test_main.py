"""What every command says of wrong options."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.cli.command import normguard, started


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["check"], "--query or --jsonl"),
        (["check", "--query", "x", "--country", "Japan"], "no country 'Japan'"),
        (["check", "--query", "x", "--country", "Japan"], "did you mean JP?"),
        (["check", "--query", "x", "--country", "UK"], "did you mean GB?"),
        (["check", "--query", "x", "--country", "Alemania"], "did you mean DE?"),
        (["check", "--query", "x", "--country", "Jpan"], "did you mean JP?"),
        (["check", "--query", "x", "--policy", "carefull"], "did you mean 'careful'?"),
        (["check", "--query", "x", "--image", "https://x.example/a.png"], "remote_images: true"),
        (["check", "--query", "x", "--out", "f"], "--out is for --jsonl"),
        (["check", "--jsonl", "f", "--country", "JP"], "each line tells its own"),
        (["--settings", "nowhere.yaml", "check", "--query", "x"], "nowhere.yaml: no such settings file"),
        (["keys", "list"], "keys: the settings name no database"),
        (["keys", "create", "--name", "x", "--policy", "strickt"], "no policy 'strickt'; did you mean 'strict'?"),
        (["norms", "show", "jp.gift.set-of-four"], "jp.gift.sets-of-four"),
        (["check", "--query", "x", "--locale", "xx-YY"], "no locale 'xx-YY'"),
        (["check", "--query", "x", "--policy", "nope"], "no policy 'nope'"),
        (["check", "--query", "x", "--image", "nowhere.png"], "'nowhere.png': cannot be read"),
        (["check", "--query", "x", "--image", "https://x.example/a.png"], "not fetched"),
        (["check", "--query", "x", "--image", "README.md"], "is none of JPEG"),
        (["check", "--jsonl", "nowhere.jsonl"], "nowhere.jsonl: No such file"),
        (["serve", "--settings", "nowhere.yaml"], "nowhere.yaml: no such settings file"),
        (["serve", "--upstream", "ftp://x"], "upstream"),
        (["serve", "--port", "70000"], "port"),
        (["serve", "--port", "0", "--norms", "nowhere"], "nowhere: no such folder"),
        (["serve", "--port", "0", "--policies", "nowhere"], "no folder nowhere"),
        (["norms", "show", "jp.gift.nothing"], "no norm 'jp.gift.nothing'"),
        (["norms", "list", "--country", "XQ"], "no country 'XQ'"),
        (["bench", "detection", "--data", "tests"], "no CROSS queries"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(args: list[str], message: str) -> None:
    code, told = started(*args)
    assert code == 2
    assert message in told


def test_a_process_ends_with_the_line_and_status_2() -> None:
    run = normguard("check", "--query", "x", "--image", "nowhere.png")
    assert run.returncode == 2
    assert run.stderr == "normguard: 'nowhere.png': cannot be read: No such file or directory.\n"


@pytest.mark.parametrize(
    "args",
    [
        ["--image", "nowhere.png"],
        ["--policy", "nope"],
        ["--settings", "nowhere.yaml"],
        ["--country", "Japan"],
        ["--locale", "xx-YY"],
        ["--image", "https://x.example/a.png"],
    ],
)
def test_arguments_are_looked_at_before_anything_is_built(args: list[str]) -> None:
    """A missing picture must cost as much as it is worth: no norms, no models, no web server."""
    code = (
        "import sys; from guard.cli.main import main; sys.argv[1:] = sys.argv[1:]\n"
        "try: main()\n"
        "except SystemExit as end: print(end.code, *sys.modules)"
    )
    command = [sys.executable, "-c", code, "check", "--query", "x", *args]
    status, *loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert status == "2"
    heavy = {"guard.pipeline", "onnxruntime", "aiohttp", "fastapi", "rich", "sqlalchemy", "guard.norms.library"}
    assert heavy & set(loaded) - ({"guard.norms.library"} if "--country" in args else set()) == set()
