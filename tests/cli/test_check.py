"""normguard check: one request, or many."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.cli.command import CLOCK, normguard, started
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


def checked(folder: Path, *lines: object) -> list[dict[str, Any]]:
    """What comes out for lines: objects as JSON, and text as it is."""
    source, target = folder / "in.jsonl", folder / "out.jsonl"
    source.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines), "utf-8")
    run = normguard("check", "--jsonl", str(source), "--out", str(target))
    assert run.returncode == 0, run.stderr
    return [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]


def test_check_conversations(tmp_path: Path) -> None:
    trip = [{"role": "user", "text": "I fly to Shanghai."}, {"role": "assistant", "text": "Nice."}]
    question = "Is a wall clock a nice gift for him?"
    after, within, alone, last, empty, robot, unknown, more = checked(
        tmp_path,
        {"id": 1, "turns": trip, "query": question},
        {"id": 2, "turns": [*trip, {"role": "user", "text": question}]},
        {"id": 3, "query": question},
        {"id": 4, "turns": trip},
        {"id": 5, "turns": []},
        {"id": 6, "turns": [{"role": "robot", "text": "Hello"}], "query": question},
        {"id": 7, "query": question, "qery": "typo"},
        {"id": 8, "turns": [{"role": "user", "text": "Hello", "name": "ann"}], "query": question},
    )
    assert after["cultures"][0]["code"] == "CN"
    assert after["norms"][0]["id"] == "cn.gift.clocks"
    assert {key: value for key, value in within.items() if key not in ("id", "timings_ms")} == {
        key: value for key, value in after.items() if key not in ("id", "timings_ms")
    }
    assert alone["cultures"] == []
    for refused, why in (
        (last, "give a query"),
        (empty, "give a query"),
        (robot, "role"),
        (unknown, "qery"),
        (more, "name"),
    ):
        assert why in refused["error"], refused


def test_pictures_belong_to_the_last_turn(tmp_path: Path) -> None:
    photo = tmp_path / "wall-clock.png"
    Image.new("RGB", (20, 20)).save(photo)
    (found,) = checked(
        tmp_path,
        {"turns": [{"role": "user", "text": "I fly to Shanghai."}], "query": "Is this a gift?", "images": [str(photo)]},
    )
    assert "wall-clock" in found["concepts"]


def test_the_file_that_is_read_is_not_written(tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text(json.dumps({"query": "x"}), encoding="utf-8")
    other = tmp_path / "link.jsonl"
    other.symlink_to(source)
    for target in (source, other):
        code, told = started("check", "--jsonl", str(source), "--out", str(target))
        assert (code, "would be emptied" in told) == (2, True)
    assert json.loads(source.read_text(encoding="utf-8")) == {"query": "x"}


@pytest.mark.parametrize(
    "line",
    [
        "[" * 100_000 + "]" * 100_000,
        '{"id": ' + "7" * 5_000 + ', "query": "x"}',
        '{"query": "x", "images": ["a\\u0000b.png"]}',
        '{"query": "x", "images": ["' + "a" * 5_000 + '"]}',
        '{"query": 7}',
        '{"query": "x", "location": [200, 0]}',
        '{"query": "x", "locale": "\\ud800"}',
        "\x00",
        "NaN",
    ],
)
def test_a_line_that_cannot_be_used_costs_the_others_nothing(tmp_path: Path, line: str) -> None:
    first, bad, last = checked(tmp_path, {"id": "a", "query": "2+2?"}, line, {"id": "b", "query": CLOCK})
    assert (first["id"], last["id"]) == ("a", "b")
    assert "action" in first
    assert "action" in last
    assert bad["error"]
    assert bad["line"] == 2


def test_a_lone_surrogate_comes_back_as_it_was(tmp_path: Path) -> None:
    one, other = checked(tmp_path, '{"id": "\\ud800", "query": "2+2?"}', '{"id": "b", "query": "\\udfff in Tokyo"}')
    assert one["id"] == "\ud800"
    assert one["action"] == "pass"
    assert other["cultures"][0]["code"] == "JP"


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_bytes(b'{"id": "a", "query": "\xff\xfe in Tokyo"}\n\xff\xfe\n{"id": "b", "query": "2+2?"}')
    assert normguard("check", "--jsonl", str(source), "--out", str(target)).returncode == 0
    one, bad, last = (json.loads(line) for line in target.read_text(encoding="utf-8").splitlines())
    assert one["cultures"][0]["code"] == "JP"
    assert "error" in bad
    assert last["action"] == "pass"


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
