"""One table of requests, actions and faults: proxy, wrapped clients and integrations do the same with each."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from openai import AsyncOpenAI, OpenAI

from guard import Guard
from guard.audit.store import Store
from guard.audit.trail import AuditTrail
from guard.audit.writer import Writer
from guard.classifier.base import Scores
from guard.deployment.local import Local
from guard.sdk.client import _behind
from guard.sdk.transport import GuardedTransport
from guard.testing import fine
from tests.conftest import FakeUpstream
from tests.flow.ways import Seen, through_async_wrap, through_integration, through_proxy, through_wrap
from tests.policies import BAD, GOOD, POLICIES, AsPolicies, BrokenVision, Scripted, SlowVision, same
from tests.samples import CLOCK, HARMLESS, data_url, png
from tests.waiting import wait_for

WAYS = ("proxy", "wrap", "wrap-async", "integration")
PATIENCE = {"slow": 0.4}
"""Seconds that a guard gets for pictures, where it is not to have as many as it wants."""

MORE: dict[str, Any] = {
    "closed": {"on_fault": "closed"},
    "evidence-closed": {"on_fault": {"evidence": "closed"}},
    "timeout-closed": {"on_fault": {"timeout": "closed"}},
    "audit-closed": {"on_fault": {"audit": "closed"}},
    "verify-closed": {"actions": same("verify"), "on_fault": {"verify": "closed"}},
}


class BrokenScorer:
    name = "broken"

    def read(self, *_: Any) -> tuple[()]:
        return ()

    def __call__(self, exchange: Any, *_: Any) -> Scores:
        raise ZeroDivisionError(f"cannot score: {exchange.query}")


class BrokenChecker(Scripted):
    def __call__(self, *_: Any) -> tuple[float, ...]:
        raise ZeroDivisionError


@dataclass(frozen=True)
class Case:
    """A request and what is right.

    Attributes:
        guard: which guard; see `guards`.
        says: what the upstream answers to a request's body; it is out of order where that is None.
        body: more fields of the request.
        status, code, action, state, verify, broken: of the answer and its headers, right for every way.
        text: a part of the answer's text.
        sends: how many requests reach the upstream.
        unchanged: whether the upstream gets the caller's very bytes.
        kept: fields of the record; None where nothing is kept.
    """

    name: str
    policy: str = "default"
    guard: str = "sound"
    query: str = CLOCK
    picture: bool = False
    says: Callable[[dict[str, Any]], str | None] | None = None
    body: dict[str, Any] = field(default_factory=dict)
    status: int = 200
    code: str | None = None
    action: str | None = "advise"
    state: str | None = "ok"
    verify: str | None = None
    text: str = "fine"
    broken: bool = False
    sends: int = 1
    unchanged: bool = False
    kept: dict[str, Any] | None = field(default_factory=dict)


def _again(request: dict[str, Any]) -> str:
    return GOOD if "people there expect" in str(request["messages"][-1]) else BAD


def _judged(request: dict[str, Any]) -> str:
    return (
        '{"breach": [1]}'
        if request["model"] == "judge"
        else GOOD
        if "there expect" in str(request)
        else "An hourglass."
    )


def _small(request: dict[str, Any]) -> str:
    return "Is a clock fitting in China?" if request["model"] == "small" else "fine"


REFUSED: dict[str, Any] = {"action": None, "state": None, "text": "", "sends": 0, "kept": None}
BYPASSED: dict[str, Any] = {"action": None, "state": "bypassed", "unchanged": True, "kept": None}
STREAM: dict[str, Any] = {"body": {"stream": True}}
CASES = [
    Case("pass", query=HARMLESS, action="pass", unchanged=True, kept={"action": "pass", "norms": []}),
    Case("advise", kept={"action": "advise", "http_status": 200}),
    Case("advise, streamed", says=lambda _: GOOD, text=GOOD, **STREAM),
    Case("rewrite", "rewrite", action="rewrite"),
    Case("rewrite by a model", "rewrite-model", says=_small, action="rewrite", sends=2,
         kept={"rewritten": "Is a clock fitting in China?"}),
    Case("rewrite, the model being away", "rewrite-model", says=lambda r: None if r["model"] == "small" else "fine",
         action="rewrite", sends=2),
    Case("block", "block", action="block", text="Before going on", sends=0, kept={"action": "block"}),
    Case("block, streamed", "block", action="block", text="Before going on", sends=0, **STREAM),
    Case("monitor", "monitor", action="monitor", unchanged=True, kept={"action": "monitor"}),
    Case("shadow", "shadow", action="monitor", unchanged=True, kept={"shadow": "advise"}),
    Case("verify, a good answer", "verify", says=lambda _: GOOD, action="verify", verify="cleared", text=GOOD,
         kept={"verify": "cleared"}),
    Case("verify, revised", "verify", says=_again, action="verify", verify="revised", text=GOOD, sends=2,
         kept={"verify": "revised"}),
    Case("verify, noted", "verify-note", says=lambda _: BAD, action="verify", verify="noted",
         text="A word about local customs", kept={"verify": "noted"}),
    Case("verify, judged", "verify-judge", says=_judged, action="verify", verify="revised", text=GOOD, sends=3),
    Case("verify, JSON asked for", "verify", says=lambda _: BAD, body={"response_format": {"type": "json_object"}},
         action="verify", verify="skipped (structured)", text=BAD),
    Case("verify, streamed", "verify", says=_again, action="verify", verify="streamed", text=GOOD, sends=2,
         kept={"verify": "revised"}, **STREAM),
    Case("the provider refuses", body={"model": "rate-limited"}, status=429, code="rate_limit_exceeded", text="",
         kept={"http_status": 429}),
    Case("the provider refuses, verified", "verify", body={"model": "rate-limited"}, status=429, action="verify",
         code="rate_limit_exceeded", text="", kept={"http_status": 429, "verify": None}),
    Case("guard fault", guard="broken", **BYPASSED),
    Case("guard fault, closed", "closed", guard="broken", status=500, code="guard_fault", **REFUSED),
    Case("evidence fails", guard="blind", picture=True, state="degraded", kept={"degraded": ["vision"]}),
    Case("evidence fails, closed", "evidence-closed", guard="blind", picture=True, status=503, code="guard_degraded",
         **REFUSED),
    Case("pictures take too long", guard="slow", picture=True, state="degraded"),
    Case("pictures take too long, closed", "timeout-closed", guard="slow", picture=True, status=503,
         code="guard_timeout", **REFUSED),
    Case("no audit trail", guard="unkept", kept=None),
    Case("no audit trail, closed", "audit-closed", guard="unkept", status=503, code="audit_unavailable", **REFUSED),
    Case("an audit trail, closed", "audit-closed"),
    Case("the check fails", "verify", guard="unchecked", says=lambda _: BAD, action="verify", verify="failed",
         text=BAD, kept={"verify": "failed"}),
    Case("the check fails, closed", "verify-closed", guard="unchecked", says=lambda _: BAD, status=500,
         code="guard_fault", action=None, state=None, text=""),
    Case("the check fails, streamed", "verify", guard="unchecked", says=lambda _: BAD, action="verify",
         verify="streamed", text=BAD, kept={"verify": "failed"}, **STREAM),
    Case("the check fails, streamed, closed", "verify-closed", guard="unchecked", says=lambda _: BAD, action="verify",
         verify="streamed", text="", broken=True, **STREAM),
    Case("no such policy", "nope", status=400, code="unknown_policy", **REFUSED),
    Case("a field of ours misspelt", body={"normguard": {"contry": "CN"}}, status=400, code="invalid_normguard_field",
         **REFUSED),
    Case("messages of no shape", body={"messages": 7}, status=400, code="invalid_request", **REFUSED),
    Case("a broken picture", body={"messages": [{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]}]}, status=400,
        code="invalid_image", **REFUSED),
    Case("a hint in the body", query="Is this a good gift for my host?",
         body={"normguard": {"country": "CN", "captions": ["a wall clock"]}}),
]  # fmt: skip
BY_NAME = {case.name: case for case in CASES}


@pytest.fixture(scope="module")
def guards(guard: Guard) -> dict[str, Guard]:
    policies = AsPolicies(**POLICIES, **MORE)

    def made(**parts: Any) -> Guard:
        given = {"scorer": guard.scorer, "checker": Scripted(), **parts}
        return Guard(library=guard.library, policies=policies, **given)

    return {
        "sound": made(),
        "unkept": made(),
        "broken": made(scorer=BrokenScorer()),
        "blind": made(vision=BrokenVision()),
        "slow": made(vision=SlowVision()),
        "unchecked": made(checker=BrokenChecker()),
    }


@pytest.fixture(scope="module")
def seen(
    guards: dict[str, Guard],
    start_proxy: Callable[..., str],
    _upstream: FakeUpstream,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[tuple[str, str], Seen]:
    """What became of each case, by way and name."""
    folder = tmp_path_factory.mktemp("audit")
    url = {way: f"sqlite:///{folder / way}.db" for way in WAYS}
    writers = {way: Writer(Store(url[way])) for way in WAYS[1:]}
    proxies: dict[str, str] = {}
    for name, its in guards.items():
        audit = "none" if name == "unkept" else url["proxy"]
        proxies[name] = start_proxy(
            its, upstream=_upstream.base, audit=audit, audit_content=True, guard_timeout=PATIENCE.get(name, 60)
        )
    found: dict[tuple[str, str], Seen] = {}
    for number, case in enumerate(CASES):
        for way in WAYS:
            _upstream.bodies.clear()
            _upstream.says = case.says or fine
            # Pictures are looked at once: another for each, so that none is known already.
            body = _body(case, number * len(WAYS) + WAYS.index(way))
            if (vision := guards[case.guard].vision) is not None:
                vision.opened = threading.Event()  # type: ignore[attr-defined]
            if way == "proxy":
                found[way, case.name] = through_proxy(proxies[case.guard], case.policy, body, _upstream)
                _let(guards[case.guard])
                continue
            trail = AuditTrail(writers[way], content=True) if case.guard != "unkept" else None
            local = Local(guards[case.guard], audit=trail, guard_timeout=PATIENCE.get(case.guard, 60))
            through = {"wrap": through_wrap, "wrap-async": through_async_wrap, "integration": through_integration}[way]
            if way == "integration" and case.policy == "nope":
                continue  # its policy is named when it is made, which raises
            found[way, case.name] = through(local, case.policy, body, _upstream)
            _let(guards[case.guard])
    _upstream.says = fine
    for writer in writers.values():
        writer.close()
    for way in WAYS:
        for row in _rows(url[way], CASES):
            if (way, row["case"]) in found:
                assert found[way, row["case"]].row is None, f"{way}: {row['case']} was recorded twice"
                found[way, row["case"]].row = row
    return found


def _let(guard: Guard) -> None:
    """Lets a slow vision model go on, so that it keeps nobody else waiting."""
    if guard.vision is not None:
        guard.vision.opened.set()  # type: ignore[attr-defined]


def _body(case: Case, number: int) -> bytes:
    text = f"{case.query} ({case.name})" if case.query == CLOCK else case.query
    content: Any = text
    if case.picture:
        picture = {"type": "image_url", "image_url": {"url": data_url(png((64 + number, 48)))}}
        content = [{"type": "text", "text": text}, picture]
    body = {"model": "m", "user": case.name, "messages": [{"role": "user", "content": content}], **case.body}
    return json.dumps(body, indent=1).encode()  # as no encoder of ours writes it


def _rows(url: str, cases: list[Case]) -> list[dict[str, Any]]:
    store = Store(url)
    deadline = time.monotonic() + 15
    while True:
        rows = [{**row, "case": _case_of(row, cases)} for row in store.read()]
        if len(rows) >= sum(case.kept is not None for case in cases) - 1 or time.monotonic() > deadline:
            return rows
        time.sleep(0.1)


def _case_of(row: dict[str, Any], cases: list[Case]) -> str:
    asked = row["query"]
    for case in cases:
        if f"({case.name})" in asked or (case.query == asked and case.query != CLOCK):
            return case.name
    raise AssertionError(asked)


@pytest.mark.parametrize("name", BY_NAME)
@pytest.mark.parametrize("way", WAYS)
def test_each_way_does_what_is_right(seen: dict[tuple[str, str], Seen], way: str, name: str) -> None:
    case = BY_NAME[name]
    if (way, name) not in seen:
        pytest.skip("an integration's policy is checked when it is made")
    got = seen[way, name]
    assert (got.status, got.code, got.broken) == (case.status, case.code, case.broken)
    assert case.text.strip() in got.text
    assert got.headers.get("x-normguard-action") == case.action
    assert got.headers.get("x-normguard-verify") == case.verify
    if way != "proxy" or case.state is not None:
        assert got.headers.get("x-normguard-status") == case.state
    assert len(got.sent) == case.sends
    if case.unchanged:
        assert got.sent == [_sent_as(case, got)]
    if case.kept is None:
        assert got.row is None
    else:
        assert got.row is not None, "nothing was recorded"
        assert {name: got.row[name] for name in case.kept} == case.kept
        assert got.row["http_status"] == case.status


def _sent_as(case: Case, got: Seen) -> bytes:
    numbers = range(len(CASES) * len(WAYS))
    return next((body for n in numbers if (body := _body(case, n)) == got.sent[0]), b"(not what the caller gave)")


@pytest.mark.parametrize("name", BY_NAME)
def test_the_ways_do_the_same(seen: dict[tuple[str, str], Seen], name: str) -> None:
    """Beyond what is written down above: texts, what the upstream was sent, every header, the record."""
    ways = [seen[way, name] for way in WAYS if (way, name) in seen]
    first = ways[0]
    for other in ways[1:]:
        assert other.text == first.text
        assert [_comparable(body) for body in other.sent] == [_comparable(body) for body in first.sent]
        # A proxy numbers what it refuses, too; a wrapped client's error is the provider's own.
        timed = {"x-normguard-latency-ms", "x-normguard-request-id"}
        names = (first.headers.keys() | other.headers.keys()) - timed
        assert {n: other.headers.get(n) for n in names} == {n: first.headers.get(n) for n in names}
        kept = ("action", "http_status", "verify", "norms", "cultures", "degraded", "shadow", "tokens", "rewritten")
        assert (other.row is None) == (first.row is None)
        if other.row is not None and first.row is not None:
            assert {n: other.row[n] for n in kept} == {n: first.row[n] for n in kept}


def _comparable(body: bytes) -> Any:
    request = json.loads(body)
    for message in request["messages"]:
        if isinstance(message.get("content"), list):
            message["content"] = [part for part in message["content"] if part.get("type") != "image_url"]
    return request


def _leave_early(way: str, address: str, local: Local, body: bytes, upstream: FakeUpstream) -> None:
    headers = {"x-normguard-policy": "verify", "content-type": "application/json"}
    if way == "proxy":
        with httpx.stream("POST", f"{address}/v1/chat/completions", content=body, headers=headers) as response:
            next(response.iter_raw())
    elif way == "wrap":
        with OpenAI(base_url=upstream.base, api_key="k", max_retries=0) as client:
            http = _behind(GuardedTransport(local), client._client, is_async=False)
            with http.stream("POST", f"{upstream.base}/chat/completions", content=body, headers=headers) as response:
                next(response.iter_raw())
    else:

        async def leave() -> None:
            async with AsyncOpenAI(base_url=upstream.base, api_key="k", max_retries=0) as client:
                http = _behind(GuardedTransport(local), client._client, is_async=True)
                url = f"{upstream.base}/chat/completions"
                async with http.stream("POST", url, content=body, headers=headers) as response:
                    await anext(response.aiter_raw())

        asyncio.run(leave())


@pytest.mark.parametrize("way", WAYS[:3])
def test_a_caller_that_goes_away_is_recorded_and_ends_the_upstreams_work(
    guards: dict[str, Guard], start_proxy: Callable[..., str], upstream: FakeUpstream, tmp_path: Path, way: str
) -> None:
    url = f"sqlite:///{tmp_path}/audit.db"
    address, writer = "", None
    if way == "proxy":
        address = start_proxy(guards["sound"], upstream=upstream.base, audit=url)
    else:
        writer = Writer(Store(url))
    local = Local(guards["sound"], audit=AuditTrail(writer) if writer else None)
    body = {"model": "endless", "stream": True, "messages": [{"role": "user", "content": CLOCK}]}
    _leave_early(way, address, local, json.dumps(body).encode(), upstream)
    assert upstream.cancelled.wait(5)
    wait_for(lambda: Store(url).count() == 1)
    row = next(Store(url).read())
    assert (row["action"], row["http_status"]) == ("verify", 200)


def test_no_log_holds_what_a_user_said(
    guards: dict[str, Guard], upstream: FakeUpstream, caplog: pytest.LogCaptureFixture
) -> None:
    for through in (through_wrap, through_async_wrap, through_integration):
        through(Local(guards["broken"]), "default", _body(BY_NAME["guard fault"], 0), upstream)
    assert "ZeroDivisionError" in caplog.text
    assert "Shanghai" not in caplog.text
