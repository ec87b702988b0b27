"""The ratios of a run. No speed is asserted here."""

from __future__ import annotations

from benchmarks.overhead.load import Run
from benchmarks.overhead.run import ratios
from benchmarks.overhead.series import CONNECTIONS


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
