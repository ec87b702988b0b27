"""The neutral forms that every part of the guard shares: what was asked, what was noticed, what was decided."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Literal, Self

if TYPE_CHECKING:
    from PIL import Image as Pillow


@dataclass(frozen=True, slots=True)
class Picture:
    """What was read from an encoded image.

    Attributes:
        format: ``JPEG``, ``PNG``, ``WEBP``, ``GIF`` or ``HEIF``.
        size: width and height in pixels, as stored.
        thumbnail: upright RGB picture, by default of at most 384 x 384 pixels, for models that look at it.
        location: latitude and longitude in degrees (WGS 84) from EXIF, or None.
        title: description in the metadata (EXIF ImageDescription, PNG Title or Description); untrusted.
        key: digest of the encoded bytes, by which pictures are told apart.
    """

    format: str
    size: tuple[int, int]
    thumbnail: Pillow.Image
    location: tuple[float, float] | None
    title: str | None
    key: bytes


def digest(data: bytes) -> bytes:
    """Short digest of an encoded image."""
    return blake2b(data, digest_size=16).digest()


@dataclass(frozen=True)
class Image:
    """A picture of the conversation; its bytes, or only its address where it was not fetched.

    Attributes:
        data: encoded bytes (JPEG, PNG, ...), or None for a remote picture that was not fetched.
        url: address of a remote picture.
        name: file name as the caller gave it; untrusted.
        param: where in the request it stood (``messages[0].content[1].image_url.url``), for error messages.
        picture: what was decoded from `data`, where somebody has done so.
    """

    data: bytes | None = None
    url: str | None = None
    name: str | None = None
    param: str | None = None
    picture: Picture | None = field(default=None, compare=False, repr=False)

    @cached_property
    def key(self) -> bytes:
        """Digest of `data`, by which pictures are told apart; megabytes are gone over once."""
        return self.picture.key if self.picture is not None else digest(self.data or b"")


@dataclass(frozen=True, slots=True)
class Turn:
    """One message: who spoke (``system``, ``user``, ``assistant``, ``tool``), what was said and shown.

    Attributes:
        unread: types of its parts that nobody reads: files, audio, what a later edition of an API may bring.
    """

    role: str
    text: str = ""
    images: tuple[Image, ...] = ()
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hints:
    """What the caller tells about the request, apart from the conversation itself.

    Attributes:
        country: ISO 3166-1 alpha-2 code of the destination, upper case.
        locale: BCP 47 tag of the user ("pt-BR").
        location: latitude and longitude in degrees, WGS 84.
        captions: what the pictures show, as alt texts or product titles do; evidence, not trusted.
    """

    country: str | None = None
    locale: str | None = None
    location: tuple[float, float] | None = None
    captions: tuple[str, ...] = ()

    def over(self, known: Hints) -> Hints:
        """These hints, and where they say nothing those of `known`."""
        return Hints(
            self.country or known.country,
            self.locale or known.locale,
            self.location or known.location,
            self.captions or known.captions,
        )


@dataclass(frozen=True, slots=True)
class Exchange:
    """A conversation in neutral form; nothing in it remembers a wire format.

    Attributes:
        turns: oldest first.
        hints: what the caller told beside the conversation.
        thread: name of earlier turns that the provider keeps and the request only refers to.
    """

    turns: tuple[Turn, ...]
    hints: Hints = Hints()
    thread: str | None = None

    @classmethod
    def of(cls, query: str, *, images: Sequence[Image] = (), hints: Hints | None = None) -> Self:
        """An exchange of one user turn."""
        return cls((Turn("user", query, tuple(images)),), hints or Hints())

    @property
    def images(self) -> tuple[Image, ...]:
        """All pictures of the conversation, oldest first."""
        return tuple(image for turn in self.turns for image in turn.images)

    def without_pictures(self) -> Self:
        """The conversation with no picture's bytes: their captions and names remain."""
        return self.with_images(lambda image: replace(image, data=None, picture=None))

    def with_images(self, change: Callable[[Image], Image]) -> Self:
        """The conversation with each picture as `change` gives it."""
        turns = tuple(
            replace(turn, images=tuple(map(change, turn.images))) if turn.images else turn for turn in self.turns
        )
        return replace(self, turns=turns)

    @property
    def query(self) -> str:
        """The text of the last user turn, or an empty string."""
        return next((turn.text for turn in reversed(self.turns) if turn.role == "user"), "")


def gist(text: str, limit: int = 2_000) -> str:
    """What a model that reads `limit` characters is shown of a text: of a long one the head and, for two thirds, the
    tail, where the question is."""
    return text if len(text) <= limit else f"{text[: limit // 3]} {text[-(limit - limit // 3 - 1) :]}"


Kind = Literal["language", "culture", "situation", "act", "intent", "concept", "norm"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that was noticed.

    Attributes:
        kind: what it speaks of.
        value: language (ISO 639-1), culture (ISO 3166-1 alpha-2), id of a situation, intent or concept, or a norm's id
            where the text names that norm's own object or rite.
        score: confidence, 0..1.
        source: where it came from: ``hint``, ``text``, ``history``, ``system``, ``language``, ``exif``, ``caption``,
            ``file-name``, ``vision``, ``ocr``, ``model``.
        shown: whether it is about what a picture shows rather than about what was written.
        role: of a culture, what it is to the question (``destination``, ``home``, ...); of a thing that is said not to
            be there, ``absent``.
        at: where it was read: number of the turn, and first and last character of its text; None where it was not read.
    """

    kind: Kind
    value: str
    score: float
    source: str
    shown: bool = False
    role: str | None = None
    at: tuple[int, int, int] | None = None


@dataclass(slots=True)
class Findings:
    """The evidence of one request, gathered and weighed.

    Independent pieces for the same value are joined by noisy-or; the strongest names the source.

    Attributes:
        roles: of each culture, what it is to the question, as far as that was read.
        absent: things that are said not to be there.
        evidence: the pieces, in the order in which they were noticed.
    """

    language: str | None = None
    cultures: dict[str, float] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    roles: dict[str, str] = field(default_factory=dict)
    situations: dict[str, float] = field(default_factory=dict)
    acts: dict[str, float] = field(default_factory=dict)
    intents: dict[str, float] = field(default_factory=dict)
    mentioned: dict[str, float] = field(default_factory=dict)
    shown: dict[str, float] = field(default_factory=dict)
    absent: dict[str, float] = field(default_factory=dict)
    named: dict[str, float] = field(default_factory=dict)
    degraded: list[str] = field(default_factory=list)
    evidence: tuple[Evidence, ...] = ()

    @classmethod
    def weigh(cls, evidence: Sequence[Evidence], degraded: Sequence[str] = ()) -> Self:
        """Join `evidence`: the same value from different sources grows more certain, from one source it does not."""
        best: dict[tuple[str, bool, str], dict[str, float]] = {}
        found = cls(degraded=list(degraded), evidence=tuple(evidence))
        strongest: dict[str, float] = {}
        for piece in evidence:
            if piece.role == "absent":
                found.absent[piece.value] = max(piece.score, found.absent.get(piece.value, 0.0))
                continue
            if piece.kind == "culture" and piece.role and piece.score >= strongest.get(piece.value, 0.0):
                found.roles[piece.value], strongest[piece.value] = piece.role, piece.score
            by_source = best.setdefault((piece.kind, piece.shown, piece.value), {})
            by_source[piece.source] = max(piece.score, by_source.get(piece.source, 0.0))
        language_score = 0.0
        for (kind, shown, value), by_source in best.items():
            score = 1 - math.prod(1 - one for one in by_source.values())
            match kind:
                case "culture":
                    found.cultures[value] = score
                    found.sources[value] = max(by_source, key=by_source.__getitem__)
                case "situation":
                    found.situations[value] = score
                case "act":
                    found.acts[value] = score
                case "intent":
                    found.intents[value] = score
                case "concept":
                    (found.shown if shown else found.mentioned)[value] = score
                case "norm":
                    found.named[value] = score
                case "language" if score > language_score:
                    found.language, language_score = value, score
        found.cultures = dict(sorted(found.cultures.items(), key=lambda item: -item[1]))
        return found


class Action(StrEnum):
    """Names of the actions that come with NormGuard (`guard.actions`)."""

    PASS = "pass"  # noqa: S105  (a word, not a secret)
    ADVISE = "advise"
    REWRITE = "rewrite"
    VERIFY = "verify"
    BLOCK = "block"
    MONITOR = "monitor"


@dataclass(frozen=True, slots=True)
class ScoredNorm:
    """A norm of the decision, by id, with its relevance (0..1)."""

    id: str
    score: float
    title: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What the guard concluded about one request.

    Attributes:
        action: what is to be done; the name of one of `guard.actions.ACTIONS`.
        sensitivity: probability that the request is culturally sensitive, 0..1.
        cultures: ``{code, score, from, role}``, likeliest destination first; the role where one was read.
        situations: ids, strongest first.
        concepts: ids named in the text or shown in a picture, strongest first.
        norms: the norms that the guidance carries, best first.
        guidance: the text that is sent to the model (that would be, under ``monitor`` and ``block``), or None.
        tokens: estimated size of the guidance.
        degraded: evidence sources that failed, were switched off or ran out of time.
        timings_ms: milliseconds by stage.
        model: name of the scorer that judged.
        shadow: what would have been done, had this request not been among those that are only monitored; else None.
        rewritten: the user's question as it is sent under ``rewrite``, else None.
        message: what the user is told under ``block``, else None.
        findings: the evidence behind it; no part of the decision's JSON.
    """

    action: str
    sensitivity: float
    cultures: tuple[Mapping[str, Any], ...] = ()
    situations: tuple[str, ...] = ()
    concepts: tuple[str, ...] = ()
    norms: tuple[ScoredNorm, ...] = ()
    guidance: str | None = None
    tokens: int = 0
    degraded: tuple[str, ...] = ()
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    model: str = ""
    shadow: str | None = None
    rewritten: str | None = None
    message: str | None = None
    findings: Findings | None = field(default=None, repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """The decision as JSON-ready data, in the order in which the fields are documented."""
        return {
            "action": str(self.action),
            "sensitivity": round(self.sensitivity, 4),
            "cultures": [dict(culture) for culture in self.cultures],
            "situations": list(self.situations),
            "concepts": list(self.concepts),
            "norms": [{"id": norm.id, "score": round(norm.score, 4), "title": norm.title} for norm in self.norms],
            "guidance": self.guidance,
            "tokens": self.tokens,
            "degraded": list(self.degraded),
            "timings_ms": {stage: round(ms, 3) for stage, ms in self.timings_ms.items()},
            "model": self.model,
            "shadow": str(self.shadow) if self.shadow else None,
            "rewritten": self.rewritten,
            "message": self.message,
        }
