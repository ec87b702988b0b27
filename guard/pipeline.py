"""The guard: evidence, candidates, scores, decision, guidance. A plain library object, with no web server in it."""

from __future__ import annotations

import hashlib
import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from guard.actions import Case, Handler, handler_of
from guard.actions.advise import advise
from guard.actions.base import AnswerCheck, Checker
from guard.answers.scorer import AnswerScorer
from guard.api import FORMATS
from guard.classifier.base import Scorer, Scores
from guard.classifier.student import StudentScorer, open_scorer
from guard.errors import ModelError
from guard.evidence.base import Parts
from guard.evidence.gather import Gatherer
from guard.evidence.memory import ConversationMemory
from guard.explain import Explanation, nearest
from guard.norms.compiled import open_library
from guard.norms.library import Library
from guard.norms.model import Norm
from guard.norms.retrieval import candidates
from guard.pictures.decode import PictureCache
from guard.pictures.isolated import Decoders
from guard.policy.decide import decide
from guard.policy.model import DEFAULT_POLICY, DeploymentPolicy, OnFault, Policies
from guard.settings import Settings, read_settings
from guard.types import Action, Decision, Exchange, Hints, Image, ScoredNorm
from guard.vision.model import VisionModel, open_vision
from guard.vision.ocr import SignReader

log = logging.getLogger("normguard")


class Guard:
    """Decides what a request needs, and gives it that.

    Building one takes under a second, the very first time in a checkout some twenty; it is then safe to use from many
    threads.

    Args:
        library: the norms to use; those that come with NormGuard by default.
        policies: the deployment policies that requests may name.
        policy: name of the policy that applies where a request names none.
        scorer: what judges; the trained classifier that comes with NormGuard by default.
        vision: what looks at pictures; without, only their captions, names and metadata are read.
        ocr: what reads text in pictures; without, it is not read.
        checker: what holds answers against norms under ``verify``; the trained check that comes with NormGuard by
            default.
        pictures, memory: caches that are gone on with, such as those of the guard that this one replaces.

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
        vision: VisionModel | None = None,
        ocr: SignReader | None = None,
        checker: Checker | None = None,
        pictures: PictureCache | None = None,
        memory: ConversationMemory | None = None,
    ) -> None:
        self.library = library or open_library()
        self.policies = policies or Policies()
        self.policy = self.policies.get(policy)
        self.scorer: Scorer = scorer or StudentScorer(self.library)
        self.pictures = pictures or PictureCache()
        self.vision = vision
        self.ocr = ocr
        self._checker = checker
        self._checker_missing = False
        self.memory = memory or ConversationMemory()
        self.gather = Gatherer(
            Parts(self.library, self.pictures, vision=vision, ocr=ocr, read=self.scorer.read, memory=self.memory)
        )

    @classmethod
    def from_settings(cls, settings: Settings | Path | str | None = None, *, old: Guard | None = None) -> Self:
        """The guard of a deployment: the same in the proxy, on the command line and in a program.

        Args:
            settings: its settings, or the file that holds them; ``normguard.yaml`` here, if there is one, and
                ``NORMGUARD_*`` in the environment where None.
            old: a guard whose caches this one goes on with.

        Raises:
            SettingsError, PackError, PolicyError, ModelError: a setting, or what it names, is missing or faulty.
        """
        if not isinstance(settings, Settings):
            settings = read_settings(Path(settings) if settings is not None else None)
        policies = Policies.with_own(settings.policies)
        forgiving = policies.get(settings.policy).on_fault.guard is OnFault.OPEN
        library = open_library(settings.norms)
        return cls(
            library=library,
            policies=policies,
            policy=settings.policy,
            scorer=open_scorer(settings.classifier, library, forgiving=forgiving),
            vision=open_vision(settings.vision, library.vocabulary, forgiving=forgiving),
            ocr=SignReader(settings.ocr_budget) if settings.ocr else None,
            pictures=old.pictures if old else PictureCache(decoder=Decoders() if os.name == "posix" else None),
            memory=old.memory if old else None,
        )

    @property
    def checker(self) -> Checker | None:
        """What holds answers against norms: the one that was given, or that comes with NormGuard, loaded when needed.

        None where it cannot be loaded: every answer is then a case for the judge.
        """
        if self._checker is None and not self._checker_missing:
            try:
                encode = self.scorer.encoder if isinstance(self.scorer, StudentScorer) else None
                self._checker = AnswerScorer(self.library, encode=encode)
            except ModelError as error:
                log.warning("answers are not checked locally: %s", error)
                self._checker_missing = True
        return self._checker

    def rules(self, policy: str | None) -> DeploymentPolicy:
        """The deployment policy of that name, or the guard's own; raises `PolicyError` if there is none."""
        return self.policies.get(policy) if policy else self.policy

    def prefetch(self, image: Image) -> Image:
        """A picture decoded and looked at ahead of the check, which then finds what it shows in caches.

        Raises:
            ImageError: as `check`.
        """
        return self.gather.prefetch(image)

    def check(self, exchange: Exchange | str, *, policy: str | None = None) -> Decision:
        """What the guard makes of a conversation (a string: of that single question).

        Raises:
            PolicyError: there is no policy of that name.
            ImageError: a picture is no image, is damaged, or exceeds a limit.
        """
        rules = self.rules(policy)
        exchange = Exchange.of(exchange) if isinstance(exchange, str) else exchange
        return self._decide(exchange, rules)

    def explain(self, exchange: Exchange | str, *, policy: str | None = None) -> Explanation:
        """Why `check` decides as it does: what was read where, which norms came near, and what the policy says to it.

        Raises:
            PolicyError, ImageError: as `check`.
        """
        rules = self.rules(policy)
        exchange = Exchange.of(exchange) if isinstance(exchange, str) else exchange
        decision, norms, scores = self._weighed(exchange, rules)
        near = nearest(norms, scores, rules, decision)
        return Explanation(decision, self.gather.bounded(exchange)[0], rules, near, len(norms))

    def apply(
        self,
        request: Mapping[str, Any],
        *,
        api: str = "chat",
        hints: Hints | None = None,
        policy: str | None = None,
    ) -> tuple[Mapping[str, Any], Decision]:
        """A request as it should be sent, and the decision behind it.

        Where nothing needs to be said, the very object that was given comes back. Under ``block`` nothing should be
        sent: the decision's `message` is the answer. Under ``verify`` the answer is then for `verification`.

        Args:
            request: the body of a request.
            api: whose shape it has: ``chat`` (Chat Completions), ``responses`` or ``messages`` (Anthropic).

        Raises:
            RequestError: the request has not the shape of one.
            PolicyError, ImageError: as `check`.
        """
        format_ = FORMATS[api]
        decision = self.check(format_.read(request, hints), policy=policy)
        return handler_of(decision.action).request(format_, request, decision), decision

    def case(self, exchange: Exchange, decision: Decision, rules: DeploymentPolicy) -> Case:
        """What the decision's action goes by."""
        norms = tuple(self.library.norms[norm.id] for norm in decision.norms)
        language = decision.findings.language if decision.findings else None
        asked = tuple(str(culture["code"]) for culture in decision.cultures)
        return Case(exchange.query, language, norms, asked, rules.options(decision.action), lambda: self.checker)

    def verification(self, exchange: Exchange, decision: Decision, *, policy: str | None = None) -> AnswerCheck | None:
        """The check that the answer to `exchange` is to pass, or None where the decision asks for none."""
        return handler_of(decision.action).check(self.case(exchange, decision, self.rules(policy)))

    def remember(self, thread: str, decision: Decision) -> None:
        """Keep what `decision` rests on for requests that only refer to its turn, by the provider's id of it."""
        if decision.findings is not None:
            self.memory.remember(thread, decision.findings)

    def _decide(self, exchange: Exchange, rules: DeploymentPolicy) -> Decision:
        return self._weighed(exchange, rules)[0]

    def _weighed(self, exchange: Exchange, rules: DeploymentPolicy) -> tuple[Decision, list[Norm], Scores]:
        """The decision, and the norms and scores that it was made of."""
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
        note = advise([norm for norm, _ in verdict.norms], budget=rules.token_budget, asked=findings.cultures)
        handler: Handler = handler_of(verdict.action if note else Action.PASS)
        shadow = None
        if handler.acts and _shadowed(exchange, rules.shadow_percent):
            handler, shadow = handler_of(Action.MONITOR), handler.name
        fields: Mapping[str, str] = {}
        if note and handler.acts:
            asked, options = tuple(findings.cultures), rules.options(handler.name)
            fields = handler.decided(Case(exchange.query, findings.language, note.norms, asked, options))
        lap("decision")
        concepts = sorted(
            {**findings.mentioned, **findings.shown}.items(),
            key=lambda item: (item[0] not in findings.shown, -item[1]),
        )
        decision = Decision(
            action=handler.name,
            shadow=shadow,
            sensitivity=verdict.sensitivity,
            cultures=tuple(
                {"code": code, "score": round(score, 3), "from": findings.sources[code]}
                | ({"role": role} if (role := findings.roles.get(code)) else {})
                for code, score in list(findings.cultures.items())[:5]
            ),
            situations=tuple(sorted(findings.situations, key=lambda id_: -findings.situations[id_])),
            concepts=tuple(id_ for id_, _ in concepts[:20]),
            norms=tuple(ScoredNorm(norm.id, relevance[norm.id], norm.title) for norm in note.norms) if note else (),
            guidance=note.text if note else None,
            tokens=note.tokens if note else 0,
            degraded=tuple(findings.degraded),
            timings_ms=timings,
            model=self.scorer.name + (f"+{self.vision.name}" if self.vision else ""),
            findings=findings,
            **fields,
        )
        return decision, norms, scores


def _shadowed(exchange: Exchange, percent: float) -> bool:
    """Whether a conversation is among those that are only monitored: by its first question, so that it stays so."""
    if percent <= 0:
        return False
    first = next((turn.text for turn in exchange.turns if turn.role == "user"), "")
    number = int.from_bytes(hashlib.sha256((exchange.thread or first).encode()).digest()[:4])
    return number / 2**32 * 100 < percent
