"""normguard explain: why a request is decided as it is."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from guard import Exchange, Guard, Turn
from guard.cli.view import explanation_view
from guard.explain import Explanation
from tests.cli.command import normguard, started

QUERY = "Is a wall clock a nice gift for him?"
TURN = "user:I am from Berlin and fly to Shanghai, not to Tokyo."


def test_explain_in_a_terminal() -> None:
    run = normguard("explain", "--query", QUERY, "--turn", TURN, env={"COLUMNS": "140"})
    assert run.returncode == 0, run.stderr
    lines = run.stdout.splitlines()
    assert any("user: I am from Berlin" in line for line in lines)
    for words, meaning, role in (
        ("Berlin", "Germany", "home"),
        ("Shanghai", "China", "destination"),
        ("Tokyo", "Japan", "negated"),
        ("wall clock", "wall-clock", ""),
    ):
        assert any(words in line and meaning in line and role in line for line in lines), words
    assert "cn.gift.clocks" in run.stdout
    assert "policy default: acts from sensitivity 0.5" in run.stdout


def test_explain_as_json() -> None:
    run = normguard("explain", "--query", QUERY, "--turn", TURN, "--json")
    found = json.loads(run.stdout)
    assert [turn["text"] for turn in found["turns"]] == [TURN.partition(":")[2], QUERY]
    assert found["roles"]["CN"] == "destination"
    assert found["decision"]["norms"][0]["id"] == "cn.gift.clocks"
    assert found["nearest"][0]["sent"]
    assert found["policy"]["name"] == "default"


def test_explain_takes_what_check_takes(tmp_path: Path) -> None:
    options = ["--caption", "a wall clock", "--country", "CN", "--locale", "de-DE", "--policy", "careful", "--json"]
    run = normguard("explain", "--query", "Is this a nice gift?", *options)
    found = json.loads(run.stdout)
    assert found["policy"]["name"] == "careful"
    noticed = {(piece["source"], piece["value"]) for piece in found["evidence"]}
    assert {("caption", "wall-clock"), ("hint", "CN"), ("locale", "DE")} <= noticed


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "Give --query"),
        (["--query", "x", "--turn", "We fly to Hanoi"], "write ROLE:TEXT"),
        (["--query", "x", "--turn", "robot:We fly to Hanoi"], "'system', 'user', 'assistant' or 'tool'"),
        (["--query", "x", "--policy", "carefull"], "did you mean 'careful'?"),
        (["--query", "x", "--country", "Japan"], "did you mean JP?"),
        (["--query", "x", "--image", "nowhere.png"], "cannot be read"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(args: list[str], message: str) -> None:
    code, told = started("explain", *args)
    assert code == 2
    assert message in told


def shown(found: Explanation, *, styles: bool = False) -> str:
    screen = Console(width=100, record=True, file=io.StringIO(), force_terminal=styles, color_system="truecolor")
    screen.print(explanation_view(found))
    return screen.export_text(styles=styles)


def test_what_is_not_meant_is_crossed_out(guard: Guard) -> None:
    exchange = Exchange((Turn("user", "Not in Tokyo: a dinner without pork in Shanghai."),))
    text = shown(guard.explain(exchange), styles=True)
    pieces = [piece.partition("m") for piece in text.split("\x1b[")]
    assert [words for codes, _, words in pieces if "9" in codes.split(";")] == ["Tokyo", "pork"]


def test_markup_in_a_question_is_no_markup(guard: Guard) -> None:
    assert "[red]Tokyo[/red] [link=x]" in shown(guard.explain("In [red]Tokyo[/red] [link=x], what do I wear?"))


def test_a_decision_that_was_not_sure_of_all_says_so(guard: Guard) -> None:
    assert "not read language" in shown(guard.explain("რა საჩუქარი უნდა წავიღო მასპინძელთან ვახშამზე?"))


@pytest.mark.parametrize("text", ["", "😀", "Ja\u2060pan", "東京で", "\ttabs\nand lines in Kyoto"])
def test_any_text_can_be_shown(guard: Guard, text: str) -> None:
    assert "policy default" in shown(guard.explain(text))
