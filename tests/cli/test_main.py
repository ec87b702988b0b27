"""What every command says of wrong options."""

from __future__ import annotations

import pytest

from tests.cli.command import normguard


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["check"], "--query or --jsonl"),
        (["check", "--query", "x", "--country", "Japan"], "no country 'Japan'"),
        (["check", "--query", "x", "--locale", "xx-YY"], "no locale 'xx-YY'"),
        (["check", "--query", "x", "--policy", "nope"], "no policy 'nope'"),
        (["check", "--query", "x", "--image", "nowhere.png"], "nowhere.png: cannot be read"),
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
    run = normguard(*args)
    assert run.returncode == 2
    assert message in run.stderr
    assert "Traceback" not in run.stderr
