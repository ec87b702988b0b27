"""Everything that is noticed about a request, from all sources."""

from __future__ import annotations

import contextlib
from dataclasses import replace

from guard.evidence import LONG, MANY, NOT_FETCHED, UNREAD, sources
from guard.evidence.base import Parts
from guard.types import Evidence, Exchange, Findings, Image, Turn

MAX_PICTURES = 32
"""Pictures that are looked at, the last ones."""
MAX_TEXT = 16_000
"""Characters of one text that are read: a third of them at its head, the others at its tail, where the question is."""
_ROOM = {"user": 3 * MAX_TEXT, "system": MAX_TEXT, "assistant": MAX_TEXT, "tool": MAX_TEXT}
_SHORTEST = 400  # characters that the shortest turn counts for
_GAP = "\n\n"


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
        exchange, left_out = self.bounded(exchange)
        degraded += left_out
        if any(turn.unread for turn in exchange.turns if turn.role in ("user", "tool")):
            degraded.append(UNREAD)
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

    @staticmethod
    def bounded(exchange: Exchange) -> tuple[Exchange, list[str]]:
        """The part of a conversation that is read, and what of it is not: what a check costs must not grow unbounded.

        The last turns are read, of a long one the head and the tail: a pasted page has its question at the end.
        """
        kept: list[Turn] = []
        left_out: dict[str, None] = {}
        room = dict(_ROOM)
        pictures = MAX_PICTURES
        for turn in reversed(exchange.turns):
            left = room.get(turn.role, 0)
            images = turn.images[-pictures:] if pictures else ()
            pictures -= len(images)
            if len(images) < len(turn.images):
                left_out[MANY] = None
            text = _ends(turn.text, min(left, MAX_TEXT))
            if len(text) < len(turn.text):
                left_out[LONG] = None
            kept.append(replace(turn, text=text, images=images))
            room[turn.role] = left - max(len(turn.text), _SHORTEST)
        return replace(exchange, turns=tuple(reversed(kept))), list(left_out)


def _ends(text: str, limit: int) -> str:
    """The head and the tail of a text, cut where words end."""
    if len(text) <= limit:
        return text
    if limit <= 0:
        return ""
    head, tail = text[: limit // 3], text[-(limit - limit // 3 - len(_GAP)) :]
    return head[: head.rfind(" ") + 1 or None] + _GAP + tail[max(tail.find(" "), 0) if tail.find(" ") < 100 else 0 :]
