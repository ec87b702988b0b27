"""The benchmark of what the proxy costs: its load, its upstream, its statistics. No speed is asserted here."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from pathlib import Path

import anthropic
import pytest
import uvicorn
from click.testing import CliRunner
from openai import OpenAI
from PIL import Image

from benchmarks.overhead import upstream as bare
from benchmarks.overhead.load import Case, Run, ask, measured
from benchmarks.overhead.run import ratios
from benchmarks.overhead.series import CONNECTIONS, SERIES, write_larger
from benchmarks.overhead.soak import memory, slope
from guard.api import FORMATS
from guard.cli.bench import bench
from guard.norms.packs import read_packs
from guard.proxy.serve import listen
from guard.settings import Settings
from tests.conftest import running


@pytest.fixture(scope="module")
def address() -> object:
    bound = listen(Settings(port=0))
    with running(uvicorn.Server(uvicorn.Config(bare.app, log_level="error", lifespan="off")), [bound]):
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


def test_the_bare_upstream_speaks_all_apis(address: str) -> None:
    openai = OpenAI(base_url=f"{address}/v1", api_key="x")
    messages = [{"role": "user", "content": "hello"}]
    said = openai.chat.completions.create(model="m", messages=messages).choices[0].message.content
    streamed = openai.chat.completions.create(model="m", messages=messages, stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in streamed) == said
    assert openai.responses.create(model="m", input="hello").output_text == said
    assert any(
        event.type == "response.completed" for event in openai.responses.create(model="m", input="x", stream=True)
    )
    client = anthropic.Anthropic(base_url=address, api_key="x")
    assert client.messages.create(model="m", max_tokens=9, messages=messages).content[0].text == said
    with client.messages.stream(model="m", max_tokens=9, messages=messages) as stream:
        assert "".join(stream.text_stream) == said


@pytest.mark.parametrize("kind", ["text", "image"])
@pytest.mark.parametrize("api", FORMATS)
def test_cases_are_requests_of_their_api(api: str, kind: str) -> None:
    case = Case(kind, stream=True, api=api)
    bodies = [json.loads(case.body(number)) for number in range(8)]
    exchanges = [FORMATS[api].read(body) for body in bodies]
    assert len({exchange.query for exchange in exchanges}) == 8, "no text comes twice"
    assert all(body["stream"] for body in bodies)
    pictures = [image.data for exchange in exchanges for image in exchange.images]
    assert len(set(pictures)) == (8 if kind == "image" else 0)
    if kind == "image":
        assert Image.open(io.BytesIO(pictures[0] or b"")).size == (1024, 768)
        assert base64.b64decode(base64.b64encode(pictures[0] or b""))


def test_a_series_counts_what_it_sends(address: str) -> None:
    run = measured("bare", address, Case(), 4, 120)
    assert (run.requests, run.failed, run.connections, run.api) == (120, 0, 4, "chat")
    assert 0 < run.median <= run.p99
    assert run.first_token_median <= run.median
    times = asyncio.run(ask(address, Case(), 3, iter([Case().body(n) for n in range(10)])))
    assert len(times.whole) == len(times.first) == 10


def made(server: str, connections: int, *, kind: str = "text", stream: bool = False, **more: float) -> Run:
    given = {"median": 1.0, "p99": 2.0, "first_token_median": 0.5, "per_second": 100.0, **more}
    return Run(server, kind, stream, connections, 10, 0, **given)


def test_ratios_are_of_the_same_run() -> None:
    runs = []
    for kind in ("text", "image"):
        for stream in (False, True):
            for connections in CONNECTIONS:
                where = {"kind": kind, "stream": stream}
                runs.append(made("bare upstream", connections, **where))
                runs.append(
                    made("normguard", connections, median=2.5, first_token_median=1.7, per_second=300.0, **where)
                )
                runs.append(made("litellm", connections, per_second=20.0, **where))
                if (kind, stream) == ("text", False):
                    runs.append(made("litellm, hook on", connections, per_second=15.0))
    found = ratios(runs)
    assert found["text: added to the median, 1 connection (ms)"] == 1.5
    assert found["text: first token later, 1 connection (ms)"] == 1.2
    assert found["text: throughput over LiteLLM, 32 connections"] == 15.0
    assert found["text: throughput over LiteLLM with a hook, 32 connections"] == 20.0
    assert "image: throughput over LiteLLM with a hook, 32 connections" not in found


def test_larger_packs_are_sound(tmp_path: Path) -> None:
    before = sum(len(pack.norms) for pack in read_packs().values())
    assert write_larger(tmp_path) == 2 * before
    shipped = Path(__file__).parents[1] / "policies" / "norms"
    packs = read_packs([shipped, tmp_path])
    assert sum(len(pack.norms) for pack in packs.values()) == 3 * before


def test_slopes() -> None:
    assert slope([(hour, 100 + 5 * hour) for hour in range(20)]) == (5.0, 5.0, 5.0)
    middle, low, high = slope([(x, 100 + (-1) ** x) for x in range(40)])
    assert low <= 0 <= high
    assert abs(middle) < 0.5
    assert memory(__import__("os").getpid()) > 10


def test_the_commands_options() -> None:
    run = CliRunner().invoke
    assert run(bench, ["overhead", "--only", "nothing"]).exit_code == 2
    assert run(bench, ["overhead", "--soak", "1"]).exit_code == 2
    assert run(bench, ["faults", "--only", "nothing"]).exit_code == 2
    assert set(SERIES) == {"headline", "apis", "actions", "sizes", "connections"}
