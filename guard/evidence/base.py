"""What a source of evidence is, what it may be built of, and how it tells of things."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

from guard.evidence.memory import ConversationMemory
from guard.norms.library import Library
from guard.pictures.decode import PictureCache
from guard.reading.reader import Reader
from guard.reading.roles import WEIGHTS
from guard.types import Evidence, Exchange, Picture
from guard.vision.model import VisionModel
from guard.vision.ocr import SignReader


@dataclass(frozen=True)
class Parts:
    """What a guard has for its sources to go by; `read` is what a trained model makes of the wording.

    A source whose part is None gives nothing, and that is no failure.
    """

    library: Library
    pictures: PictureCache = field(default_factory=PictureCache)
    vision: VisionModel | None = None
    ocr: SignReader | None = None
    read: Callable[[Exchange], Iterable[Evidence]] | None = None
    memory: ConversationMemory = field(default_factory=ConversationMemory)

    @cached_property
    def reader(self) -> Reader:
        """What reads texts by the library's names."""
        return Reader(self.library)


class Source:
    """Something that evidence comes from.

    Called with an exchange whose pictures are decoded, it gives what it noticed. Whatever it raises is reported under
    its name and costs the others nothing; what it gave before counts.

    Attributes:
        name: what it is called in `Decision.degraded`, in metrics and in the documentation.
        may_be_missing: whether it is no fault when it fails, whatever the policy.
    """

    name: ClassVar[str]
    may_be_missing: ClassVar[bool] = False

    def __init__(self, parts: Parts) -> None:
        self.parts = parts

    def prefetch(self, picture: Picture, data: bytes) -> None:
        """Work out ahead, off the event loop, what is slow about a picture; the call then finds it in a cache."""

    def __call__(self, exchange: Exchange) -> Iterable[Evidence]:
        raise NotImplementedError

    def named(
        self, text: str, weight: float, source: str, *, languages: Sequence[str] | None = None, shown: bool = True
    ) -> Iterator[Evidence]:
        """Everything that is named in a text about a picture, read in `languages`, or in those it is written in.

        Args:
            shown: whether what it names is in sight.
        """
        for mention in self.parts.reader(text, languages).mentions:
            if mention.role == "absent":
                continue
            score = mention.score * weight
            if mention.kind == "concept":
                yield from self.concept(mention.value, score, source, shown=shown)
            elif mention.kind == "culture":
                yield Evidence("culture", mention.value, score * WEIGHTS[mention.role or "mention"], source)
            else:
                yield Evidence(mention.kind, mention.value, score, source)  # type: ignore[arg-type]

    def concept(self, id_: str, score: float, source: str, *, shown: bool = True) -> Iterator[Evidence]:
        """A concept, and those that it is a kind of, each a little less certain."""
        yield Evidence("concept", id_, score, source, shown)
        for above in self.parts.library.vocabulary.broader(id_):
            score *= 0.85
            yield Evidence("concept", above, score, source, shown)


class PictureSource(Source):
    """A source that looks at each picture; one that it fails on costs the others nothing."""

    def of(self, picture: Picture, data: bytes) -> Iterator[Evidence]:
        """What it notices in a picture."""
        raise NotImplementedError

    def prefetch(self, picture: Picture, data: bytes) -> None:
        deque(self.of(picture, data), maxlen=0)

    def __call__(self, exchange: Exchange) -> Iterator[Evidence]:
        failed: Exception | None = None
        for image in exchange.images:
            try:
                if image.picture is not None and image.data is not None:
                    yield from self.of(image.picture, image.data)
            except Exception as error:  # raised at the end, after what the others gave
                failed = error
        if failed is not None:
            raise failed
