"""Sentences of a text that is still being written, in any of the supported languages."""

from __future__ import annotations

import re

# A full stop ends a sentence where a space follows it; the marks of scripts that write no spaces end one by themselves,
# as a line's end does. (Thai marks no sentences: there a line, or the limit, has to do.)
_END = re.compile(
    r"(?P<stop>[.!?…؟۔।॥።]+[\"'”’»)\]*_]*)(?P<gap>\s+)"
    r"|[。！？｡]+[」』”’）)*_]*\s*"
    r"|\n\s*"
)
# What looks like the end of a sentence and is none: "1. ", "e.g. ", initials.
_NOT_AN_END = re.compile(
    r"(?:(?:^|\n)\s*[-*(]*\d{1,3}|\b(?:e\.g|i\.e|Mr|Mrs|Ms|Dr|St|No|vs|approx|p\.ej|z\.B|[A-Z]))\.$"
)


class SentenceSplitter:
    """Cuts a text into sentences as it comes; joined, they are the text, character for character.

    Args:
        limit: characters after which a sentence is cut at a space, finished or not.
    """

    def __init__(self, limit: int = 400) -> None:
        self._limit = limit
        self._held = ""

    def feed(self, piece: str) -> list[str]:
        """The sentences that `piece` completes."""
        self._held += piece
        complete: list[str] = []
        start = 0
        for found in _END.finditer(self._held):
            # What ends at the end of what is held may go on: "?" to "?!", a space to more of them.
            if found.end() == len(self._held):
                break
            if found["stop"] and _NOT_AN_END.search(self._held[start : found.end("stop")]):
                continue
            complete.append(self._held[start : found.end()])
            start = found.end()
        self._held = self._held[start:]
        while len(self._held) > self._limit:
            space = self._held.rfind(" ", self._limit // 2, self._limit)
            cut = space + 1 if space >= 0 else self._limit
            complete.append(self._held[:cut])
            self._held = self._held[cut:]
        return complete

    def flush(self) -> list[str]:
        """The rest, at the end of the text."""
        rest, self._held = self._held, ""
        return [rest] if rest else []


def sentences(text: str, *, limit: int = 400) -> list[str]:
    """The sentences of a whole text, none longer than `limit` characters."""
    splitter = SentenceSplitter(limit)
    return [*splitter.feed(text), *splitter.flush()]
