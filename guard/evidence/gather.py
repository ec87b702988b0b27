"""Everything that is noticed about a request: hints, text, pictures' metadata, captions, file names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from guard.errors import ImageError
from guard.evidence.memory import ConversationMemory
from guard.norms.library import Library
from guard.pictures.decode import Picture, PictureCache, digest
from guard.text.languages import languages_of
from guard.text.lexicon import Lexicon
from guard.text.places import country_at
from guard.types import Evidence, Exchange, Findings, Image, Turn
from guard.vision.model import VisionModel
from guard.vision.ocr import SignReader

MAX_TEXT = 8_000
"""Characters of one text that are read; a question longer than that has said what it is about."""
_SHORTEST, _CAPTION = 400, 1_000
"""Characters that the shortest turn counts for, and those that are read of a caption."""
MAX_PICTURES = 32
"""Pictures that are looked at, the last ones."""
DISPENSABLE = frozenset({"thread", "remote-image", "timeout"})
"""What the guard does without, and is no fault: turns of other servers, pictures that are not fetched."""

# A picture's own words are weaker evidence than a caption that someone wrote for it.
_FILE_NAME = 0.7
_TITLE = 0.8
_HISTORY = 0.85
_SIGN = 0.6
_SYSTEM = 0.5

# Languages that suggest where somebody is at home; where the question leads, the text may say. Just enough to consider
# the norms of home when it names no other place.
_HOME_SCORE = 0.35
_HOME = {"ja": "JP", "th": "TH", "hi": "IN", "id": "ID", "fa": "IR", "am": "ET", "ko": "KR", "zh": "CN", "ru": "RU"}

# "I am from X" says where the asker comes from, not where the question leads: X is weighed down and read apart.
# ("I live in X" is left alone: who lives there is among the people whose norms these are.)
_ORIGIN = re.compile(
    r"(?:\bI(?:['’]m| am) (?:originally )?from|\bI come from|\bsoy de|\bvengo de|\bje viens (?:de|du|d['’])|"
    r"\bsou d[aeo]|\bя из|\bsaya (?:berasal )?dari|أنا من|من اهل)\s*"
    r"(?:the |la |los )?(?P<spaced>[^\W\d_]+(?: [A-Z]\w+)?)"
    r"|(?:我来自|我來自|我是從)(?P<unspaced>[\u4e00-\u9fff]{2,4})",
    re.IGNORECASE,
)
_ORIGIN_WEIGHT = 0.35

Source = Callable[[Exchange], Iterable[Evidence]]


class Gatherer:
    """Collects evidence from all sources; one that fails is reported as degraded and costs the others nothing.

    Pictures are decoded through `pictures`; a damaged one raises `ImageError`, which is the caller's fault and not a
    failure of the guard. `reader` is what a trained model makes of the wording.
    """

    def __init__(
        self,
        library: Library,
        pictures: PictureCache,
        *,
        vision: VisionModel | None = None,
        ocr: SignReader | None = None,
        reader: Source | None = None,
        memory: ConversationMemory | None = None,
    ) -> None:
        self._lexicon: Lexicon = library.lexicon
        self._library = library
        self._pictures = pictures
        self._vision = vision
        self._ocr = ocr
        self._memory = memory or ConversationMemory()
        self._sources: dict[str, Source] = {
            "hint": self._hints,
            "text": self._texts,
            "picture": self._metadata,
            "caption": self._captions,
        }
        if vision is not None:
            self._sources["vision"] = self._looks
        if ocr is not None:
            self._sources["ocr"] = self._signs
        if reader is not None:
            self._sources["model"] = reader

    def __call__(self, exchange: Exchange) -> Findings:
        evidence: list[Evidence] = []
        degraded: list[str] = []
        exchange = _recent(exchange)
        for name, source in self._sources.items():
            try:
                # One by one: what a source found before it failed still counts.
                for piece in source(exchange):
                    evidence.append(piece)  # noqa: PERF402
            except ImageError:
                raise
            except Exception:  # one source's fault must not take the others with it; it is reported, not hidden
                degraded.append(name)
        if exchange.thread is not None:
            earlier = self._memory.recall(exchange.thread)
            if earlier is None:
                degraded.append("thread")
            evidence += [replace(piece, score=piece.score * _HISTORY) for piece in earlier or ()]
        if any(image.data is None for image in exchange.images):
            degraded.append("remote-image")
        return Findings.weigh(evidence, degraded)

    def _hints(self, exchange: Exchange) -> Iterator[Evidence]:
        hints = exchange.hints
        if hints.country:
            yield Evidence("culture", hints.country, 0.75, "hint")
        if hints.location and (code := country_at(*hints.location)):
            yield Evidence("culture", code, 0.75, "hint")
        if hints.locale:
            language, _, rest = hints.locale.replace("_", "-").partition("-")
            yield Evidence("language", language.lower(), 0.5, "hint")
            region = rest.rpartition("-")[2]
            if len(region) == 2 and region.isalpha():
                yield Evidence("culture", region.upper(), 0.2, "locale")

    def _texts(self, exchange: Exchange) -> Iterator[Evidence]:
        user = [turn for turn in exchange.turns if turn.role == "user"]
        for turn in exchange.turns:
            if turn.role == "system":
                # The application's own prompt says where its users are, not what this one asks.
                yield from (piece for piece in self._read(turn.text, _SYSTEM, "system") if piece.kind == "culture")
            elif turn.role == "user":
                last = turn is user[-1]
                yield from self._read(turn.text, 1.0 if last else _HISTORY, "text" if last else "history")

    def _read(self, text: str, weight: float, source: str) -> Iterator[Evidence]:
        text = text[:MAX_TEXT]
        languages = languages_of(text)
        if languages and source == "text":
            yield Evidence("language", languages[0], 0.8, "text")
            if code := _HOME.get(languages[0]):
                yield Evidence("culture", code, _HOME_SCORE, "language")
        # English words occur in requests of every language: product names, brands, titles.
        known = tuple(dict.fromkeys((*languages, "en")))
        if origin := _ORIGIN.search(text):
            home = origin["spaced"] or origin["unspaced"]
            yield from self._named(home, known, weight * _ORIGIN_WEIGHT, "origin")
            text = text[: origin.start()] + " " + text[origin.end() :]
        yield from self._named(text, known, weight, source)

    def _named(
        self, text: str, languages: Iterable[str], weight: float, source: str, *, shown: bool = False
    ) -> Iterator[Evidence]:
        for entry in self._lexicon.find(text, languages):
            score = entry.score * weight
            if entry.kind == "concept":
                yield from self._concept(entry.value, score, source, shown=shown)
            else:
                yield Evidence(entry.kind, entry.value, score, source)

    def _metadata(self, exchange: Exchange) -> Iterator[Evidence]:
        for image in exchange.images:
            if image.data is not None:
                yield from self._picture(self._decoded(image, image.data))
            if name := _name_of(image):
                yield from self._named(name, ("en",), _FILE_NAME, "file-name", shown=True)

    def _decoded(self, image: Image, data: bytes) -> Picture:
        return image.picture or self._pictures.decode(data, param=image.param)

    def _picture(self, picture: Picture) -> Iterator[Evidence]:
        if picture.location and (code := country_at(*picture.location)):
            yield Evidence("culture", code, 0.8, "exif")
        if picture.title:
            languages = languages_of(picture.title)
            yield from self._named(picture.title, {*languages, "en"}, _TITLE, "caption", shown=True)

    def _looks(self, exchange: Exchange) -> Iterator[Evidence]:
        failed: Exception | None = None
        for image in exchange.images:
            if image.data is None or self._vision is None:
                continue
            picture = self._decoded(image, image.data)
            try:
                shown = self._vision.look(picture.thumbnail, picture.key)
            except Exception as error:  # a model may fail on one picture; the others are looked at all the same
                failed = error
                continue
            for concept, score in shown.items():
                yield from self._concept(concept, score, "vision", shown=True)
        if failed is not None:
            raise failed

    def _signs(self, exchange: Exchange) -> Iterator[Evidence]:
        failed: Exception | None = None
        for image in exchange.images:
            if image.data is None or self._ocr is None:
                continue
            try:
                text = self._ocr.read(image.data, digest(image.data))
            except Exception as error:  # one picture that is slow or breaks the engine; the others are read
                failed = error
                continue
            # A sign names things that need not be in sight: what it says is mentioned, not shown.
            yield from self._named(text, dict.fromkeys((*languages_of(text), "en")), _SIGN, "ocr")
        if failed is not None:
            raise failed

    def _concept(self, concept: str, score: float, source: str, *, shown: bool) -> Iterator[Evidence]:
        yield Evidence("concept", concept, score, source, shown)
        for above in self._library.vocabulary.broader(concept):
            score *= 0.85
            yield Evidence("concept", above, score, source, shown)

    def _captions(self, exchange: Exchange) -> Iterator[Evidence]:
        for caption in exchange.hints.captions:
            text = caption[:_CAPTION]
            yield from self._named(text, dict.fromkeys((*languages_of(text), "en")), 1.0, "caption", shown=True)


def _recent(exchange: Exchange) -> Exchange:
    """The end of a conversation: what a check costs must not grow with what is sent."""
    kept: list[Turn] = []
    room = {"user": 3 * MAX_TEXT, "system": 2 * MAX_TEXT}
    pictures = MAX_PICTURES
    for turn in reversed(exchange.turns):
        left = room.get(turn.role, 0)
        images = turn.images[-pictures:] if pictures else ()
        pictures -= len(images)
        if left > 0:
            kept.append(replace(turn, text=turn.text[: min(left, MAX_TEXT)], images=images))
            room[turn.role] = left - max(len(turn.text), _SHORTEST)
        elif images:
            kept.append(replace(turn, text="", images=images))
    return replace(exchange, turns=tuple(reversed(kept)))


def _name_of(image: Image) -> str:
    """The picture's file name as words: ``/shop/wall-clock_2.jpg`` reads "wall clock 2"."""
    path = image.name or (urlsplit(image.url).path if image.url else "")
    return re.sub(r"[-_+.]+", " ", PurePosixPath(unquote(path[-200:])).stem)
