"""What a source of evidence is, and what it may be built of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from guard.evidence.memory import ConversationMemory
from guard.norms.library import Library
from guard.pictures.decode import PictureCache
from guard.types import Evidence, Exchange, Image, Picture
from guard.vision.model import VisionModel
from guard.vision.ocr import SignReader


@dataclass(frozen=True, slots=True)
class Parts:
    """What a guard has for its sources to go by.

    Attributes:
        read: what a trained model makes of the wording.
    """

    library: Library
    pictures: PictureCache = field(default_factory=PictureCache)
    vision: VisionModel | None = None
    ocr: SignReader | None = None
    read: Callable[[Exchange], Iterable[Evidence]] | None = None
    memory: ConversationMemory = field(default_factory=ConversationMemory)


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

    @classmethod
    def is_here(cls, parts: Parts) -> bool:
        """Whether `parts` hold what it cannot do without."""
        return True

    def prefetch(self, picture: Picture, data: bytes) -> None:
        """Work out ahead, off the event loop, what is slow about a picture; the call then finds it in a cache."""

    def __call__(self, exchange: Exchange) -> Iterable[Evidence]:
        raise NotImplementedError


def of_each(images: Iterable[Image], read: Callable[[Picture, bytes], Iterable[Evidence]]) -> Iterator[Evidence]:
    """What `read` makes of each picture; one that it fails on costs the others nothing, and is raised at the end."""
    failed: Exception | None = None
    for image in images:
        if image.picture is None or image.data is None:
            continue
        try:
            yield from read(image.picture, image.data)
        except Exception as error:  # a model may fail on one picture
            failed = error
    if failed is not None:
        raise failed
