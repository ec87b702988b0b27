"""Everything that is noticed about a request, from all sources."""

from __future__ import annotations

import contextlib
from dataclasses import replace

from guard.evidence import NOT_FETCHED, sources
from guard.evidence.base import Parts
from guard.evidence.text import MAX_TEXT
from guard.types import Evidence, Exchange, Findings, Image, Turn

MAX_PICTURES = 32
"""Pictures that are looked at, the last ones."""
_SHORTEST = 400  # characters that the shortest turn counts for


class Gatherer:
    """Collects evidence from all sources; one that fails is reported as degraded and costs the others nothing.

    A damaged picture raises `ImageError`, which is the caller's fault and not a failure of the guard.
    """

    def __init__(self, parts: Parts) -> None:
        self._pictures = parts.pictures
        self._sources = sources(parts)

    def prefetch(self, image: Image) -> Image:
        """`image` decoded, with what is slow about it worked out ahead of the call; raises `ImageError`."""
        image = self._decoded(image)
        if image.picture is not None and image.data is not None:
            for source in self._sources:
                with contextlib.suppress(Exception):  # the call meets the same fault, and reports it
                    source.prefetch(image.picture, image.data)
        return image

    def __call__(self, exchange: Exchange) -> Findings:
        evidence: list[Evidence] = []
        degraded: list[str] = []
        exchange = _recent(exchange)
        if images := exchange.images:
            exchange = exchange.with_images(self._decoded)
        for source in self._sources:
            try:
                # One by one: what a source found before it failed still counts.
                for piece in source(exchange):
                    evidence.append(piece)  # noqa: PERF402
            except Exception:  # one source's fault must not take the others with it; it is reported, not hidden
                degraded.append(source.name)
        if any(image.data is None for image in images):
            degraded.append(NOT_FETCHED)
        return Findings.weigh(evidence, degraded)

    def _decoded(self, image: Image) -> Image:
        if image.data is None or image.picture is not None:
            return image
        return replace(image, picture=self._pictures.decode(image.data, param=image.param, key=image.key))


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
