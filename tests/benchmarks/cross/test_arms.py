"""The two arms: what each is sent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.cross.dataset import Choice
from benchmarks.cross.records import read_run
from benchmarks.cross.scripted import ScriptedServer
from guard.errors import NormGuardError
from tests.benchmarks.cross.samples import QUERIES, Run, summary


def test_both_arms_get_the_same_request_but_for_the_guidance(start: Run, clone: Path, scripted: ScriptedServer) -> None:
    assert start("follows", data=clone, choice=Choice(countries=["SA"])) == 0
    bare, guarded = (body for body in scripted.bodies if body["model"] == "follows")
    assert [message["role"] for message in bare["messages"]] == ["user"]
    assert [message["role"] for message in guarded["messages"]] == ["system", "user"]
    assert "Saudi Arabia" in guarded["messages"][0]["content"]
    assert guarded["messages"][1] == bare["messages"][0]
    text, picture = bare["messages"][0]["content"]
    assert text["text"] == QUERIES[6][1]
    assert picture["image_url"]["url"].startswith("data:image/png;base64,")
    assert {key: bare[key] for key in bare if key != "messages"} == {
        key: guarded[key] for key in guarded if key != "messages"
    }


def test_what_the_guard_passes_is_asked_once(start: Run, tmp_path: Path, scripted: ScriptedServer) -> None:
    cases = tmp_path / "cases.jsonl"
    cases.write_text('{"query": "How do I boil an egg?", "norm": "None.", "country": "FR"}\n')
    assert start("follows", cases=cases) == 0
    assert scripted.calls == {"follows": 1, "judge": 1}
    (one,) = read_run(tmp_path / "run").records
    assert one.answers["guarded"].action == "pass"
    assert one.answers["guarded"].text == one.answers["bare"].text


def test_failures_that_pass_are_waited_out(start: Run, clone: Path, tmp_path: Path, scripted: ScriptedServer) -> None:
    assert start("flaky", data=clone) == 0
    assert scripted.failures >= 2
    assert summary(tmp_path / "run")["missing"]["answers"] == {"bare": 0, "guarded": 0}


def test_at_the_address_of_a_deployed_proxy(
    start: Run, clone: Path, tmp_path: Path, scripted: ScriptedServer, start_proxy: Callable[..., str]
) -> None:
    url = f"{start_proxy(upstream=scripted.base)}/v1"
    japan = Choice(countries=["JP"])
    assert start("follows", data=clone, choice=japan, guard_url=url, guard_model="follows") == 0
    records = read_run(tmp_path / "run").records
    assert {record.answers["guarded"].action for record in records} == {"advise"}
    assert all(record.answers["guarded"].norms for record in records)
    calls = scripted.calls.copy()
    assert start("follows", data=clone, choice=japan, guard_url=url, guard_model="follows") == 0
    assert scripted.calls == calls, "the second time everything comes from the cache"


def test_an_address_without_a_proxy_is_told_before_anything_is_spent(
    start: Run, clone: Path, scripted: ScriptedServer
) -> None:
    with pytest.raises(NormGuardError, match="no NormGuard proxy answers there"):
        start("follows", data=clone, guard_url="http://127.0.0.1:9/v1")
    assert not scripted.calls
