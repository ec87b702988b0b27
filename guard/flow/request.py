"""The way of one request, from what a caller sent to what the caller gets.

Written once, as a generator of steps (`guard.flow.steps`) that proxy, wrapped clients and integrations carry out, each
in its own manner (`guard.flow.drive`). It touches no socket.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from guard.actions import handler_of
from guard.actions.base import AnswerCheck
from guard.actions.steps import Ask, Steps, Wanted
from guard.api import WireFormat
from guard.api.options import read_options
from guard.audit.record import Record
from guard.audit.trail import AuditTrail
from guard.errors import AccessError, GuardFault, PolicyError, RequestError
from guard.evidence import OUT_OF_TIME, dispensable
from guard.flow.faults import refused
from guard.flow.headers import VERIFY, bypassed, headers_of
from guard.flow.observer import Observer
from guard.flow.steps import Authorize, Call, Flow, Prepare, Read, Send, Sent, Work
from guard.observability.logs import without_content
from guard.pipeline import Guard
from guard.policy.model import DeploymentPolicy, OnFault
from guard.types import Decision, Exchange, Hints

log = logging.getLogger("normguard")

T = TypeVar("T")

_HEAD = 65_536
"""Bytes of a stream's beginning that are searched for the answer's id."""


class RequestFlow:
    """One request under way.

    Args:
        guard: what decides.
        api: the wire format that it came in.
        body: what the caller gave.
        headers: the caller's, for hints and policy.
        hints: what is known of all requests of this caller; what the request itself tells wins.
        audit: where decisions are kept; nowhere where None.
        observer: told of what happens.
        large: whether reading it takes long.
        id_: of the request; one is made where None.

    Attributes:
        body: what the caller gave, less the field that is ours.
        rules, policy: the policy that applies, and the name by which it was asked for.
        exchange, decision: what was read and decided; `decision` is None where the guard failed and is done without.
        out: what is sent.
        own: the answer that is given in place of the model's, which is then not asked; else None.
        changed: the model's answer as the caller may see it, where it was changed; else None.
        sent: the model's answer as it came, where there is one.
        stream: what its pieces go through on their way to the caller; None where they go as they come.
        headers: those that tell of the guard.
        key: public id of the caller's key, for the record.
    """

    def __init__(
        self,
        guard: Guard,
        api: WireFormat,
        body: Any,
        *,
        headers: Mapping[str, str] | None = None,
        hints: Hints | None = None,
        audit: AuditTrail | None = None,
        observer: Observer | None = None,
        large: bool = False,
        id_: str | None = None,
    ) -> None:
        self.guard = guard
        self.api = api
        self.body = self.out = body
        self.id = id_ or uuid.uuid4().hex
        self.policy: str | None = None
        self.rules: DeploymentPolicy | None = None
        self.exchange: Exchange | None = None
        self.decision: Decision | None = None
        self.own: dict[str, Any] | None = None
        self.sent: Sent | None = None
        self.changed: dict[str, Any] | None = None
        self.stream: GuardedStream | None = None
        self.headers: list[tuple[str, str]] = []
        self.key: str | None = None
        self._given = body
        self._asked_in = headers or {}
        self._hints = hints or Hints()
        self._audit = audit
        self._observer = observer or Observer()
        self._large = large
        self._check: AnswerCheck | None = None
        self._elapsed = 0.0
        self._recorded = False

    def __call__(self) -> Flow[None]:
        """The whole way."""
        yield from self.request()
        yield from self.answer()

    @property
    def streamed(self) -> bool:
        """Whether the caller wants an event stream."""
        return self.api.streamed(self.body)

    def request(self) -> Flow[None]:
        """The way to what is sent.

        Raises:
            RequestError, PolicyError: the caller's fault.
            AccessError: the request is not let in, or the policy refuses it for a fault.
            GuardFault: the guard failed, and the policy refuses requests then.
        """
        start = time.perf_counter()
        options = read_options(self._asked_in, self._given)
        if not options.plain:
            self.body = self.out = options.stripped(self._given)
        hints = options.hints.over(self._hints)
        self.policy = yield Authorize(self.api.model(self.body), options.policy)
        self.rules = rules = self.guard.rules(self.policy)
        if rules.on_fault.audit is OnFault.CLOSED and (self._audit is None or self._audit.writer.full):
            raise refused("Decisions cannot be kept at the moment", "audit_unavailable")
        try:
            read = partial(self.api.read, self.body, hints)
            self.exchange = (yield Work(read)) if self._large else read()
            decision = yield from self._decide(rules)
            self.decision = yield from self._act(decision, rules)
        except (AccessError, PolicyError, RequestError):
            raise
        # The guard's own fault, whatever it is, must not take the application down, unless the policy says so.
        except Exception as error:
            log.error("guard fault, request %s: %s", self.id, without_content(error))
            if rules.on_fault.guard is OnFault.CLOSED:
                raise GuardFault from None
            self.out, self.own, self._check = self.body, None, None
            self.headers = bypassed(self.id)
            self._observer.bypassed()
            return
        self._elapsed = time.perf_counter() - start
        self.headers = headers_of(self.decision, self._elapsed, self.id) + self.headers
        self._observer.decided(self.decision, self._elapsed)
        if conversation := self.api.continues(self.body):
            self._remember(conversation)

    def answer(self) -> Flow[None]:
        """The way back from what is sent to what the caller gets."""
        if self.own is not None:
            return
        named = self.api.keeps_turns
        readable = self._check is not None or named
        self.sent = sent = yield Send(self.out, self.out is not self._given, readable)
        if not sent.ok or not readable:
            return
        if sent.streams:
            self.stream = GuardedStream(self, self._check, named=named)
            return
        data = yield Read(sent)
        if named:
            self._remember(self.api.named(data))
        if self._check is not None:
            yield from self._verify(self._check, data)

    def record(self, status: int) -> None:
        """Keep what was decided and what became of it, once; a stream that is checked is recorded at its end."""
        if self._audit is None or self._recorded:
            return
        if self.decision is None or self.exchange is None or self.rules is None:
            return
        if self.stream is not None and self._check is not None and not self.stream.closed:
            self.stream.status = status
            return
        self._recorded = True
        self._audit.record(
            Record.of(
                self.exchange,
                self.decision,
                secret=self._audit.writer.secret,
                request_id=self.id,
                api=self.api.name,
                model=self.api.model(self.body),
                policy=self.rules,
                packs_hash=self.guard.library.digest,
                http_status=status,
                latency_ms=self._elapsed * 1000,
                verify=next((value for name, value in reversed(self.headers) if name == VERIFY), None),
                content=self._audit.content,
                key=self.key,
            )
        )

    def _decide(self, rules: DeploymentPolicy) -> Flow[Decision]:
        exchange, late = self.exchange, False
        assert exchange is not None
        if exchange.images or exchange.thread is not None:
            try:
                exchange = yield Prepare(exchange, rules)
            except TimeoutError:
                if rules.on_fault.timeout is OnFault.CLOSED:
                    raise refused("The guard ran out of time", "guard_timeout") from None
                exchange, late = exchange.without_pictures(), True
            self.exchange = exchange
        decision = self.guard.check(exchange, policy=self.policy)  # what is slow about it was done ahead
        if late:
            decision = replace(decision, degraded=(*decision.degraded, OUT_OF_TIME))
        if rules.on_fault.evidence is OnFault.CLOSED and (failed := set(decision.degraded) - dispensable()):
            raise refused(f"The guard cannot use all that it goes by ({', '.join(sorted(failed))})", "guard_degraded")
        return decision

    def _act(self, decision: Decision, rules: DeploymentPolicy) -> Flow[Decision]:
        assert self.exchange is not None
        handler = handler_of(decision.action)
        if not handler.acts:
            return decision
        case = self.guard.case(self.exchange, decision, rules)
        decision = yield from self.carried(handler.asked(case, decision))
        self.own = handler.answer(self.api, self.body, decision, id_=self.id)
        if self.own is not None:
            return decision
        self.out = handler.request(self.api, self.body, decision)
        self._check = handler.check(case)
        if self._check is not None:
            # JSON is no prose, and an answer that is fetched later never comes this way.
            structured = self.api.structured(self.body)
            if structured or self.api.deferred(self.body):
                self._check = None
                self.headers.append((VERIFY, f"skipped ({'structured' if structured else 'background'})"))
            elif self.streamed:
                self.headers.append((VERIFY, "streamed"))
        return decision

    def carried(self, steps: Steps[T]) -> Flow[T]:
        """An action's work, with what it wants asked of models."""
        try:
            wanted = next(steps)
            while True:
                wanted = steps.send((yield from self._ask(wanted)))
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]

    def _ask(self, wanted: Wanted) -> Flow[str | None]:
        if isinstance(wanted, Ask):
            body = self.api.question(wanted.model, wanted.system, wanted.prompt, max_tokens=wanted.max_tokens)
        else:
            body = self.api.follow_up(self.out, wanted.answer, wanted.instruction)
        answer = (yield Call(wanted, body)) if body is not None else None
        return "\n".join(self.api.texts(answer).values()) or None if answer is not None else None

    def _verify(self, check: AnswerCheck, data: Any) -> Flow[None]:
        try:
            answer = self.api.parsed(data)
            if answer is None:
                raise ValueError("no answer that can be read")
            self.changed = yield from self.carried(check.answer(self.api, answer))
        except Exception as error:
            self.verify_failed(error)
            return
        if check.outcome is not None:
            self.headers.append((VERIFY, str(check.outcome)))
            self._observer.verified(check.outcome)

    def verify_failed(self, error: Exception) -> None:
        """The check of an answer failed: it goes on unchecked, or `GuardFault` is raised, as the policy says."""
        log.error("fault in the check of an answer, request %s: %s", self.id, without_content(error))
        self._observer.verified("failed")
        if self.rules is not None and self.rules.on_fault.verify is OnFault.CLOSED:
            raise GuardFault from None
        self.headers.append((VERIFY, "failed"))

    def _remember(self, id_: str | None) -> None:
        if id_ is not None and self.decision is not None:
            self.guard.remember(id_, self.decision)
            self._observer.remembered(id_, self.decision)

    def stream_over(self, check: AnswerCheck | None) -> None:
        """A stream is over, however it ended."""
        if check is not None and check.outcome is not None:
            self._observer.verified(check.outcome)
            self.headers.append((VERIFY, str(check.outcome)))


class GuardedStream:
    """An answer's pieces on their way to the caller: searched for the answer's id, checked sentence by sentence.

    Attributes:
        status: HTTP status to record at the end, once it is known.
    """

    def __init__(self, flow: RequestFlow, check: AnswerCheck | None, *, named: bool) -> None:
        self.status: int | None = None
        self.closed = False
        self._flow = flow
        self._check = check
        self._passing = check.stream(flow.api) if check is not None else None
        self._head: bytes | None = b"" if named else None

    def feed(self, chunk: bytes | None) -> Flow[bytes]:
        """What may go out once `chunk` has come, or has not: None is the end.

        Raises:
            GuardFault: the check failed, and the policy says that the stream ends then.
        """
        if self._head is not None and chunk is not None:
            self._search(chunk)
        if self._passing is None:
            return chunk or b""
        try:
            steps = self._passing.finish() if chunk is None else self._passing.feed(chunk)
            return (yield from self._flow.carried(steps))
        except Exception as error:
            held, self._passing = self._passing.abandon(), None
            self._flow.verify_failed(error)
            return held

    def close(self) -> None:
        """It is over: at its end, or because somebody went away."""
        if not self.closed:
            self.closed = True
            self._flow.stream_over(self._check if self._passing is not None else None)
            if self.status is not None:
                self._flow.record(self.status)

    def _search(self, chunk: bytes) -> None:
        head = (self._head or b"") + chunk
        id_ = self._flow.api.named(head)
        self._flow._remember(id_)
        self._head = None if id_ or len(head) > _HEAD else head
