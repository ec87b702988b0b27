"""normguard check: one request, or many."""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image

from tests.cli.command import CLOCK, normguard
from tests.conftest import needs_data
from tests.paths import SHARED


def test_check_one_request(tmp_path: Path) -> None:
    photo = tmp_path / "wall-clock.png"
    Image.new("RGB", (20, 20)).save(photo)
    shown = normguard("check", "--query", CLOCK, "--image", str(photo))
    assert shown.returncode == 0, shown.stderr
    assert "cn.gift.clock" in shown.stdout
    found = normguard("check", "--query", CLOCK, "--caption", "a wall clock", "--locale", "en-GB", "--json")
    decision = json.loads(found.stdout)
    assert decision["action"] == "advise"
    assert decision["norms"][0]["id"].startswith("cn.gift.clock")


def test_check_many_requests_in_order_with_bad_lines_in_between(tmp_path: Path) -> None:
    lines = [
        json.dumps({"id": "a", "query": CLOCK, "captions": ["wall clock"]}),
        "{not json",
        json.dumps({"id": "b", "query": "2+2?"}),
        "[]",
        json.dumps({"id": "c"}),
        json.dumps({"id": "d", "query": "x", "country": "XQ"}),
        json.dumps({"id": "e", "query": "x", "images": ["/no/such/file.png"]}),
        "",
        json.dumps({"id": 7, "query": "gift?", "country": "CN", "locale": "zh-CN", "captions": ["挂钟"]}),
    ]
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text("\n".join(lines), encoding="utf-8")
    run = normguard("check", "--jsonl", str(source), "--out", str(target))
    assert run.returncode == 0, run.stderr
    assert "5 line(s) could not be checked" in run.stderr
    results = [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]
    assert [result["id"] for result in results] == ["a", None, "b", None, "c", "d", "e", 7]
    assert [result.get("action", "error") for result in results] == [
        "advise",
        "error",
        "pass",
        "error",
        "error",
        "error",
        "error",
        "advise",
    ]
    assert "line 2 is not JSON" in results[1]["error"]
    assert "'XQ'" in results[5]["error"]


@needs_data
def test_check_runs_over_all_of_cross(tmp_path: Path) -> None:
    from benchmarks.datasets.research import read_cross

    queries = read_cross(SHARED)
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    lines = [json.dumps({"id": i, "query": query.query}) for i, query in enumerate(queries)]
    source.write_text("\n".join(lines), encoding="utf-8")
    run = normguard("check", "--jsonl", str(source), "--out", str(target))
    assert run.returncode == 0, run.stderr
    results = [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]
    assert [result["id"] for result in results] == list(range(len(queries)))
    assert not [result for result in results if "error" in result]
