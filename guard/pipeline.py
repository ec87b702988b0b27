"""The guard: evidence, candidates, scores, decision, guidance. A plain library object, with no web server in it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from typing import Any

from guard.actions.advise import advise
from guard.api import chat
from guard.classifier.base import Scorer
from guard.classifier.student import StudentScorer
from guard.evidence.gather import Gatherer
from guard.evidence.ocr import TextReader
from guard.evidence.pictures import PictureCache
from guard.norms.library import Library
from guard.norms.packs import read_packs
from guard.norms.retrieval import candidates
from guard.norms.vocabulary import Vocabulary
from guard.policy.decide import decide
from guard.policy.model import DeploymentPolicy, Policies
from guard.types import Action, Decision, Exchange, Hints, ScoredNorm
from guard.vision.eyes import Eyes

DEFAULT_POLICY = "default"


class Guard:
    """Decides what a request needs, and gives it that.

    Building one reads the norm packs and takes a second or two; it is then safe to use from many threads.

    Args:
        library: the norms to use; those that come with NormGuard by default.
        policies: the deployment policies that requests may name.
        policy: name of the policy that applies where a request names none.
        scorer: what judges; the trained classifier that comes with NormGuard by default.
        eyes: what looks at pictures; without, only their captions, names and metadata are read.
        ocr: what reads text in pictures; without, it is not read.

    Raises:
        PackError: a norm pack is faulty.
        PolicyError: a policy is faulty, or `policy` does not exist.
        ModelError: the classifier is missing or damaged.

    Example:
        >>> guard = Guard()
        >>> guard.check("Is a wall clock a nice present for my host in Shanghai?").norms[0].id
        'cn.gift.clocks'
    """

    def __init__(
        self,
        *,
        library: Library | None = None,
        policies: Policies | None = None,
        policy: str = DEFAULT_POLICY,
        scorer: Scorer | None = None,
        eyes: Eyes | None = None,
        ocr: TextReader | None = None,
    ) -> None:
        self.library = library or Library(read_packs(), Vocabulary())
        self.policies = policies or Policies()
        self.policy = self.policies.get(policy)
        self.scorer: Scorer = scorer or StudentScorer(self.library)
        self.pictures = PictureCache()
        self.eyes = eyes
        self.ocr = ocr
        self.gather = Gatherer(self.library, self.pictures, eyes=eyes, ocr=ocr, reader=self.scorer.read)

    def see(self, data: bytes, *, param: str | None = None) -> None:
        """Decode and look at a picture ahead of the check, which then finds both in its caches.

        Raises:
            ImageError: as `check`.
        """
        picture = self.pictures.decode(data, param=param)
        if self.eyes is not None:
            with contextlib.suppress(Exception):  # the check meets the same fault, and reports it
                self.eyes.look(picture.thumbnail, picture.key)
        if self.ocr is not None:
            with contextlib.suppress(Exception):
                self.ocr.read(data, picture.key)

    def check(self, exchange: Exchange | str, *, policy: str | None = None) -> Decision:
        """What the guard makes of a conversation (a string: of that single question).

        Raises:
            PolicyError: there is no policy of that name.
            ImageError: a picture is no image, is damaged, or exceeds a limit.
        """
        rules = self.policies.get(policy) if policy else self.policy
        exchange = Exchange.of(exchange) if isinstance(exchange, str) else exchange
        return self._decide(exchange, rules)

    def apply(
        self, request: Mapping[str, Any], *, hints: Hints | None = None, policy: str | None = None
    ) -> tuple[Mapping[str, Any], Decision]:
        """A Chat Completions request as it should be sent, and the decision behind it.

        Where nothing needs to be said, the very object that was given comes back.

        Raises:
            RequestError: the request has not the shape of one.
            PolicyError, ImageError: as `check`.
        """
        decision = self.check(chat.read(request, hints), policy=policy)
        if decision.action is Action.ADVISE and decision.guidance:
            return chat.with_guidance(request, decision.guidance), decision
        return request, decision

    def _decide(self, exchange: Exchange, rules: DeploymentPolicy) -> Decision:
        timings: dict[str, float] = {}
        clock = time.perf_counter
        start = clock()

        def lap(stage: str) -> None:
            nonlocal start
            now = clock()
            timings[stage] = (now - start) * 1000
            start = now

        findings = self.gather(exchange)
        lap("evidence")
        norms = candidates(findings, self.library, allow=rules.countries.allow, floor=rules.thresholds.culture)
        lap("candidates")
        scores = self.scorer(exchange, findings, norms)
        lap("scores")
        verdict = decide(norms, scores, rules)
        relevance = {norm.id: score for norm, score in verdict.norms}
        note = advise([norm for norm, _ in verdict.norms], budget=rules.token_budget)
        lap("decision")
        concepts = sorted(
            {**findings.mentioned, **findings.shown}.items(),
            key=lambda item: (item[0] not in findings.shown, -item[1]),
        )
        return Decision(
            action=verdict.action if note else Action.PASS,
            sensitivity=verdict.sensitivity,
            cultures=tuple(
                {"code": code, "score": round(score, 3), "from": findings.sources[code]}
                for code, score in list(findings.cultures.items())[:5]
            ),
            situations=tuple(sorted(findings.situations, key=lambda id_: -findings.situations[id_])),
            concepts=tuple(id_ for id_, _ in concepts[:20]),
            norms=tuple(ScoredNorm(norm.id, relevance[norm.id], norm.title) for norm in note.norms) if note else (),
            guidance=note.text if note else None,
            tokens=note.tokens if note else 0,
            degraded=tuple(findings.degraded),
            timings_ms=timings,
            model=self.scorer.name + (f"+{self.eyes.name}" if self.eyes else ""),
        )
