"""Text as it is compared: compatibility forms resolved, invisible characters gone, and where each character stood."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

# What shows nothing and breaks words where it stands: soft hyphens, joiners, direction marks, variation selectors,
# tags, interlinear and musical controls, fillers. (Unicode: Default_Ignorable_Code_Point, and all of category Cf.)
_IGNORED = re.compile(
    "[\u00ad\u034f\u061c\u070f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\u0640]"
)
# A character and what is written onto it: marks, and the vowels and finals of a Hangul syllable that was taken apart.
_CLUSTER = re.compile(
    "(?s:.)[\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u064b-\u065f\u0670\u1160-\u11ff\u302a-\u302f\u3099\u309a\u1ab0-\u1aff"
    "\u1dc0-\u1dff\u20d0-\u20ff\uff9e\uff9f\u093c\u09bc\u0a3c\u0b3c\u0bbe\u0dca\u0dcf\u0ddf\u102e]*"
)
_SURROGATES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Normal:
    """A normalised text.

    Attributes:
        text: in form NFKC, without invisible characters; lone surrogates are replaced by U+FFFD.
        origin: for each character of `text`, and for its end, the index in the text that was given; None where they
            are the same.
    """

    text: str
    origin: tuple[int, ...] | None = None

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where in the text that was given the characters from `start` to `end` stand."""
        return (start, end) if self.origin is None else (self.origin[start], self.origin[end])


def normal(text: str) -> Normal:
    """`text` as it is compared with names, and the way back."""
    if text.isascii():
        return Normal(text)
    if not _SURROGATES.search(text):
        if not _IGNORED.search(text) and unicodedata.is_normalized("NFKC", text):
            return Normal(text)
    else:
        text = _SURROGATES.sub("\ufffd", text)
    pieces: list[str] = []
    origin: list[int] = []
    for cluster in _CLUSTER.finditer(text):
        if piece := unicodedata.normalize("NFKC", _IGNORED.sub("", cluster[0])):
            pieces.append(piece)
            origin += [cluster.start()] * len(piece)
    return Normal("".join(pieces), (*origin, len(text)))
