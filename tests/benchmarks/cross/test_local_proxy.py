"""The guarded arm in process: nothing but the guard may tell it from the bare one."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from benchmarks.cross import task
from benchmarks.cross.arms import bare_answer
from tests.benchmarks.cross.samples import NORMS, Run, summary


def sixty(tmp_path: Path) -> Path:
    path = tmp_path / "cases.jsonl"
    line = {"norm": NORMS["clocks"], "country": "CN"}
    lines = [{**line, "query": f"Is clock number {n} a good gift for my host in Shanghai?"} for n in range(60)]
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    return path


def test_a_loop_that_is_held_up_loses_no_answer_of_either_arm(
    start: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    async def held_up(*given: Any, **named: Any) -> Any:
        asked.append(given)
        if len(asked) == 5:  # as by work of Inspect's own in the loop that proxy and samples share
            for _ in range(3):
                time.sleep(1)  # noqa: ASYNC251
                await asyncio.sleep(0.01)
        return await bare_answer(*given, **named)

    monkeypatch.setattr(task, "bare_answer", held_up)
    assert start("follows", cases=sixty(tmp_path)) == 0
    assert len(asked) == 60
    assert summary(tmp_path / "run")["missing"]["answers"] == {"bare": 0, "guarded": 0}


def test_a_connection_that_breaks_is_tried_again(
    start: Run, clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    post, broken = aiohttp.ClientSession.post, []

    def breaking(self: aiohttp.ClientSession, url: str, **named: Any) -> Any:
        if len(broken) < 2:
            broken.append(url)
            raise aiohttp.ServerDisconnectedError
        return post(self, url, **named)

    monkeypatch.setattr(aiohttp.ClientSession, "post", breaking)
    assert start("follows", data=clone) == 0
    assert len(broken) == 2
    assert summary(tmp_path / "run")["missing"]["answers"] == {"bare": 0, "guarded": 0}
