"""normguard norms test, and scenarios in norms show and lint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import normguard, started
from tests.scenarios.samples import CLOCK, REPAIR, lines

OWN_NORM = """\
country: JP
norms:
  - id: jp.onsen.our-rules
    title: Our spring is for guests over twelve
    expectation: Guests leave small children with our carers.
    breach: Bring your toddler to the evening bath.
    why: It is a quiet house.
    instead: the family bath in the next house
    situations: [onsen]
    domains: [social]
    severity: 1
    strength: common
    sources: [{title: House rules, url: https://example.com/rules}]
"""


def test_a_file_is_put_to_the_guard(tmp_path: Path) -> None:
    wrong = {**REPAIR, "id": "t-3", "text": CLOCK["text"]}
    lost = {**CLOCK, "id": "t-4", "text": "And\nthe price?", "caption": "a pear"}
    path = lines(tmp_path / "mine.jsonl", CLOCK, REPAIR, wrong, lost)
    run = normguard("norms", "test", str(path))
    assert run.returncode == 1
    said = run.stdout
    assert "false alarm  t-3 en  sent cn.gift.clocks" in said
    assert "missed       t-4 en  cn.gift.clocks  (place" in said
    assert "And / the price?  [picture: a pear]" in said
    assert "1 of 2 (50 %) loaded" in said
    assert "1 of 2 (50 %) harmless" in said
    assert "t-1" not in said
    assert normguard("norms", "test", str(path), "--least", "50").returncode == 0
    records = json.loads(normguard("norms", "test", str(path), "--json").stdout)
    assert [record["right"] for record in records] == [True, True, False, False]
    assert records[3]["cause"] == "place"


def test_a_norms_scenarios_are_tried_and_shown(tmp_path: Path) -> None:
    run = normguard("norms", "test", "cn.gift.clocks", "--least", "0")
    assert run.returncode == 0
    assert "loaded: a norm at stake was sent." in run.stdout
    shown = normguard("norms", "show", "cn.gift.clocks", env={"COLUMNS": "200"}).stdout
    assert shown.count("loaded · ") >= 4
    assert shown.count("harmless · ") >= 4
    assert "fires" in shown or "silent" in shown


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("cn.gift.clock", "neither a norm nor a file of scenarios; did you mean 'cn.gift.clocks'"),
        ("no/such.jsonl", "neither a norm nor a file"),
    ],
)
def test_what_is_neither_a_norm_nor_a_file(what: str, told: str) -> None:
    status, said = started("norms", "test", what)
    assert status == 2
    assert told in said.replace("\n", " ")


def test_an_empty_or_faulty_file(tmp_path: Path) -> None:
    empty = tmp_path / "none.csv"
    empty.write_text("id,text\n")
    assert "holds no scenarios" in started("norms", "test", str(empty))[1]
    faulty: dict[str, Any] = {**CLOCK, "norm": "cn.gift.clok", "stake": ["cn.gift.clok"]}
    assert "mine.jsonl:1: there is no norm" in started("norms", "test", str(lines(tmp_path / "mine.jsonl", faulty)))[1]
    assert normguard("norms", "test", "--least", "101").returncode == 2


def test_a_deployments_own_norm_is_asked_for_scenarios_once_it_has_some(tmp_path: Path) -> None:
    (tmp_path / "jp.yaml").write_text(OWN_NORM)
    assert "jp.onsen.our-rules: scenarios" not in started("norms", "lint", "--norms", str(tmp_path))[1]
    (tmp_path / "scenarios").mkdir()
    own = {**CLOCK, "norm": "jp.onsen.our-rules", "stake": ["jp.onsen.our-rules"], "destination": "JP"}
    lines(tmp_path / "scenarios" / "jp.jsonl", own)
    status, said = started("norms", "lint", "--norms", str(tmp_path))
    assert status == 1
    assert "jp.onsen.our-rules: scenarios: 1 loaded and 0 harmless, where 4 each are due" in said
    assert "writer" not in said
    assert "1 scenarios" in said
    lines(tmp_path / "scenarios" / "jp.jsonl", {**own, "norm": "jp.none.such", "stake": ["jp.none.such"]})
    assert "jp.jsonl:1: there is no norm 'jp.none.such'" in started("norms", "lint", "--norms", str(tmp_path))[1]


def test_scenarios_of_a_norm_that_is_switched_off_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "cn.yaml").write_text("country: CN\nnorms: []\noff: [cn.gift.clocks]\n")
    status, said = started("norms", "test", "cn.gift.clocks", "--norms", str(tmp_path))
    assert status == 2
    assert "neither a norm" in said
    assert started("norms", "test", "cn.gift.pears", "--norms", str(tmp_path), "--least", "0")[0] == 0
