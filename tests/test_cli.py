"""The command line, as a user starts it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest
from PIL import Image

from tests.conftest import SHARED, FakeUpstream, needs_data

CLOCK = "Is this a nice gift for my host in Shanghai?"


def normguard(*args: str, env: dict[str, str] | None = None, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "guard", *args]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=timeout, env={**os.environ, **(env or {})}, check=False
    )


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


def test_a_port_in_use() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        run = normguard("serve", "--port", str(taken.getsockname()[1]))
    assert run.returncode == 2
    assert "Choose another --port" in run.stderr


def test_settings_from_file_environment_and_flags(tmp_path: Path) -> None:
    (tmp_path / "normguard.yaml").write_text("policy: nope-file\nport: 1\n")
    settings = ["serve", "--settings", str(tmp_path / "normguard.yaml"), "--port", "0"]
    assert "'nope-file'" in normguard(*settings).stderr
    assert "'nope-env'" in normguard(*settings, env={"NORMGUARD_POLICY": "nope-env"}).stderr
    flagged = normguard(*settings, "--policy", "nope-flag", env={"NORMGUARD_POLICY": "nope-env"})
    assert "'nope-flag'" in flagged.stderr
    (tmp_path / "normguard.yaml").write_text("prot: 1\n")
    assert "prot" in normguard(*settings).stderr


def test_norms_list_show_and_stats() -> None:
    listed = normguard("norms", "list", "--country", "cn").stdout.splitlines()
    assert len(listed) >= 25
    id_ = listed[0].split()[0]
    shown = normguard("norms", "show", id_).stdout
    for label in ("expected", "instead", "sources", "https://"):
        assert label in shown
    counted = json.loads(normguard("norms", "stats", "--json").stdout)
    assert counted["CN"]["norms"] == len(listed)
    assert "CN" in normguard("norms", "stats").stdout
    assert normguard("norms", "lint").returncode == 0


def test_norms_stats_draws_a_heat_map(tmp_path: Path) -> None:
    plot = tmp_path / "heat.png"
    assert normguard("norms", "stats", "--plot", str(plot)).returncode == 0
    with Image.open(plot) as image:
        assert image.width > 500
    refused = normguard("norms", "stats", "--plot", str(tmp_path / "nowhere" / "heat.png"))
    assert refused.returncode != 0
    assert "cannot be written" in refused.stderr


def test_norms_show_says_where_a_norm_came_from(tmp_path: Path) -> None:
    own = tmp_path / "jp.yaml"
    own.write_text("country: JP\nnorms: [{id: jp.gift.combs, severity: 2}]\noff: [jp.gift.wrapping]\n")
    wide = {"COLUMNS": "300"}
    changed = normguard("norms", "show", "jp.gift.combs", "--norms", str(tmp_path), env=wide).stdout
    assert "2, offence" in changed
    assert "jp.yaml" in changed
    assert str(own) in changed
    gone = normguard("norms", "show", "jp.gift.wrapping", "--norms", str(tmp_path))
    assert gone.returncode != 0
    assert f"switched off in {own}" in gone.stderr


def test_norms_schema_is_json_for_editors() -> None:
    whole = json.loads(normguard("norms", "schema").stdout)
    assert "gift" in whole["$defs"]["Norm"]["properties"]["situations"]["items"]["enum"]
    assert json.loads(normguard("norms", "schema", "--change").stdout)["required"] == ["country"]


def test_the_demo_shows_before_and_after() -> None:
    run = normguard("demo", env={"COLUMNS": "120", "NO_COLOR": "1"})
    assert run.returncode == 0, run.stderr
    for part in ("without NormGuard", "with NormGuard", "not a real one", "cn.gift.clock", "advise", "pass", "京都"):
        assert part in run.stdout


def test_serve_finishes_streams_in_flight_when_told_to_stop(upstream: FakeUpstream) -> None:
    command = [sys.executable, "-m", "guard", "serve", "--port", "0", "--upstream", upstream.base]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    ) as served:
        assert served.stdout is not None
        line = served.stdout.readline()
        address = re.search(r"http://[\d.]+:\d+", line)
        assert address, line
        base = address[0]
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                httpx.get(f"{base}/readyz")
                break
            except httpx.TransportError:
                time.sleep(0.05)
        received: list[bytes] = []

        def read() -> None:
            body = {"model": "slow", "stream": True, "messages": [{"role": "user", "content": "2+2?"}]}
            with httpx.stream("POST", f"{base}/v1/chat/completions", json=body) as response:
                received.extend(response.iter_raw())

        reader = threading.Thread(target=read)
        reader.start()
        while not received and reader.is_alive():
            time.sleep(0.01)
        served.send_signal(signal.SIGTERM)
        reader.join(timeout=10)
        assert b"".join(received).endswith(b"data: [DONE]\n\n")
        assert served.wait(timeout=10) in {0, -signal.SIGTERM}


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


@needs_data
def test_the_detection_benchmark_prints_and_saves(tmp_path: Path) -> None:
    out = tmp_path / "figures.json"
    run = normguard("bench", "detection", "--data", str(SHARED), "--json", str(out))
    assert run.returncode == 0, run.stderr
    figures = json.loads(out.read_text())
    assert figures["culture"]["English"]["share"] > 0.9
    assert figures["untouched_general"]["share"] > 0.9
    assert figures["guidance_tokens"]["max"] <= 350
    assert "right norm among those sent" in run.stdout
