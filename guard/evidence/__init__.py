"""What is noticed about a request, one source a file. A new one is a file here and a line in `SOURCES`."""

from __future__ import annotations

from guard.evidence.base import Parts, Source
from guard.evidence.captions import Captions
from guard.evidence.hints import Hints
from guard.evidence.history import History
from guard.evidence.language import Language
from guard.evidence.looks import Looks
from guard.evidence.metadata import Metadata
from guard.evidence.signs import Signs
from guard.evidence.text import Text
from guard.evidence.wording import Wording

SOURCES: tuple[type[Source], ...] = (Hints, Text, Language, Metadata, Captions, Looks, Signs, Wording, History)
"""In the order in which they are asked."""

NOT_FETCHED, OUT_OF_TIME, LONG, MANY, UNREAD = "remote-image", "timeout", "text-limit", "picture-limit", "unread-part"
"""What `Decision.degraded` may name beside sources: a picture with no bytes, pictures that took too long, a text of
which the middle was not read, or turns that were not; pictures that nobody looked at because there were more of them; a
file, audio or another part of a message that is not read."""


def sources(parts: Parts) -> tuple[Source, ...]:
    """All sources, built of `parts`."""
    return tuple(source(parts) for source in SOURCES)


def dispensable() -> frozenset[str]:
    """What of `Decision.degraded` the guard does without, and is no fault."""
    return frozenset(
        {NOT_FETCHED, OUT_OF_TIME, LONG, MANY, UNREAD, *(source.name for source in SOURCES if source.may_be_missing)}
    )
