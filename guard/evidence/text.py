"""What the conversation says."""

from __future__ import annotations

import re
from collections.abc import Iterator

from guard.evidence.base import Source
from guard.text.languages import languages_of
from guard.types import Evidence, Exchange

MAX_TEXT = 8_000
"""Characters of one text that are read; a question longer than that has said what it is about."""
HISTORY = 0.85
"""What earlier turns weigh beside the last."""

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


class Text(Source):
    """Languages, places, things and occasions in what users say; of the application's own prompt, places alone."""

    name = "text"

    def __call__(self, exchange: Exchange) -> Iterator[Evidence]:
        user = [turn for turn in exchange.turns if turn.role == "user"]
        for turn in exchange.turns:
            if turn.role == "system":
                # The application's own prompt says where its users are, not what this one asks.
                yield from (piece for piece in self._read(turn.text, _SYSTEM, "system") if piece.kind == "culture")
            elif turn.role == "user":
                last = turn is user[-1]
                yield from self._read(turn.text, 1.0 if last else HISTORY, "text" if last else "history")

    def _read(self, text: str, weight: float, source: str) -> Iterator[Evidence]:
        text = text[:MAX_TEXT]
        languages = languages_of(text)
        if languages and source == "text":
            yield Evidence("language", languages[0], 0.8, "text")
            if code := _HOME.get(languages[0]):
                yield Evidence("culture", code, _HOME_SCORE, "language")
        if origin := _ORIGIN.search(text):
            home = origin["spaced"] or origin["unspaced"]
            yield from self.named(home, weight * _ORIGIN_WEIGHT, "origin", languages=languages)
            text = text[: origin.start()] + " " + text[origin.end() :]
        yield from self.named(text, weight, source, languages=languages)
